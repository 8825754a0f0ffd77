"""Shell texts and lists of words -> the commands in them, as far as they are ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from bucketwise.errors import ConfigError
from bucketwise.nouns.vocabulary import Compiler, Vocabulary
from bucketwise.read.configs.documents.excerpt import Excerpt
from bucketwise.read.configs.documents.shell_words import (
    Dialect,
    Word,
    commands,
    dialect_of,
    listed_word,
)
from bucketwise.read.configs.documents.text import MAX_CODE_CHARACTERS

SERVER = "vllm"

_STARTS = (
    r"\bvllm\s+(?:\\\s+)?serve\b|\bvllm\.entrypoints\."
    r"|\b(?:docker|podman|nerdctl)\s+(?:container\s+)?run\b"
)

SERVER_OPTIONS = frozenset({
    "additional-config", "block-size", "gpu-memory-utilization", "limit-mm-per-prompt",
    "max-model-len", "max-num-batched-tokens", "max-num-seqs", "mm-processor-kwargs",
    "served-model-name", "tensor-parallel-size",
})  # fmt: skip
"""Options that only vLLM has: words that begin with an option are its, if one is here."""

MAX_FILLED = 4 * MAX_CODE_CHARACTERS
"""Of a script with what was set filled in."""

MAX_DEPTH = 16
"""Of what is known within what is known, such as a script that a script hands to sh."""

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=")
_ARRAY = re.compile(r"([A-Za-z_]\w*)(\+?)=\(")
_SETTERS = frozenset(
    {"export", "declare", "typeset", "local", "readonly", "set", "ENV", "ARG"}
)
_EXPORTERS = frozenset({"export", "set", "ENV"})
_KEYWORDS = frozenset({"if", "then", "elif", "else", "do", "while", "until", "!", "{"})
_SAYS = frozenset({"echo", "printf", "Write-Host", "Write-Output"})
_SET_APART = frozenset({"=", ":=", "::=", "?=", "+="})
"""Of PowerShell and make."""

_SCRIPT_FOLLOWS = re.compile(r"-[a-z]*c")
_SERVER_MODULE = "vllm.entrypoints."
_RUNS_IMAGES = frozenset({"docker", "podman", "nerdctl"})
_IMAGE = re.compile(
    r"(?=.*[/:])(?:[\w.-]+(?::\d+)?/)*[\w.-]*vllm[\w.-]*(?:[:@][\w.:-]+)?"
)
_VALUE_FOLLOWS = re.compile(
    r"--(?:add-host|name|env|env-file|volume|mount|network|hostname|label|entrypoint"
    r"|workdir|user|publish)|-[evlhwup]"
)


class Given(NamedTuple):
    """One word: its text, and the parts of it that only a shell would know."""

    excerpt: Excerpt
    unresolved: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What it says."""
        return self.excerpt.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that starts one of the programs that are judged.

    Attributes
    ----------
    program : str
        `SERVER`, or the compiler of the engine it is read for.
    at : Excerpt
        Where it begins.
    words : tuple of Given
        What it is given.
    environment : mapping of str to str
        Variables set for it.
    model : str
        What stands beside the words and names what they serve.
    """

    program: str
    at: Excerpt
    words: tuple[Given, ...]
    environment: Mapping[str, str]
    model: str = ""


class Shell:
    """What has been set so far where commands are read.

    Parameters
    ----------
    outer : Shell, optional
        What is known around it.
    """

    def __init__(self, outer: Shell | None = None) -> None:
        self.exported: dict[str, str] = dict(outer.exported) if outer else {}
        self.variables: dict[str, Excerpt] = dict(outer.variables) if outer else {}
        self.arrays: dict[str, list[Given]] = dict(outer.arrays) if outer else {}
        self.depth: int = outer.depth + 1 if outer else 0
        # Shared by all that are within each other.
        self.filled: list[int] = outer.filled if outer else [0]
        self.bodies: list[Excerpt] = outer.bodies if outer else []

    def export(self, name: str, value: Excerpt) -> None:
        """Note a variable that is set for all that follows."""
        self.variables[name] = value
        self.exported[name] = value.text

    def commands(
        self, excerpt: Excerpt, dialect: Dialect | None = None
    ) -> Iterator[Command]:
        """Yield the commands of a text that start one of our programs."""
        for words in self.lines(excerpt, dialect):
            yield from self.started(words)

    def lines(
        self, excerpt: Excerpt, dialect: Dialect | None = None
    ) -> Iterator[list[Given]]:
        """Yield the words of each command that does more than set variables."""
        dialect = dialect or dialect_of(excerpt.text)
        for command in commands(excerpt, dialect, self.bodies):
            words = [given for word in command for given in self._given(word)]
            while words and words[0].text in _KEYWORDS:
                words.pop(0)
            if words and not self._sets(words):
                yield words

    def listed(self, item: Excerpt) -> Given:
        """Return one word of a list."""
        [given] = self._given(listed_word(item), split=False)
        return given

    def started(self, words: Sequence[Given]) -> Iterator[Command]:
        """Yield what words start: themselves, or in the script they hand to a shell."""
        if not words or words[0].text.lstrip("@-+") in _SAYS:
            return
        for before, word in pairwise(words):
            if _SCRIPT_FOLLOWS.fullmatch(before.text) and may_start(
                word.text, word.excerpt.file.words
            ):
                inner = Shell(self)
                inner.exported |= dict(_assignments(words))
                if inner.depth <= MAX_DEPTH:
                    yield from inner.commands(word.excerpt)
                return
        found = program_of(words)
        if found is None:
            return
        program, at, behind = found
        yield Command(
            program=program,
            at=words[at].excerpt,
            words=tuple(words[behind:]),
            environment=self.exported | dict(_assignments(words[:at])),
        )

    def assumed(
        self, words: Sequence[Given], image: str, model: str = ""
    ) -> Iterator[Command]:
        """Yield the server whose program an image or a chart brings along."""
        names = {
            word.text[2:].partition("=")[0].partition(".")[0]
            for word in words
            if word.text[:2] == "--"
        }
        is_ours = bool(names & SERVER_OPTIONS) or "vllm" in image
        if not names or not is_ours:
            return
        first = words[0].text
        if first[:1] == "-" or ("vllm" in image and "/" in first and len(words) > 1):
            yield Command(
                program=SERVER,
                at=words[0].excerpt,
                words=tuple(words),
                environment=self.exported,
                model=model,
            )

    def _sets(self, words: list[Given]) -> bool:
        """Note what a command sets; say whether setting is all it does."""
        array = _ARRAY.fullmatch(words[0].text)
        if array:
            before = self.arrays.get(array[1], []) if array[2] else []
            self.arrays[array[1]] = before + words[1:]
            return True
        if len(words) > 1 and words[1].text in _SET_APART:
            self._set_apart(words)
            return True
        setter = words[0].text if words[0].text in _SETTERS else ""
        rest = words[1:] if setter else words
        found = dict(_assignments(rest))
        if not setter and len(found) < len(rest):
            return False
        for excerpt, unresolved in rest:
            match = _ASSIGNMENT.match(excerpt.text)
            if match and not unresolved:
                # FOLDER=$1 after a default tells nothing: the default stays.
                self.variables[match[1]] = excerpt[match.end() :]
        if setter in _EXPORTERS:
            names = [word.text for word in rest if word.text in self.variables]
            self.exported |= found
            self.exported |= {name: self.variables[name].text for name in names}
        return True

    def _set_apart(self, words: list[Given]) -> None:
        """Note what NAME = VALUE sets; what is set already stays with ?= alone."""
        written = words[0].text.removeprefix("$").strip("{}")
        name = written.partition(":")[2] if written.lower()[:4] == "env:" else written
        self.arrays[name] = words[2:]
        if len(words) == len(("NAME", "=", "VALUE")) and not words[2].unresolved:
            self.variables[name] = words[2].excerpt
            if name != written:
                self.exported[name] = words[2].text

    def _given(self, word: Word, *, split: bool = True) -> list[Given]:
        """Return a word with what was set filled in: several for an array."""
        alone = word.alone
        if alone and split and (word.is_bare or alone.name[-1:] == "]"):
            array = self.arrays.get(alone.name.removesuffix("[@]").removesuffix("[*]"))
            if array is not None:
                self._count(word, sum(len(each.text) + 1 for each in array))
                return array
        self._count(word, word.length(self.variables))
        excerpt, unresolved = word.filled(self.variables)
        if split and word.is_bare and not unresolved:
            parts = re.finditer(r"\S+", excerpt.text)
            return [Given(excerpt[each.start() : each.end()]) for each in parts]
        return [Given(excerpt, unresolved)]

    def _count(self, word: Word, characters: int) -> None:
        """Refuse a script whose variables hold each other over and over."""
        self.filled[0] += characters
        if self.filled[0] > MAX_FILLED:
            raise ConfigError(
                f"{word.at.where()}: expected what is set to stay within "
                f"{MAX_FILLED:,} characters, got more"
            )


def may_start(text: str, words: Vocabulary) -> bool:
    """Return whether a text holds what starts a server, or the compiler of an engine."""
    return _starts(words.compiler).search(text) is not None


@cache
def _starts(compiler: Compiler) -> re.Pattern[str]:
    names = [re.escape(each) for each in (compiler.name, compiler.module) if each]
    return re.compile("|".join((_STARTS, *(rf"\b{name}\b" for name in names))))


def program_of(words: Sequence[Given]) -> tuple[str, int, int] | None:
    """Return the program that words start, where it stands, and where its words begin."""
    for at, (first, second) in enumerate(pairwise(words)):
        name = re.split(r"[\\/]", first.text.lstrip("@-+!:"))[-1].removesuffix(".exe")
        if name == SERVER and second.text == "serve":
            return SERVER, at, at + 2
        compiler = first.excerpt.file.words.compiler
        if name and name == compiler.name:
            return name, at, at + 1
        if first.text == "-m":
            programs = ((_SERVER_MODULE, SERVER), (compiler.module, compiler.name))
            for module, program in programs:
                if module and second.text.startswith(module):
                    serve = [word.text for word in words[at + 2 : at + 3]] == ["serve"]
                    return program, at, at + 2 + serve
        if first.text in _RUNS_IMAGES and (image := _image_at(words, at)):
            return SERVER, image, image + 1
    return None


def _image_at(words: Sequence[Given], start: int) -> int | None:
    """Return where `docker run` names an image of vLLM that is handed options alone."""
    for at, (before, word) in enumerate(pairwise(words[start:]), start=start + 1):
        if _VALUE_FOLLOWS.fullmatch(before.text) or not _IMAGE.fullmatch(word.text):
            continue
        # An image of vLLM is handed options, which a model may stand before.
        first, second = ([each.text for each in words[at + 1 : at + 3]] + ["", ""])[:2]
        if first[:1] == "-" or ("/" in first and second[:1] == "-"):
            return at
    return None


def _assignments(words: Sequence[Given]) -> Iterator[tuple[str, str]]:
    for word in words:
        text = word.text.removeprefix("--env=")
        match = _ASSIGNMENT.match(text)
        if match:
            yield match[1], text[match.end() :]
