"""Words of a command -> options with their values, as the program's own parser has them."""

from __future__ import annotations

import json
import math
import os
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bucketwise.nouns.document import Document, Path, Unknown
from bucketwise.nouns.traffic import Place
from bucketwise.nouns.vocabulary import Compiler
from bucketwise.read.configs.documents.excerpt import Excerpt, whole
from bucketwise.read.configs.documents.names import Release
from bucketwise.read.configs.documents.shell import Command, Given
from bucketwise.read.configs.documents.text import Text, read_text
from bucketwise.read.configs.documents.yaml_tree import yaml_trees

_SHORT = {
    "-tp": "--tensor-parallel-size", "-pp": "--pipeline-parallel-size",
    "-dp": "--data-parallel-size", "-q": "--quantization",
}  # fmt: skip

# Switches that may stand before the model (vllm 0.24, vllm/engine/arg_utils.py and
# entrypoints/openai/cli_args.py): what follows any other option is its value.
_SWITCHES = frozenset({
    "disable-log-requests", "disable-log-stats", "enable-auto-tool-choice",
    "enable-chunked-prefill", "enable-log-requests", "enable-lora",
    "enable-prefix-caching", "enforce-eager", "headless", "no-enable-chunked-prefill",
    "no-enable-log-requests", "no-enable-prefix-caching", "skip-tokenizer-init",
    "trust-remote-code",
})  # fmt: skip

_PASSED_ON = ("$@", "${@}", "$*", "${*}", "%*", "$args")
"""What a script was called with."""

_SHORT_NUMBER = re.compile(r"(\d+(?:\.\d+)?)([kKmMgGtT])")
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}

