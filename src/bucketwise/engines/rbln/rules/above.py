"""Rules about the level above that of the language model, where a class has one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bucketwise.engines.rbln.keys import (
    EVERY,
    FORCED_UNTIL,
    FORCED_WITHIN,
    KEYS,
    standing,
)
from bucketwise.engines.rbln.model_classes import SUBMODULES
from bucketwise.engines.rbln.releases import written
from bucketwise.engines.rbln.rules.case import RblnCase
from bucketwise.engines.rbln.rules.keys import is_compiled
from bucketwise.engines.rbln.rules.values import release, shown, unknown
from bucketwise.lint.finding import Finding, Fix

_EVERYWHERE = frozenset(each.name for each in KEYS if each.levels == EVERY)
"""What every class takes, whatever level it is for."""

_CLASS = "transformers/models/colqwen2/configuration_colqwen2.py"


def no_language_model(subject: RblnCase) -> Iterator[Finding]:
    """Nothing in the submodule that holds the language model, or its ViT beside it."""
    [name] = subject.inside
    config = subject.document.config
    misplaced = [each for each in SUBMODULES if each != name and each in config]
    for each in misplaced:
        yield Finding(
            severity="error",
            path=(each,),
            found=f"{each} at the top level",
            why=f"this class has one submodule, {name} ({_CLASS}, {release(subject)})",
            right=f"{name}.{each}",
            raises="ValueError: Unexpected arguments",
        )
    if isinstance(config.get(name), Mapping) or misplaced:
        return
    if name in config and unknown(config[name]):
        return
    yield Finding(
        severity="error",
        path=(name,) if name in config else (),
        found=f"{name} is {shown(config[name])}" if name in config else f"no {name}",
        why=f"the language model and its ViT are configured there ({_CLASS})",
        right=f'"{name}": {{"visual": {{...}}, "max_seq_len": ...}}',
    )


def no_effect_above(subject: RblnCase) -> Iterator[Finding]:
    """A setting above the language model that is taken and read by nothing.

    The class is a decoder's by descent, and has no graph of its own.
    """
    [name] = subject.inside
    handed_down = {*_EVERYWHERE, *FORCED_WITHIN, name}
    for key in subject.document.config:
        if key in handed_down or is_compiled(key, subject) or key in SUBMODULES:
            continue
        if standing(key, "outer", subject.version, subject.family) == "refused":
            continue
        yield Finding(
            severity="warning",
            path=(key,),
            found=f"{key} at the top level",
            why=f"{release(subject)} takes it and reads it nowhere: the language model is "
            f"{name} ({_CLASS})",
            right=f"{name}.{key}",
            fixes=(Fix(path=(key,), action="remove"),),
        )


def forced_within(subject: RblnCase) -> Iterator[Finding]:
    """A setting of the language model that the class above it decides.

    Up to 0.11.1 another value raises; later ones take it.
    """
    if subject.version >= FORCED_UNTIL or subject.document.form == "compiled":
        return
    [name] = subject.inside
    config, level = subject.document.config, subject.written
    for key, default in FORCED_WITHIN.items():
        above = config.get(key) if default is None else default
        if key not in level or unknown(level[key]) or level[key] == above:
            continue
        movable = default is None and key not in config
        yield Finding(
            severity="error",
            path=(name, key),
            found=f"{name}.{key} {shown(level[key])}",
            why=f"before {written(FORCED_UNTIL)} it must be what the top level hands down, "
            f"{shown(above)} ({_CLASS})",
            right=f"{key} at the top level" if default is None else "leave it out",
            raises=f"ValueError: Parameter conflict for '{key}'",
            fixes=(
                *(
                    (Fix(path=(key,), action="set", value=level[key]),)
                    if movable
                    else ()
                ),
                Fix(path=(name, key), action="remove"),
            ),
        )
