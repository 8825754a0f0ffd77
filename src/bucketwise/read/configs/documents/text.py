"""The text of one CONFIG: a file, a compiled folder, standard input, or a line itself."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

from bucketwise.engines import engine_for
from bucketwise.errors import ConfigError
from bucketwise.nouns.vocabulary import Vocabulary

MAX_BYTES = 8 * 2**20
"""Notebooks hold pictures; a configuration or a script above this is none."""

MAX_CODE_CHARACTERS = 2**20
"""Of Python, shell, YAML and TOML: taking a megabyte of them apart takes seconds."""

Found = TypeVar("Found")

MAX_CONFIGURATIONS = 200
"""In one text; a script that starts as many servers was made to be slow to judge."""

LIST = re.compile(r"[\s\[\](),;0-9+-]*[0-9][\s\[\](),;0-9+-]*|\s*\[\s*\]\s*")
"""Nothing but numbers, however they are set apart."""

STDIN = "-"
GIVEN = "the text given"
PLAN_FILE = "plan.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What was read.

    Attributes
    ----------
    name : str
        Base name of its file, or words for what has none.
    content : str
        The text, lines ended by newlines alone.
    folder : str
        The compiled folder it stands in; "" where it stands in none.
    path : str
        The file, as it was given; "" where it has none. No output tells it, but the
        diff that changes the file.
    words : Vocabulary
        What the engine it is read for calls things.
    """

    name: str
    content: str
    folder: str = ""
    path: str = ""
    words: Vocabulary


def read_text(source: str | Path, words: Vocabulary | None = None) -> Text:
    """Return the text of a CONFIG; without words it is one of the first engine."""
    words = words or engine_for(()).vocabulary
    if source == STDIN:
        return _decoded("stdin", _bounded("stdin", sys.stdin.buffer), words)
    # os.path answers no where pathlib raises: long names, null bytes.
    is_text = isinstance(source, str) and _is_text(source, words)
    if is_text and not os.path.exists(source):  # noqa: PTH110
        return Text(name=GIVEN, content=_plain_ends(str(source)), words=words)
    path = Path(source)
    file = _file_of(path, words)
    if not str(source).strip() or not os.path.isfile(file):  # noqa: PTH113
        name = path.name[:200] if str(source).strip() else repr(str(source))
        found = "no such file"
        if file != path:
            found = f"a folder without {words.file} or {PLAN_FILE}"
        elif os.path.exists(path):  # noqa: PTH110
            found = "not a file"
        raise ConfigError(
            f"{name or str(source)}: {found}; expected lengths such as 1024,4096, a "
            f"{words.keyword} as JSON, YAML or TOML, a folder with a {words.file}, a "
            "Python file, a notebook, a script, manifest or README with "
            f"{words.commands}, or a {PLAN_FILE}"
        )
    try:
        with file.open("rb") as stream:
            content = _bounded(file.name, stream)
    except OSError as error:
        raise ConfigError(f"{file.name}: cannot be read ({error.strerror})") from error
    folder = str(file.parent) if file.name == words.file else ""
    return replace(_decoded(file.name, content, words, folder), path=str(file))


def _file_of(path: Path, words: Vocabulary) -> Path:
    """Return the file that a folder is read by; any other path as it is."""
    if not os.path.isdir(path):  # noqa: PTH112
        return path
    names = (words.file, PLAN_FILE)
    return next(
        (path / name for name in names if os.path.isfile(path / name)),  # noqa: PTH113
        path / words.file,
    )


def names_text(source: str | Path, words: Vocabulary) -> bool:
    """Return whether a CONFIG is standard input, something that exists, or a text."""
    if not str(source).strip():
        return False
    # os.path answers no where pathlib raises: long names, null bytes.
    exists = source == STDIN or os.path.exists(source)  # noqa: PTH110
    return exists or (isinstance(source, str) and _is_text(source, words))


def is_list(source: str | Path) -> bool:
    """Return whether a CONFIG lists lengths in words."""
    text = str(source)
    return LIST.fullmatch(text) is not None and not os.path.exists(text)  # noqa: PTH110


def few(found: Iterable[Found], name: str) -> tuple[Found, ...]:
    """Return configurations as they are found, as long as there are not too many."""
    documents = tuple(islice(found, MAX_CONFIGURATIONS + 1))
    if len(documents) > MAX_CONFIGURATIONS:
        raise ConfigError(
            f"{name}: expected at most {MAX_CONFIGURATIONS} configurations, got more"
        )
    return documents


def refuse_long(content: str, name: str) -> None:
    """Refuse code that would take too long to take apart."""
    if len(content) > MAX_CODE_CHARACTERS:
        raise ConfigError(
            f"{name}: expected at most {MAX_CODE_CHARACTERS:,} characters of code, got "
            "more; JSON alone may hold more"
        )


def _is_text(source: str, words: Vocabulary) -> bool:
    compiler = words.compiler
    programs = filter(None, ("vllm", compiler.name, compiler.module))
    return (
        source.lstrip()[:1] == "{"
        or "\n" in source
        or any(f"{program} " in source for program in programs)
        or LIST.fullmatch(source) is not None
    )


def _bounded(name: str, stream: BinaryIO) -> bytes:
    content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{name}: expected at most {MAX_BYTES:,} bytes, got more")
    return content


def _decoded(name: str, content: bytes, words: Vocabulary, folder: str = "") -> Text:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{name}: not a text (byte {error.start} is no UTF-8)"
        ) from error
    return Text(name=name, content=_plain_ends(text), folder=folder, words=words)


def _plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
