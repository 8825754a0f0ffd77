"""The exceptions bucketwise raises on purpose; the command line catches the base."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar


class BucketwiseError(Exception):
    """Base of every error a user can cause and mend.

    Parameters
    ----------
    *problems : str
        One sentence a fault: the place, what is expected, what was found.

    Attributes
    ----------
    problems : tuple of str
        All faults found, so that one round of editing mends them all.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class InputError(BucketwiseError):
    """Traffic cannot be read, or too much of it is unusable."""


class ConfigError(BucketwiseError):
    """A value, a profile or a configuration is not one bucketwise can work with."""


class UsageError(BucketwiseError):
    """The command line asks for something that contradicts itself."""

    exit_code: ClassVar[int] = 2


class OutputError(BucketwiseError):
    """A result cannot be written where it was asked for."""


def raise_all(problems: list[str], kind: type[BucketwiseError] = ConfigError) -> None:
    """Raise one error that lists every problem, or return when there is none.

    Parameters
    ----------
    problems : list of str
        The faults found.
    kind : type of BucketwiseError
        What to raise.

    Raises
    ------
    BucketwiseError
        Of the given kind, when `problems` is not empty.
    """
    if problems:
        raise kind(*problems)


def meant(name: str, known: Iterable[str]) -> str:
    """Return the known name that one was likely meant for; "" where none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    return next(iter(get_close_matches(name.lower(), [*known], n=1, cutoff=0.7)), "")
