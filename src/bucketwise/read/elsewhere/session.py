"""What a way into a database gives: a session in UTC that speaks one of our dialects."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from bucketwise.errors import InputError, UsageError
from bucketwise.read.dialects import DIALECTS
from bucketwise.words.text import one_line

_MOST_SHOWN = 400
_BEHIND_OTHERS = re.compile(r"^(?:: |\s+details = )(.+)", re.MULTILINE)
"""What Java or gRPC said, in a line behind the one of what it was said to."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of an answer, as drivers give them."""

    names: Sequence[str]
    rows: Sequence[Sequence[Any]]


class Arrow(Protocol):
    """Some rows of an answer as Arrow has them: a table, or a stream that is read once."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return a stream of them (the Arrow PyCapsule interface)."""


class Session(Protocol):
    """An open session."""

    @property
    def dialect(self) -> str:
        """One of `DIALECTS`."""

    def names(self, query: str) -> list[str]:
        """Return what the columns of an answer are called."""

    def first(self, query: str) -> object:
        """Return the first value of an answer, or one of its type; None where there is none."""

    def answer(self, query: str) -> Generator[Rows | Arrow, None, None]:
        """Return an answer, some rows at a time, none of them empty."""


def known_dialect(called: str) -> str:
    """Return the dialect; refuse one that is not of ours."""
    if called not in DIALECTS:
        raise UsageError(
            f"--connect: expected one of {', '.join(DIALECTS)}, got {called}; for "
            "another, --print-sql the nearest, run it there, and read its answer"
        )
    return called


@contextmanager
def plain_words(*libraries: str, private: Sequence[str] = ()) -> Iterator[None]:
    """Say what a database says through a library, in a line and nothing private."""
    try:
        yield
    except (InputError, UsageError, OSError):
        raise
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in libraries:
            raise
        text = str(getattr(error, "orig", None) or error)
        behind = _BEHIND_OTHERS.search(text)
        said = behind[1] if behind else text.partition("\n")[0]
        for each in private:
            said = said.replace(each, "...")
        raise InputError(f"--connect: {one_line(said)[:_MOST_SHOWN]}") from None
