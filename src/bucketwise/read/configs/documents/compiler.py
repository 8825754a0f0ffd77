"""Words of optimum-rbln-cli -> the configuration that it compiles."""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bucketwise.lint.subject import Document, Unknown
from bucketwise.read.configs.documents.excerpt import Excerpt
from bucketwise.read.configs.documents.names import Release, family_of
from bucketwise.read.configs.documents.options import Pair, Settings
from bucketwise.read.configs.documents.shell import Command, Given
from bucketwise.read.configs.documents.text import Text

COMPILER_OPTIONS: Mapping[str, bool] = {
    "model-id": True,
    "output-dir": True,
    "class": True,
    "show-rbln-config": False,
    "get-kvcache-num-blocks": False,
    "set-kvcache-num-blocks": True,
    "set-memory-budget": True,
    "list-classes": False,
    "examples": False,
    "version": False,
    "no-style": False,
    "hf-token": True,
    "hf-revision": True,
    "hf-cache-dir": True,
    "hf-force-download": False,
    "hf-local-files-only": False,
}
"""Options of optimum-rbln-cli itself, and whether each takes a value (optimum-rbln
0.12.0, cli.py, main); any other is a setting of the configuration, or with hf- in front
for transformers."""

_WITHOUT_COMPILE = frozenset({
    "show-rbln-config", "get-kvcache-num-blocks", "set-kvcache-num-blocks",
    "set-memory-budget", "list-classes", "examples", "version",
})  # fmt: skip
"""Options with which optimum-rbln-cli does something else (0.12.0, cli.py, main)."""

_OWN_NUMBER = re.compile(r"-?\d+")


def compiled_by(command: Command, text: Text, release: Release) -> tuple[Document, ...]:
    """Return what a command compiles; () where it does something else.

    Parameters
    ----------
    command : Command
        Of optimum-rbln-cli.
    text : Text
        Where it was read.
    release : Release
        The one the text is for.
    """
    pairs = compiler_pairs(command.words)
    own = {
        own_option(pair.name.text): pair.told.text if pair.told else ""
        for pair in pairs
    }
    if _WITHOUT_COMPILE & set(own):
        return ()
    settings = compiler_settings(pairs, command.at)
    class_name = own.get("class", "")
    return (
        Document(
            config=settings.value,
            form="compile",
            source=text.name,
            places=settings.places,
            class_name=class_name,
            family=family_of(class_name),
            version=release.version,
            version_source=release.source,
            model=own.get("model-id", ""),
        ),
    )


def compiler_pairs(words: Sequence[Given]) -> list[Pair]:
    """Return every option of optimum-rbln-cli with its value.

    What follows an option is its value unless it begins with two dashes, and words
    between are passed over (optimum-rbln 0.12.0, cli.py, main).
    """
    left = deque(words)
    pairs = []
    while left:
        word = left.popleft()
        if word.text == "-o":
            word = Given(word.excerpt.saying("--output-dir"))
        if not word.text.startswith("--"):
            continue
        name = word.excerpt[2:]
        typed, equals, _ = name.text.partition("=")
        if equals and own_option(typed):
            told = Given(name[len(typed) + 1 :], word.unresolved)
            pairs.append(Pair(name[: len(typed)], told))
            continue
        follows = left and not left[0].text.startswith("--")
        takes = COMPILER_OPTIONS.get(own_option(name.text), True)
        pairs.append(Pair(name, left.popleft() if follows and takes else None))
    return pairs


def own_option(typed: str) -> str:
    """Return the option of optimum-rbln-cli that a name stands for; "" for a setting.

    argparse takes the beginning of a name where one option alone has it.
    """
    if typed in COMPILER_OPTIONS:
        return typed
    found = [name for name in COMPILER_OPTIONS if typed and name.startswith(typed)]
    return found[0] if len(found) == 1 else ""


def compiler_settings(pairs: Sequence[Pair], at: Excerpt) -> Settings:
    """Return the configuration that optimum-rbln-cli hands over.

    Parameters
    ----------
    pairs : sequence of Pair
        Its options.
    at : Excerpt
        Where the command stands.
    """
    found = Settings(at)
    for pair, keys in settings_in(pairs):
        found.set(keys, _compiler_value(pair.told) if pair.told else True, pair)
    # Where nobody asks for them the command makes none (cli.py, main).
    found.value.setdefault("create_runtimes", False)
    return found


def settings_in(pairs: Sequence[Pair]) -> Iterator[tuple[Pair, list[str]]]:
    """Yield options of optimum-rbln-cli that are settings, with their keys."""
    for pair in pairs:
        name = pair.name.text.replace("-", "_")
        if not own_option(pair.name.text) and not name.startswith("hf_"):
            yield pair, name.split(".")


def _compiler_value(told: Given) -> Any:
    """Return a value as optimum-rbln-cli reads it (cli.py, parse_value)."""
    text = told.text
    if told.unresolved:
        return Unknown(text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if "," in text:
        return [_compiler_single(part.strip()) for part in text.split(",")]
    return _compiler_single(text)


def _compiler_single(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    return int(text) if _OWN_NUMBER.fullmatch(text) else number
