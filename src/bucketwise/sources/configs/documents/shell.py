"""A shell script, or a line of it, that starts a server with vLLM."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from bucketwise.errors import ConfigError
from bucketwise.lint.subject import Document
from bucketwise.sources.configs.documents.options import Given, options_of
from bucketwise.sources.configs.documents.releases import Release, stated_release
from bucketwise.sources.configs.documents.serving import Options, served
from bucketwise.sources.configs.documents.shell_words import Value, Word, commands
from bucketwise.sources.configs.documents.text import (
    MAX_CODE_CHARACTERS,
    Text,
    few,
    refuse_long,
)
from bucketwise.traffic import Place

SERVES = re.compile(r"\bvllm\s+serve\b|\bvllm\.entrypoints\.")

MAX_FILLED = 4 * MAX_CODE_CHARACTERS
"""Of a script with what was set filled in."""

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=")
_ARRAY = re.compile(r"([A-Za-z_]\w*)(\+?)=\(")
_SETTERS = frozenset({"export", "declare", "typeset", "local", "readonly"})
_KEYWORDS = frozenset({"if", "then", "elif", "else", "do", "while", "until", "!", "{"})


def shell_documents(text: Text) -> tuple[Document, ...]:
    """Return the configurations of every server that a shell text starts.

    Parameters
    ----------
    text : Text
        A script or a line.

    Returns
    -------
    tuple of Document
        () where it starts none.

    Raises
    ------
    ConfigError
        When a quote is not closed, or an option that needs JSON holds none.
    """
    refuse_long(text.content, text.name)
    return shell_part(text.content, text, 1, stated_release(text))


def shell_part(
    content: str, text: Text, line: int, release: Release
) -> tuple[Document, ...]:
    """Return the configurations of servers that a part of a text starts.

    Parameters
    ----------
    content : str
        The part.
    text : Text
        What it is part of.
    line : int
        The line it begins on.
    release : Release
        The one the text is for.
    """
    found = (
        document
        for options in _servers(content, text.name, line)
        for document in served(options, text, release)
    )
    return few(found, text.name)


def _servers(content: str, name: str, first_line: int) -> Iterator[Options]:
    known = _Known(name)
    for command in commands(content, name, first_line):
        words = known.filled(command)
        if known.sets(words):
            continue
        at = _server_at(words)
        if at is None:
            continue
        place = Place(source=name, line=words[at].line)
        found = options_of(words[at + 2 :], place)
        environment = known.exported | dict(_assignments(words[:at]))
        yield replace(found, environment=environment)


class _Known:
    """What a script has set so far.

    Parameters
    ----------
    name : str
        What to call the script.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._characters = 0
        self.exported: dict[str, str] = {}
        self._variables: dict[str, Value] = {}
        self._arrays: dict[str, list[Given]] = {}

    def filled(self, command: list[Word]) -> list[Given]:
        """Return the words of a command, without the keywords it begins with."""
        words = [given for word in command for given in self._given(word)]
        while words and words[0].text in _KEYWORDS:
            words.pop(0)
        return words

    def sets(self, words: list[Given]) -> bool:
        """Note what a command sets; say whether setting is all it does."""
        array = _ARRAY.fullmatch(words[0].text) if words else None
        if array:
            before = self._arrays.get(array[1], []) if array[2] else []
            self._arrays[array[1]] = before + words[1:]
            return True
        setter = words[0].text if words and words[0].text in _SETTERS else ""
        rest = words[1:] if setter else words
        found = dict(_assignments(rest))
        if not setter and len(found) < len(rest):
            return False
        for word in rest:
            match = _ASSIGNMENT.match(word.text)
            if match and not word.unresolved:
                # FOLDER=$1 after a default tells nothing: the default stays.
                value = Value(word.text[match.end() :], word.line)
                self._variables[match[1]] = value
        if setter == "export":
            names = [word.text for word in rest if word.text in self._variables]
            self.exported |= found
            self.exported |= {name: self._variables[name].text for name in names}
        return True

    def _given(self, word: Word) -> list[Given]:
        """Return a word with what was set filled in: several for an array."""
        alone = word.alone
        if alone and alone.name.endswith(("[@]", "[*]")):
            array = self._arrays.get(alone.name[:-3])
            if array is not None:
                self._count(word, sum(len(each.text) + 1 for each in array))
                return array
        self._count(word, word.length(self._variables))
        text, unresolved = word.filled(self._variables)
        line = word.line
        if alone and alone.name in self._variables:
            line = self._variables[alone.name].line
        if word.is_bare and not unresolved:
            return [Given(part, (), line) for part in text.split()]
        return [Given(text, unresolved, line)]

    def _count(self, word: Word, characters: int) -> None:
        """Refuse a script whose variables hold each other over and over."""
        self._characters += characters
        if self._characters > MAX_FILLED:
            message = (
                f"{self._name}: line {word.line}: what is set grows past {MAX_FILLED:,} "
                "characters; fewer are right"
            )
            raise ConfigError(message)


def _assignments(words: list[Given]) -> Iterator[tuple[str, str]]:
    for word in words:
        match = _ASSIGNMENT.match(word.text)
        if match:
            yield match[1], word.text[match.end() :]


def _server_at(words: list[Given]) -> int | None:
    """Return where the two words stand that start a server."""
    for at, (first, second) in enumerate(pairwise(words)):
        is_module = first.text == "-m" and second.text.startswith("vllm.entrypoints.")
        if is_module or (
            first.text.rpartition("/")[2] == "vllm" and second.text == "serve"
        ):
            return at
    return None
