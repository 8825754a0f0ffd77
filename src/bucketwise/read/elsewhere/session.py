"""What a way into a database gives: a session in UTC that speaks one of our dialects."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from bucketwise.errors import InputError, UsageError
from bucketwise.read.dialects import DIALECTS
from bucketwise.words.text import one_line

_MOST_SHOWN = 400


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
        """Return the first value of an answer; None where there is no row."""

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
def plain_words(*libraries: str) -> Iterator[None]:
    """Say what a database says through a library, in a line and without its address."""
    try:
        yield
    except (InputError, UsageError, OSError):
        raise
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in libraries:
            raise
        said = one_line(str(getattr(error, "orig", None) or error).partition("\n")[0])
        raise InputError(f"--connect: {said[:_MOST_SHOWN]}") from None
