"""Words of a command line -> options, as vLLM's own parser takes them."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from bucketwise.lint.finding import Path
from bucketwise.lint.subject import Unknown
from bucketwise.sources.configs.documents.serving import Option, Options
from bucketwise.traffic import Place

_SHORT = {
    "-tp": "--tensor-parallel-size",
    "-pp": "--pipeline-parallel-size",
    "-dp": "--data-parallel-size",
    "-q": "--quantization",
}

# Switches that may stand before the model (vllm 0.24, vllm/engine/arg_utils.py and
# entrypoints/openai/cli_args.py): what follows any other option is its value.
_SWITCHES = frozenset(
    {
        "disable-log-requests",
        "disable-log-stats",
        "enable-auto-tool-choice",
        "enable-chunked-prefill",
        "enable-log-requests",
        "enable-lora",
        "enable-prefix-caching",
        "enforce-eager",
        "headless",
        "no-enable-chunked-prefill",
        "no-enable-log-requests",
        "no-enable-prefix-caching",
        "skip-tokenizer-init",
        "trust-remote-code",
    }
)

_PASSED_ON = ("$@", "${@}", "$*", "${*}")
"""What a script was called with."""

_SHORT_NUMBER = re.compile(r"(\d+(?:\.\d+)?)([kKmMgGtT])")
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}


class Given(NamedTuple):
    """One word: its text, parts of it only a shell would know, and its line."""

    text: str
    unresolved: tuple[str, ...]
    line: int


def options_of(words: Sequence[Given], place: Place) -> Options:
    """Return what a command line tells a server.

    Parameters
    ----------
    words : sequence of Given
        What stands behind `vllm serve`.
    place : Place
        Where the command begins.

    Returns
    -------
    Options
        Without environment. Dotted options (`--additional-config.rbln_config.batch_size
        8`) are put together, and overtake a JSON text of the same option, as in vLLM
        0.24 (vllm/utils/argparse_utils.py).
    """
    model, pairs = _pairs(words)
    plain: dict[str, Option] = {}
    dotted: dict[str, _Dotted] = {}
    for name, told in pairs:
        first, *keys = name.split(".")
        first = first.replace("_", "-")
        if keys:
            given = dotted.setdefault(first, _Dotted(place.source, told.line))
            given.add(keys, told)
        else:
            plain.pop(first, None)
            plain[first] = Option(
                name=first,
                value=told.text,
                place=Place(source=place.source, line=told.line),
                unresolved=told.unresolved,
            )
    if "model" in plain:
        model = plain.pop("model").value
    notes = tuple(
        f"{plain[name].place}: --{name} is overtaken by --{name}.*, as in vLLM"
        for name in dotted
        if name in plain
    )
    if "config" in plain:
        notes += (f"{plain['config'].place}: the file behind --config was not read",)
    together = plain | {name: found.option(name) for name, found in dotted.items()}
    return Options(
        model=model,
        options=tuple(together.values()),
        environment={},
        place=place,
        notes=notes,
    )


def _pairs(words: Sequence[Given]) -> tuple[str, list[tuple[str, Given]]]:
    """Return the first word that is no option, and every option with its value."""
    left = deque(word for word in words if word.text not in _PASSED_ON)
    model = ""
    pairs = []
    while left:
        word = left.popleft()
        if not word.text.startswith("-"):
            model = model or word.text
            continue
        name, equals, value = _SHORT.get(word.text, word.text).partition("=")
        name = name.lstrip("-")
        if equals:
            told = Given(value, word.unresolved, word.line)
        elif (
            name.replace("_", "-") in _SWITCHES or not left or _is_option(left[0].text)
        ):
            told = Given("", (), word.line)
        else:
            told = left.popleft()
        pairs.append((name, told))
    return model, pairs


def _is_option(text: str) -> bool:
    return re.match(r"--?[A-Za-z]", text) is not None


class _Dotted:
    """An option that is given key by key.

    Parameters
    ----------
    source : str
        Base name of the file.
    line : int
        Where the first key stands.
    """

    def __init__(self, source: str, line: int) -> None:
        self._source = source
        self._value: dict[str, Any] = {}
        self._places: dict[Path, Place] = {(): Place(source=source, line=line)}

    def add(self, keys: list[str], told: Given) -> None:
        """Add one key; lists given twice grow."""
        *before, last = keys
        value: Any
        if last.endswith("+"):
            last, value = last[:-1], told.text.split(",")
        else:
            value = _value(told)
        level: dict[str, Any] = self._value
        path: Path = ()
        for key in before:
            path = (*path, key)
            if not isinstance(level.get(key), dict):
                level[key] = {}
            level = level[key]
            self._note(path, told.line)
        known = level.get(last)
        if isinstance(known, list) and isinstance(value, list):
            value = known + value
        level[last] = value
        self._note((*path, last), told.line)

    def option(self, name: str) -> Option:
        """Return it as if it had been given at once."""
        return Option(
            name=name, value=self._value, place=self._places[()], places=self._places
        )

    def _note(self, path: Path, line: int) -> None:
        self._places.setdefault(path, Place(source=self._source, line=line))


def _value(told: Given) -> Any:
    if told.unresolved:
        return Unknown(told.text)
    try:
        return json.loads(told.text)
    except (ValueError, RecursionError):
        pass
    match = _SHORT_NUMBER.fullmatch(told.text)
    if match is None:
        return told.text
    base = 1_024 if match[2].isupper() else 1_000
    return int(float(match[1]) * base ** _POWERS[match[2].lower()])
