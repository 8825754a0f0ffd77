"""An rbln_config file -> the base emitted ones start from, or lengths in service."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bucketwise.buckets import MAX_LENGTH
from bucketwise.errors import ConfigError
from bucketwise.sources.configs.artifact import FILE_NAME, unwrapped, without_artifact
from bucketwise.sources.configs.json_file import load_json

MAX_LENGTHS = 1_000

_LIST_TEXT = re.compile(r"[\s\[\](),;0-9+-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class RblnConfigFile:
    """A configuration as it was read.

    Attributes
    ----------
    text : str
        The mapping as JSON, without what only a compiled folder holds.
    lengths : tuple of int
        ViT lengths, ascending; empty where the file has none.
    name : str
        The file's base name.
    notes : tuple of str
        What was left out or looks odd.
    """

    text: str
    lengths: tuple[int, ...]
    name: str
    notes: tuple[str, ...]

    @property
    def mapping(self) -> dict[str, Any]:
        """A fresh copy of the configuration."""
        loaded: dict[str, Any] = json.loads(self.text)
        return loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentLengths:
    """The ViT lengths in service, ascending, and where they were read."""

    lengths: tuple[int, ...]
    source: str
    notes: tuple[str, ...]


def read_rbln_config(path: str | Path) -> RblnConfigFile:
    """Read a configuration as users write it or as a compiled folder holds it.

    Parameters
    ----------
    path : str or Path
        A JSON file, or a folder with an rbln_config.json.

    Returns
    -------
    RblnConfigFile

    Raises
    ------
    ConfigError
        When it cannot be read or has the wrong shape.
    """
    file = _locate(Path(path))
    loaded = load_json(file)
    if isinstance(loaded, list):
        return RblnConfigFile(
            text="{}", **_lengths_of(loaded, file.name), name=file.name
        )
    if not isinstance(loaded, dict):
        message = f"{file.name}: {type(loaded).__name__} found; an object is right"
        raise ConfigError(message)
    config = unwrapped(loaded)
    visual = _visual_of(config, file.name)
    found = _bucket_value(visual) if visual is not None else None
    lengths: dict[str, Any] = {"lengths": (), "notes": ()}
    if found is not None:
        lengths = _lengths_of(found, file.name)
    plain, notes = without_artifact(config)
    return RblnConfigFile(
        text=json.dumps(plain, ensure_ascii=False),
        lengths=lengths["lengths"],
        name=file.name,
        notes=lengths["notes"] + notes,
    )


def current_lengths(text_or_path: str) -> CurrentLengths:
    """Return the lengths that `--current` names.

    Parameters
    ----------
    text_or_path : str
        Such as "1024,3136,16384", or a file or folder `read_rbln_config` reads.

    Returns
    -------
    CurrentLengths

    Raises
    ------
    ConfigError
        When there are no lengths, or some are not whole numbers from 1 up.
    """
    text = text_or_path.strip()
    if text and _LIST_TEXT.fullmatch(text):
        found = _lengths_of(re.findall(r"[+-]?\d+", text), "--current")
        return CurrentLengths(**found, source="given with --current")
    if not text or not os.path.exists(text):  # noqa: PTH110 - pathlib raises on a long name
        message = (
            f"--current: {text_or_path[:200]!r} found; lengths such as 1024,4096 or an "
            "rbln_config.json that exists is right"
        )
        raise ConfigError(message)
    file = read_rbln_config(text)
    if not file.lengths:
        message = (
            f"{file.name}: no visual.max_seq_len or visual.max_seq_lens found; one of "
            "them is needed to know what runs today"
        )
        raise ConfigError(message)
    return CurrentLengths(lengths=file.lengths, source=file.name, notes=file.notes)


def _locate(path: Path) -> Path:
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        message = f"{file.name}: not a file; a JSON rbln_config is right"
        raise ConfigError(message)
    return file


def _visual_of(config: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return the object that holds ViT lengths: nested, or a ViT's own file."""
    if "vlm" in config and isinstance(config["vlm"], dict):
        config = config["vlm"]
    if "visual" in config:
        visual = config["visual"]
        if not isinstance(visual, dict):
            message = f"{name}: visual is {visual!r}; an object is right"
            raise ConfigError(message)
        return visual
    own = "max_seq_lens" in config or "Vision" in str(config.get("cls_name", ""))
    return config if own else None


def _bucket_value(visual: dict[str, Any]) -> Any:
    # Where both are given 0.10.4 takes the newer name (utils/deprecation.py).
    found = visual.get("max_seq_len")
    return visual.get("max_seq_lens") if found is None else found


def _lengths_of(found: Any, place: str) -> dict[str, Any]:
    items = found if isinstance(found, list) else [found]
    lengths, problems = [], []
    for item in items[: MAX_LENGTHS + 1]:
        length = _length(item)
        if length is None:
            problems.append(
                f"{place}: length {str(item)[:50]!r} found; a whole number from 1 to "
                f"{MAX_LENGTH} is right"
            )
        else:
            lengths.append(length)
    if not items or len(items) > MAX_LENGTHS:
        problems.append(
            f"{place}: {len(items)} lengths found; 1 to {MAX_LENGTHS} is right"
        )
    if problems:
        raise ConfigError(*problems[:10])
    ascending = tuple(sorted(set(lengths)))
    notes: tuple[str, ...] = ()
    if len(ascending) < len(lengths):
        notes = (f"{place}: lengths given more than once were counted once",)
    return {"lengths": ascending, "notes": notes}


def _length(item: Any) -> int | None:
    if isinstance(item, str) and len(item) <= len(str(MAX_LENGTH)) + 1:
        item = int(item) if re.fullmatch(r"[+-]?[0-9]+", item) else None
    if isinstance(item, bool) or not isinstance(item, int):
        return None
    return item if 1 <= item <= MAX_LENGTH else None
