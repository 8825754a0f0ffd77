"""Where a checkpoint's files stand, and what to call it without telling where."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bucketwise.errors import ConfigError
from bucketwise.read.configs.json_file import load_json

CONFIG = "config.json"

_CACHED = "models--"
_SNAPSHOTS = "snapshots"

_MOST_ENTRIES = 10_000

_HINTS = (
    (
        "adapter_config.json",
        "it holds an adapter: name the folder of the model it adapts",
    ),
    (".gguf", "it holds GGUF files: name the Hugging Face folder they were made from"),
    (".onnx", "it holds ONNX files: name the Hugging Face folder they were made from"),
)


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
    """Return the folder of a checkpoint.

    Parameters
    ----------
    text : str
        A folder, a snapshot in the Hugging Face cache, or the cache's
        `models--Org--Name` folder itself.

    Raises
    ------
    ConfigError
        When there is no config.json.
    """
    folder = Path(os.path.abspath(text))  # noqa: PTH100 - resolve() would follow links
    hf_id = _printable(folder.name) or "model"
    if folder.name.startswith(_CACHED):
        hf_id = _cached_id(folder.name)
        folder = _snapshot(folder)
    elif folder.parent.name == _SNAPSHOTS:
        cache = folder.parent.parent.name
        hf_id = _cached_id(cache) if cache.startswith(_CACHED) else hf_id
    if not os.path.lexists(folder / CONFIG):
        hints = [hint for end, hint in _HINTS if _holds(folder, end)]
        why = "; ".join(hints) or "expected a folder as Hugging Face stores a model"
        message = f"--model: the folder {hf_id!r} holds no {CONFIG}; {why}"
        raise ConfigError(message)
    return Place(folder=folder, hf_id=hf_id)


def read_objects(
    folder: Path, names: tuple[str, ...], problems: list[str]
) -> dict[str, dict[str, object]]:
    """Return the JSON object each file holds; a file that is not there is left out.

    Parameters
    ----------
    folder : Path
        The folder. Links out of it are followed: the Hugging Face cache is made of them.
    names : tuple of str
        The files.
    problems : list of str
        Where faults are added.
    """
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
        message = (
            f"--model: {_cached_id(cache.name)!r} has {len(found)} snapshots in the "
            f"Hugging Face cache; name one of the folders under {_SNAPSHOTS}"
        )
        raise ConfigError(message)
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
