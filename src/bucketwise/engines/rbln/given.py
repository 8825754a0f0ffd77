"""What a configuration of RBLN gives: its ViT lengths, and a base for emitted ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from bucketwise.core.buckets import MAX_LENGTH
from bucketwise.engines.rbln.keys import OLD_BUCKETS
from bucketwise.engines.rbln.model_classes import within
from bucketwise.engines.rbln.nesting import NESTINGS, nesting_family
from bucketwise.engines.rbln.releases import NEWEST
from bucketwise.engines.rbln.rules.case import RblnCase, buckets_of, lengths_of, shown
from bucketwise.engines.rbln.serving import DEVICE_VARIABLES, option_of
from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Document, ServeLine

_FROM_FLAGS = ("batch_size", "max_seq_len", "kvcache_partition_len", "num_devices")
"""Settings that a serve line makes with options of vLLM."""


def lengths_in(document: Document) -> tuple[int, ...] | None:
    """Return the lengths of one configuration; None where it has none."""
    inside = within("", document.config)
    config = document.config
    for key in inside:
        config = config[key]
    if "visual" not in config and OLD_BUCKETS in config:
        config = {"visual": config}
    # As it is written, whatever a server would make of it.
    written = replace(document, config=config, form="compile", serve=None)
    named = document.family if document.family in NESTINGS else ""
    subject = RblnCase(
        document=written, version=NEWEST, family=named or nesting_family(config)
    )
    if "visual" in config and subject.visual is None:
        raise ConfigError(
            f"{document.source}: visual: expected an object, got "
            f"{shown(config['visual'])}"
        )
    name, value = buckets_of(subject)
    if not name:
        return None
    lengths = lengths_of(subject)
    if not lengths or lengths[-1] > MAX_LENGTH:
        raise ConfigError(
            f"{document.place((*inside, 'visual', name))}: visual.{name}: expected "
            f"whole numbers from 1 to {MAX_LENGTH}, got {shown(value)}; bucketwise "
            "lint tells more"
        )
    return lengths


def as_base(document: Document) -> Mapping[str, Any] | None:
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


def folder_notes(plain: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what to know of a compiled folder's configuration as a base."""
    notes = ["what only a compiled folder holds (graphs, dtype, versions) was left out"]
    blocks = plain.get("vlm", plain).get("kvcache_num_blocks")
    if blocks:
        notes.append(
            f"kvcache_num_blocks {blocks} is kept as compiled, "
            "though the SDK may have chosen it; remove it to let the SDK choose again"
        )
    return tuple(notes)
