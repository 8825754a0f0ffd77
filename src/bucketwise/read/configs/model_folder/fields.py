"""A checkpoint's files, found and read value by value: faults and defaults are gathered."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from bucketwise.errors import ConfigError
from bucketwise.read.json_text import load_json

CONFIG = "config.json"
NATIVE = "params.json"
"""What Mistral's own form of a checkpoint has in its place."""

_CACHED = "models--"
_SNAPSHOTS = "snapshots"

_MOST_ENTRIES = 10_000

_HINTS = (
    ("adapter_config.json",
     "it holds an adapter: name the folder of the model it adapts"),
    (".gguf", "it holds GGUF files: name the Hugging Face folder they were made from"),
    (".onnx", "it holds ONNX files: name the Hugging Face folder they were made from"),
)  # fmt: skip

Default = TypeVar("Default")
MOST_DIMENSION = 2**20
MOST_PIXELS = 2**36
"""A square of 262,144 px. More is no limit, and whoever searches what can be reached
under a limit would work long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder with a config.json.

    Attributes
    ----------
    folder : Path
        Where the files are; told in no output.
    hf_id : str
        The Hugging Face id where the folder stands in the Hugging Face cache, else the
        folder's base name.
    """

    folder: Path
    hf_id: str


def locate(text: str) -> Place:
    """Return the folder of a checkpoint."""
    folder = Path(os.path.abspath(text))  # noqa: PTH100 - resolve() would follow links
    hf_id = _printable(folder.name) or "model"
    if folder.name.startswith(_CACHED):
        hf_id = _cached_id(folder.name)
        folder = _snapshot(folder)
    elif folder.parent.name == _SNAPSHOTS:
        cache = folder.parent.parent.name
        hf_id = _cached_id(cache) if cache.startswith(_CACHED) else hf_id
    if not any(os.path.lexists(folder / name) for name in (CONFIG, NATIVE)):
        hints = [hint for end, hint in _HINTS if _holds(folder, end)]
        why = "; ".join(hints) or "expected a folder as Hugging Face stores a model"
        raise ConfigError(f"--model: the folder {hf_id!r} holds no {CONFIG}; {why}")
    return Place(folder=folder, hf_id=hf_id)


def read_objects(
    folder: Path, names: tuple[str, ...], problems: list[str]
) -> dict[str, dict[str, object]]:
    """Return the JSON object each file holds; a file that is not there is left out."""
    objects = {}
    for name in names:
        file = folder / name
        if not os.path.lexists(file):
            continue
        if not os.path.isfile(file):  # noqa: PTH113 - pathlib raises where this says no
            problems.append(f"{name}: expected a JSON file, got no regular file")
            continue
        try:
            loaded = load_json(file)
        except ConfigError as error:
            problems.extend(error.problems)
            continue
        if isinstance(loaded, dict):
            objects[name] = loaded
        else:
            kind = type(loaded).__name__
            problems.append(f"{name}: expected an object, got {kind}")
    return objects


def _cached_id(name: str) -> str:
    """Return "Org/Name" of "models--Org--Name" (huggingface_hub, repo_folder_name)."""
    return _printable("/".join(name.removeprefix(_CACHED).split("--"))) or "model"


def _snapshot(cache: Path) -> Path:
    """Return the one snapshot of a cached model."""
    found = [entry for entry in _entries(cache / _SNAPSHOTS) if entry.is_dir()]
    if len(found) != 1:
        raise ConfigError(
            f"--model: {_cached_id(cache.name)!r} has {len(found)} snapshots in the "
            f"Hugging Face cache; name one of the folders under {_SNAPSHOTS}"
        )
    return Path(found[0])


def _holds(folder: Path, end: str) -> bool:
    return any(entry.name.endswith(end) for entry in _entries(folder))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(islice(entries, _MOST_ENTRIES))
    except OSError:
        return []


def _printable(text: str) -> str:
    """Return a name that stands on one line and can be written as UTF-8."""
    return "".join(mark if mark.isprintable() else "?" for mark in text)


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
