"""Whatever holds a configuration -> the base that emitted ones start from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bucketwise.engines.rbln.serving import DEVICE_VARIABLES, option_of
from bucketwise.lint.subject import LENGTHS_ALONE, Document, ServeLine, Unknown
from bucketwise.read.configs.documents.mapping import artifact_notes

_FROM_FLAGS = ("batch_size", "max_seq_len", "kvcache_partition_len", "num_devices")
"""Settings that a serve line makes with options of vLLM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RblnConfig:
    """A configuration as a base.

    Attributes
    ----------
    text : str
        The mapping as JSON, without what only a compiled folder holds.
    name : str
        The file's base name.
    notes : tuple of str
        What was left out or looks odd.
    """

    text: str
    name: str
    notes: tuple[str, ...]

    @property
    def mapping(self) -> dict[str, Any]:
        """A fresh copy of the configuration."""
        loaded: dict[str, Any] = json.loads(self.text)
        return loaded


def config_in(documents: Sequence[Document]) -> RblnConfig | None:
    """Return the configuration to start from; None where there is none.

    Parameters
    ----------
    documents : sequence of Document
        What one text holds; of several configurations the first is taken, and a note
        says so.
    """
    found = [
        (document, mapping)
        for document in documents
        if document.form not in (*LENGTHS_ALONE, "load")
        and (mapping := _with_flags(document)) is not None
    ]
    if not found:
        return None
    document, mapping = found[0]
    unknown: list[str] = []
    plain = _plain(mapping, (), unknown)
    notes = [*document.notes]
    if document.form == "compiled":
        notes += artifact_notes(plain)
    if unknown:
        notes.append(f"{', '.join(unknown)} left out: only running it would tell")
    if any(other != mapping for _, other in found[1:]):
        notes.append(f"the first of {len(found)} configurations is taken")
    return RblnConfig(
        text=json.dumps(plain, ensure_ascii=False),
        name=document.source,
        notes=tuple(notes),
    )


def _with_flags(document: Document) -> Mapping[str, Any] | None:
    """Return a configuration with what its serve line sets by vLLM's own options."""
    serve = document.serve
    if serve is None:
        return document.config
    told = dict(_told(serve))
    if told.get("kvcache_partition_len") == told.get("max_seq_len"):
        # A block of the whole context is attention without partitions.
        told.pop("kvcache_partition_len", None)
    return (told | dict(document.config)) or None


def _told(serve: ServeLine) -> Iterator[tuple[str, int]]:
    for name in _FROM_FLAGS:
        value = serve.flags.get(option_of(name).removeprefix("--"), "")
        if value.isdecimal():
            yield name, int(value)
    for variable, _ in DEVICE_VARIABLES:
        if serve.environment.get(variable, "").isdecimal():
            yield "num_devices", int(serve.environment[variable])
            return


def _plain(value: Any, path: tuple[str, ...], unknown: list[str]) -> Any:
    """Return a value as JSON has it; what cannot be told is noted and left out."""
    if isinstance(value, Mapping):
        return {
            key: _plain(item, (*path, key), unknown)
            for key, item in value.items()
            if _is_known(item, (*path, key), unknown)
        }
    if isinstance(value, list | tuple):
        return [_plain(item, path, unknown) for item in value]
    return value


def _is_known(value: Any, path: tuple[str, ...], unknown: list[str]) -> bool:
    items = value if isinstance(value, list | tuple) else (value,)
    known = not any(isinstance(item, Unknown) for item in items)
    if not known:
        unknown.append(".".join(path))
    return known
