"""A field that the command line asks for, and what is made of such fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from inspect import Parameter, signature
from typing import Any, TypeVar

Door = TypeVar("Door", bound=Callable[..., Any])

WITHIN = "within"
"""Under which a field says what options it holds in turn."""

UNITS = ("vit", "merged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """How a field is asked for on the command line.

    Attributes
    ----------
    group : str
        What it belongs to.
    kind : str
        How its text is read: a key of `cli.option_types.KINDS`, or "flag", which turns
        the field's default round.
    text : str
        Its help.
    name : str
        What is typed, where that is not the field's name.
    metavar : str or None
        What stands for its value in the help.
    shown : str or None
        Its default as it would be typed; None where the help tells it.
    repeats : bool
        Whether it may be given more than once.
    once : bool
        Whether giving it again is refused; otherwise the last one counts.
    required : bool
        Whether it must be given.
    """

    group: str
    kind: str
    text: str
    name: str = ""
    metavar: str | None = None
    shown: str | None = None
    repeats: bool = False
    once: bool = False
    required: bool = False


def asked(default: Any, group: str, kind: str, text: str, **more: Any) -> Any:
    """Return a field that the command line asks for; MISSING is no default."""
    option = Option(
        group=group, kind=kind, text=text, required=default is MISSING, **more
    )
    return field(default=default, metadata={"option": option})


def options_in(options: type, *groups: str) -> dict[str, Option]:
    """Return the options of the groups, or all of them, by the field they set.

    Those of a field that holds options in turn follow its name: `video_max_frames`.
    """
    found: dict[str, Option] = {}
    for each in fields(options):
        if inner := each.metadata.get(WITHIN):
            named = options_in(inner, *groups).items()
            found |= {f"{each.name}_{name}": option for name, option in named}
        option = each.metadata.get("option")
        if option and (not groups or option.group in groups):
            found[each.name] = option
    return found


def typed(options: type, values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the fields of options out of values that are named as by `options_in`.

    They are checked: what cannot be is told before anything is read.
    """
    found = {}
    for each in fields(options):
        name = f"{prefix}{each.name}"
        if inner := each.metadata.get(WITHIN):
            found[each.name] = inner(**typed(inner, values, f"{name}_"))
        elif name in values:
            found[each.name] = values[name]
    options(**found)
    return found


def typed_name(field: str) -> str:
    """Return what is typed for a field that goes by its own name."""
    return f"--{field.replace('_', '-')}"


def takes(options: type) -> Callable[[Door], Door]:
    """Let `help` tell the keywords of a function: the fields of its options."""

    def told(function: Door) -> Door:
        own = [
            each
            for each in signature(function).parameters.values()
            if each.kind is not Parameter.VAR_KEYWORD
        ]
        whole = signature(function).replace(
            parameters=[*own, *signature(options).parameters.values()]
        )
        vars(function)["__signature__"] = whole
        return function

    return told


def recorded_of(options: object, names: Iterable[str]) -> dict[str, Any]:
    """Return fields by name, as JSON has them."""
    return {name: _plain(getattr(options, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): each for key, each in sorted(value.items())}
    if isinstance(value, (tuple, list)):
        return list(value)
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value


def not_among(name: str, value: str, known: Iterable[str]) -> list[str]:
    """Return what is wrong with a value of which there are few; nothing if it is one."""
    expected = f"expected one of {', '.join(known)}"
    return [] if value in known else [f"{name}: {expected}, got {value!r}"]
