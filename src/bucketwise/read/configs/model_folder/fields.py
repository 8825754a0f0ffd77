"""One JSON object read value by value: faults and defaults are gathered, not raised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

Default = TypeVar("Default")

MOST_DIMENSION = 2**20
MOST_PIXELS = 2**36
"""A square of 262,144 px. More is no limit, and whoever searches what can be reached
under a limit would work long."""


@dataclass(frozen=True, slots=True)
class Fields:
    """One object of a file.

    A value that is missing or wrong is replaced by its default, so that reading goes on
    and every fault is found.

    Attributes
    ----------
    place : str
        File and, behind a colon, the keys that lead to the object, each with a dot.
    mapping : Mapping
        The object.
    problems : list of str
        Where faults are gathered; shared by all objects of a folder.
    defaulted : list of str
        Keys that were absent.
    """

    place: str
    mapping: Mapping[str, Any]
    problems: list[str]
    defaulted: list[str] = field(default_factory=list)

    def at(self, key: str) -> str:
        """Return the place of a value: "config.json: vision_config.depth"."""
        return f"{self.place}{key}"

    def source(self) -> str:
        """Return where the values were read: "config.json: text_config"."""
        source = self.place.rstrip(".: ")
        if self.defaulted:
            absent = ", ".join(self.defaulted)
            source += f"; absent, so the class's default: {absent}"
        return source

    def whole(self, key: str, default: int, most: int = MOST_DIMENSION) -> int:
        """Return a whole number from 1 to `most`; the default where it is absent."""
        if key not in self.mapping:
            self.defaulted.append(key)
            return default
        value = self.mapping[key]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            return self._wrong(key, default, f"a whole number from 1 to {most:,}")
        if not 1 <= value <= most:
            return self._wrong(key, default, f"1 to {most:,}")
        return value

    def rate(self, key: str, default: float | None) -> float | None:
        """Return a number above 0, or None for null; the default where it is absent."""
        value = self.mapping.get(key, default)
        if value is None:
            return None
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not 0 < value <= MOST_DIMENSION:
            return self._wrong(
                key, default, f"a number above 0 and up to {MOST_DIMENSION:,}, or null"
            )
        return float(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false; null is false, as the processors read it."""
        value = self.mapping.get(key, default)
        if value is None:
            return False
        if isinstance(value, bool):
            return value
        return self._wrong(key, default, "true or false")

    def indexes(self, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """Return a list of whole numbers from 0 up; the default where it is absent."""
        if key not in self.mapping:
            self.defaulted.append(key)
            return default
        value = self.mapping[key]
        if not isinstance(value, list) or len(value) > MOST_DIMENSION:
            return self._wrong(key, default, "a list of whole numbers from 0 up")
        for item in value:
            if isinstance(item, bool) or not isinstance(item, int) or item < 0:
                self.problems.append(
                    f"{self.at(key)}: expected whole numbers from 0 up, got "
                    f"{shown(item)}"
                )
                return default
        return tuple(value)

    def _wrong(self, key: str, default: Default, expected: str) -> Default:
        found = shown(self.mapping[key])
        self.problems.append(f"{self.at(key)}: expected {expected}, got {found}")
        return default


def shown(value: Any) -> str:
    """Return a JSON value as short text for a message."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return repr(value[:60])
    return json.dumps(value)[:60]