_OWN_NUMBER = re.compile(r"-?\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option.

    Attributes
    ----------
    name : str
        Long, without the dashes in front.
    value : object
        Its text, or what a file or a Python call already made of it.
    place : Place
        Where it stands.
    places : mapping of tuple of str to Place
        Where values in it stand, if it is no text.
    unresolved : tuple of str
        Parts of the text that only a shell would know.
    excerpt : Excerpt or None
        Its text, where it is one of a command.
    """

    name: str
    value: Any
    place: Place
    places: Mapping[Path, Place] = field(default_factory=dict)
    unresolved: tuple[str, ...] = ()
    excerpt: Excerpt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Every option of one server.

    Attributes
    ----------
    model : str
        What it serves; "" where that is not told.
    options : tuple of Option
        In their order; of two with one name the later counts.
    environment : mapping of str to str
        Variables set for it.
    place : Place
        Where it begins.
    notes : tuple of str
        What of it could not be read.
    """

    model: str
    options: tuple[Option, ...]
    environment: Mapping[str, str]
    place: Place
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """An option as it is written: its name without dashes, and the word that is its value.

    Attributes
    ----------
    name : Excerpt
        The name; where it stands.
    told : Given or None
        The value; None for a switch.
    last : Given or None
        The last of the words that a list takes; None for a value of one word.
    """

    name: Excerpt
    told: Given | None
    last: Given | None = None

    @property
    def keys(self) -> list[str]:
        """The parts between the dots of its name."""
        return self.name.text.split(".")


def options_of(command: Command) -> Options:
    """Return what a command line tells a server of vLLM.

    Returns
    -------
    Options
        Dotted options (`--additional-config.rbln_config.batch_size 8`) are put
        together, and overtake a JSON text of the same option, as in vLLM 0.24
        (vllm/utils/argparse_utils.py).
    """
    model, pairs = server_pairs(command.words)
    plain: dict[str, Option] = {}
    dotted: dict[str, Settings] = {}
    notes: list[str] = []
    for pair in pairs:
        first, *keys = pair.keys
        first = first.replace("_", "-")
        if " " in first:
            notes.append(f"{pair.name.place()}: --{first[:60]!r} is one word, not two")
        elif keys:
            dotted.setdefault(first, Settings(pair.name)).add(keys, pair)
        else:
            plain.pop(first, None)
            told = pair.told or Given(pair.name[:0])
            plain[first] = Option(
                name=first,
                value=told.text,
                place=told.excerpt.place(),
                unresolved=told.unresolved,
                excerpt=told.excerpt,
            )
    if "model" in plain:
        model = plain.pop("model").value
    notes += [
        f"{plain[name].place}: --{name} is overtaken by --{name}.*, as in vLLM"
        for name in dotted
        if name in plain
    ]
    if "config" in plain:
        notes.append(f"{plain['config'].place}: the file behind --config was not read")
    together = plain | {name: found.option(name) for name, found in dotted.items()}
    return Options(
        model=model or command.model,
        options=tuple(together.values()),
        environment=command.environment,
        place=command.at.place(),
        notes=tuple(notes),
    )


def server_pairs(words: Sequence[Given]) -> tuple[str, list[Pair]]:
    """Return the first word that is no option, and every option with its value."""
    left = deque(word for word in words if word.text not in _PASSED_ON)
    model = ""
    pairs = []
    while left:
        word = left.popleft()
        if not word.text.startswith("-"):
            model = model or word.text
            continue
        if word.text in _SHORT:
            long = word.excerpt.saying(_SHORT[word.text])
            word = Given(long, word.unresolved)
        name, equals, _ = word.text.partition("=")
        told: Given | None = None
        if equals:
            told = Given(word.excerpt[len(name) + 1 :], word.unresolved)
        elif (
            name.lstrip("-").replace("_", "-") not in _SWITCHES
            and left
            and not re.match(r"--?[A-Za-z]", left[0].text)
        ):
            told = left.popleft()
        dashes = len(name) - len(name.lstrip("-"))
        pairs.append(Pair(word.excerpt[dashes : len(name)], told))
    return model, pairs


class Settings:
    """Values that options give key by key.

    Parameters
    ----------
    at : Excerpt
        Where the first key stands.
    """

    def __init__(self, at: Excerpt) -> None:
        self.value: dict[str, Any] = {}
        self.places: dict[Path, Place] = {(): at.place()}

    def add(self, keys: Sequence[str], pair: Pair) -> None:
        """Add one key as vLLM does; lists given twice grow."""
        *before, last = keys
        told = pair.told or Given(pair.name[:0])
        value: Any
        if last.endswith("+"):
            last, value = last[:-1], told.text.split(",")
        else:
            value = _value(told)
        known = self._level(before, pair).get(last)
        if isinstance(known, list) and isinstance(value, list):
            value = known + value
        self.set((*before, last), value, pair)

    def set(self, keys: Sequence[str], value: Any, pair: Pair) -> None:
        """Set one key."""
        *before, last = keys
        self._level(before, pair)[last] = value
        at = pair.told.excerpt if pair.told else pair.name
        self.places.setdefault(tuple(keys), at.place())

    def option(self, name: str) -> Option:
        """Return them as if they had been given at once."""
        return Option(
            name=name, value=self.value, place=self.places[()], places=self.places
        )

    def _level(self, keys: Sequence[str], pair: Pair) -> dict[str, Any]:
        level = self.value
        for depth, key in enumerate(keys, start=1):
            if not isinstance(level.get(key), dict):
                level[key] = {}
            level = level[key]
            self.places.setdefault(tuple(keys[:depth]), pair.name.place())
        return level


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


def compiled_by(command: Command, text: Text, release: Release) -> tuple[Document, ...]:
    """Return what a command compiles; () where it does something else."""
    compiler = text.words.compiler
    pairs = compiler_pairs(command.words, compiler)
    own = {
        compiler.own_option(pair.name.text): pair.told.text if pair.told else ""
        for pair in pairs
    }
    if compiler.without_compile & set(own):
        return ()
    settings = compiler_settings(pairs, command.at, compiler)
    class_name = own.get("class", "")
    model = own.get(compiler.model, "")
    notes: list[str] = []
    if compiler.serves:
        model = _served_model(command, settings.value)
        for name in compiler.files.keys() & settings.value.keys():
            notes += _add_file(settings, name, text)
        if not model and not text.words.settings & settings.value.keys():
            return ()
    return (
        Document(
            config=settings.value,
            form="serve" if compiler.serves else "compile",
            source=text.name,
            places=settings.places,
            notes=tuple(notes),
            class_name=class_name,
            family=text.words.family_of(class_name),
            version=release.version,
            version_source=release.source,
            model=model,
        ),
    )


def _served_model(command: Command, told: Mapping[str, Any]) -> str:
    """Return what a server serves: an option's value, or its first word."""
    option = command.at.file.words.compiler.model
    if option:
        return str(told.get(option, ""))
    words = [word.text for word in command.words if word.text != "serve"]
    return words[0] if words and words[0][:1] != "-" else ""


def _add_file(settings: Settings, name: str, text: Text) -> Iterator[str]:
    """Add what a file beside the text sets; yield a note where there is none."""
    told = str(settings.value[name])
    file = os.path.join(  # noqa: PTH118
        os.path.dirname(text.path),  # noqa: PTH120
        re.split(r"[\\/]", told)[-1],
    )
    # os.path answers no where pathlib raises: long names, null bytes.
    if not (text.path and os.path.isfile(file)):  # noqa: PTH113
        yield f"{settings.places[(name,)]}: the file behind --{name} was not read"
        return
    found = read_text(file, text.words)
    for tree in yaml_trees(whole(found.content, found.name, text.words), found.name):
        overtakes = text.words.compiler.files[name]
        more = tree.value if isinstance(tree.value, dict) else {}
        for key, value in more.items():
            if overtakes or key not in settings.value:
                settings.value[key] = value
                settings.places |= {
                    path: place
                    for path, place in tree.places.items()
                    if path[:1] == (key,)
                }


def compiler_pairs(words: Sequence[Given], compiler: Compiler) -> list[Pair]:
    """Return every option of a compiler with its value.

    What follows an option is its value unless it begins with two dashes, and words
    between are passed over (optimum-rbln 0.12.0, cli.py, main).
    """
    passed_on = _PASSED_ON if compiler.serves else ()
    left = deque(word for word in words if word.text not in passed_on)
    pairs = []
    while left:
        word = left.popleft()
        if word.text == "-o":
            word = Given(word.excerpt.saying("--output-dir"))
        if not word.text.startswith("--"):
            continue
        name = word.excerpt[2:]
        typed, equals, _ = name.text.partition("=")
        if equals and compiler.own_option(typed):
            told = Given(name[len(typed) + 1 :], word.unresolved)
            pairs.append(Pair(name[: len(typed)], told))
            continue
        if compiler.serves:
            pairs.append(_server_pair(name, word, left, compiler))
            continue
        follows = left and not left[0].text.startswith("--")
        takes = compiler.options.get(compiler.own_option(name.text), True)
        pairs.append(Pair(name, left.popleft() if follows and takes else None))
    return pairs


def _server_pair(
    name: Excerpt, word: Given, left: deque[Given], compiler: Compiler
) -> Pair:
    """Return an option of a server with the words that it takes, as argparse reads them."""
    typed, equals, _ = name.text.partition("=")
    told = []
    if equals:
        told.append(Given(name[len(typed) + 1 :], word.unresolved))
    several = typed in compiler.lists
    while left and not left[0].text.startswith("--") and (several or not told):
        told.append(left.popleft())
    unknown = [each for each in told if each.unresolved]
    if several and told and not unknown:
        listed = f"[{', '.join(each.text for each in told)}]"
        told_at = Given(told[0].excerpt.saying(listed))
        return Pair(name[: len(typed)], told_at, last=told[-1])
    return Pair(name[: len(typed)], next(iter(unknown or told), None))


def compiler_settings(
    pairs: Sequence[Pair], at: Excerpt, compiler: Compiler
) -> Settings:
    """Return the configuration that a compiler hands over."""
    found = Settings(at)
    for pair, keys in settings_in(pairs, compiler):
        found.set(keys, _compiler_value(pair.told) if pair.told else True, pair)
    for key, value in compiler.unasked.items():
        found.value.setdefault(key, value)
    return found


def settings_in(
    pairs: Sequence[Pair], compiler: Compiler
) -> Iterator[tuple[Pair, list[str]]]:
    """Yield options of a compiler that are settings, with their keys."""
    for pair in pairs:
        if compiler.serves:
            yield pair, [pair.name.text]
            continue
        name = pair.name.text.replace("-", "_")
        if not compiler.own_option(pair.name.text) and not name.startswith("hf_"):
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
