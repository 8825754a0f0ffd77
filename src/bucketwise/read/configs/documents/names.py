"""What names of classes, models and folders tell, and which release a text is for."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bucketwise.errors import ConfigError
from bucketwise.nouns.engine import Version, parse_version
from bucketwise.nouns.vocabulary import Vocabulary
from bucketwise.read.configs.documents.text import Text
from bucketwise.read.configs.model_folder import short_name
from bucketwise.read.configs.profiles import built_in_profiles
from bucketwise.read.json_text import load_json

CONFIG_SUFFIX = "Config"

_PATH = re.compile(r"[/.~$\\]|[A-Za-z]:[\\/]")
_CACHED = re.compile(r"(?:^|[\\/])models--([\w.-]+?)--([\w.-]+)")
"""Of "models--Org--Name" (huggingface_hub, repo_folder_name)."""

_FOLDER_WORDS = re.compile(r"folder|dir|path|compiled|artifact", re.IGNORECASE)


def is_path(model: str) -> bool:
    """Return whether a model is named by where it stands: no Hugging Face id is."""
    return _PATH.match(model) is not None or model.count("/") > 1


def checkpoint_in(path: str) -> str:
    """Return the checkpoint that a path is called by; "" for what is no path."""
    cached = _CACHED.search(path)
    if cached:
        return f"{cached[1]}/{cached[2]}"
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1] if is_path(path) else ""


def is_compiled_folder(model: str, words: Vocabulary) -> bool:
    """Return whether a model is a compiled folder, as far as its name tells."""
    if not words.file:
        return False
    # os.path answers no where pathlib raises: long names, null bytes.
    if os.path.isdir(model):  # noqa: PTH112
        return os.path.isfile(os.path.join(model, words.file))  # noqa: PTH113, PTH118
    if re.search(r"[$%{(\[]", model):
        return _FOLDER_WORDS.search(model) is not None
    if short_name(checkpoint_in(model) or model) in built_in_profiles():
        return False
    is_id = re.fullmatch(r"[\w][\w.-]*/[\w][\w.-]*", model) is not None
    return bool(model) and not is_id


def folder_config(folder: str, words: Vocabulary) -> Mapping[str, Any] | None:
    """Return what a compiled folder says of itself; None where it cannot be read."""
    file = Path(folder) / words.file
    # os.path answers no where pathlib raises: long names, null bytes.
    if not folder or not os.path.isfile(file):  # noqa: PTH113
        return None
    try:
        found = load_json(file)
    except ConfigError:
        return None
    return found if isinstance(found, dict) else None


class Release(NamedTuple):
    """The release a text says it is for.

    Attributes
    ----------
    version : tuple of int or None
        None where it says none, or several.
    source : str
        Where it says so, in words; "" for none.
    """

    version: Version | None
    source: str


def stated_release(text: Text) -> Release:
    """Return the release a text says it is for."""
    folder = Path(text.path).absolute().parent.name if text.path else ""
    words = text.words
    places = (
        (words.pin, text.content, f"a requirement in {text.name}"),
        (words.image, text.content, f"an image in {text.name}"),
        (words.release, text.name, "its name"),
        (words.release, folder, "the name of its folder"),
        (words.release, text.content, f"a file name in {text.name}"),
    )
    for pattern, where, source in places:
        found = {parse_version(version) for version in pattern.findall(where)}
        if found:
            return (
                Release(found.pop(), source) if len(found) == 1 else Release(None, "")
            )
    return Release(None, "")
