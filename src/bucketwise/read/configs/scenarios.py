"""Whatever holds a configuration -> its ViT lengths with what came with them, or the base of emitted ones."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from bucketwise.core.buckets import MAX_LENGTH
from bucketwise.core.plan import Plan
from bucketwise.engines.rbln.keys import OLD_BUCKETS
from bucketwise.engines.rbln.model_classes import within
from bucketwise.engines.rbln.nesting import NESTINGS, nesting_family
from bucketwise.engines.rbln.releases import NEWEST, Version
from bucketwise.engines.rbln.rules.case import RblnCase, buckets_of, lengths_of, shown
from bucketwise.engines.rbln.serving import DEVICE_VARIABLES, option_of
from bucketwise.errors import ConfigError, UsageError
from bucketwise.nouns.document import (
    LENGTHS_ALONE,
    Document,
    GivenLimits,
    ServeLine,
    Unknown,
)
from bucketwise.read.configs.documents import documents_of_plan, read_documents
from bucketwise.read.configs.documents.mapping import artifact_notes
from bucketwise.read.configs.documents.names import checkpoint_in
from bucketwise.read.configs.documents.text import GIVEN, names_text
from bucketwise.read.configs.profiles import built_in_profiles, find_profile
from bucketwise.read.json_text import parse_json

LIST = re.compile(r"\s*\[?\s*\d{1,9}(?:[\s,]+\d{1,9})*\s*\]?\s*")

_FROM_FLAGS = ("batch_size", "max_seq_len", "kvcache_partition_len", "num_devices")
"""Settings that a serve line makes with options of vLLM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenLengths:
    """ViT lengths, and what came with them.

    Attributes
    ----------
    lengths : tuple of int
        Ascending; ViT patches, or what the command line counts in where `is_list`.
    source : str
        Where they were read, in words.
    is_list : bool
        Whether they were given as numbers, not in a file.
    model : str
        The model they are for, or one of its family; "" where nothing tells.
    is_plan : bool
        Whether a plan of bucketwise holds them: its model is the only one they fit.
    model_assumed : bool
        Whether that plan had to assume its model.
    limits : tuple of GivenLimits
        What sets image limits beside them, the first to decide first.
    notes : tuple of str
        What looks odd in what was read.
    documents : tuple of Document
        All that it holds.
    by_release : mapping of tuple of int to GivenLengths
        Those of releases that take others.
    """

    lengths: tuple[int, ...]
    source: str
    is_list: bool = False
    model: str = ""
    is_plan: bool = False
    model_assumed: bool = False
    limits: tuple[GivenLimits, ...] = ()
    notes: tuple[str, ...] = ()
    documents: tuple[Document, ...] = field(default=(), compare=False, repr=False)
    by_release: Mapping[Version, GivenLengths] = field(default_factory=dict)

    def without_places(self) -> GivenLengths:
        """Return the same without names of files."""
        named = "given" if self.is_list else "a file"
        limits = tuple(replace(each, source="a file") for each in self.limits)
        return replace(self, source=named, limits=limits, notes=())

    def on(self, version: Version) -> GivenLengths:
        """Return what one release takes."""
        return self.by_release.get(version, self)


def read_lengths(text: str | Path, option: str = "--plan") -> GivenLengths:
    """Return the ViT lengths that an option names."""
    if not names_text(text):
        raise ConfigError(
            f"{option}: expected lengths such as 1024,4096, or a configuration or a "
            f"plan.json that exists, got {str(text)[:200]!r}"
        )
    try:
        documents = read_documents(text)
    except ConfigError as error:
        raise ConfigError(*(f"{option}: {each}" for each in error.problems)) from error
    return lengths_in(documents)


def lengths_of_plan(plan: Plan, source: str) -> GivenLengths:
    """Return the ViT lengths of a plan, with the limits that it sets."""
    told = parse_json(plan.to_json(), source)
    return lengths_in(documents_of_plan(told, source))


def lengths_in(documents: tuple[Document, ...]) -> GivenLengths:
    """Return the one list of ViT lengths that configurations hold.

    A plan may hold one for each release: the newest decides where none is asked for.
    """
    found = [given for document in documents if (given := _of_document(document))]
    source = documents[0].source
    lists = {given.lengths for given in found}
    if not found:
        raise ConfigError(
            f"{source}: no visual.max_seq_len or visual.max_seq_lens found; one of them "
            "is needed to know which lengths are compiled"
        )
    if found[-1].is_plan:
        versions = [document.version for document in documents]
        by_release = {
            version: given
            for version, given in zip(versions, found, strict=True)
            if version
        }
        return replace(found[-1], by_release=by_release, documents=documents)
    if len(lists) > 1:
        raise ConfigError(
            f"{source}: expected one visual.max_seq_len (max_seq_lens up to 0.10.3), "
            f"got {len(lists)} different lists of ViT lengths"
        )
    return replace(found[0], documents=documents)


def named_model(document: Document) -> str:
    """Return the model that a configuration names, as `find_profile` takes it.

    "" where it names none that is known: what a configuration serves may be called
    anything.
    """
    named = [document.model]
    if document.serve is not None:
        named.append(document.serve.flags.get("served-model-name", ""))
    for name in chain.from_iterable((each, checkpoint_in(each)) for each in named):
        try:
            short = find_profile(name).name if name else ""
        except ConfigError:
            continue
        if short:
            return name if os.path.isdir(os.path.expanduser(name)) else short  # noqa: PTH111, PTH112
    return ""


def _first_of(family: str) -> str:
    """Return a model of a family: all of them count alike; "" for an unknown one."""
    members = (
        each.name for each in built_in_profiles().values() if each.family == family
    )
    return next(members, "") if family else ""


def _of_document(document: Document) -> GivenLengths | None:
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
    is_list = document.form == "list" and document.source == GIVEN
    return GivenLengths(
        lengths=lengths,
        source="given" if is_list else document.source,
        is_list=is_list,
        model=named_model(document) or _first_of(document.family),
        is_plan=document.form == "plan",
        model_assumed=document.model_assumed,
        limits=document.limits,
        notes=document.notes,
    )


def parse_bucket_list(text: str) -> tuple[int, ...] | None:
    """Return the lengths of a text such as "1024, 4096"; None when it is none."""
    if not LIST.fullmatch(text):
        return None
    lengths = tuple(sorted({int(number) for number in re.findall(r"\d+", text)}))
    if not lengths[0]:
        raise UsageError(f"bucket list: expected lengths from 1 up, got {text!r}")
    return lengths


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
    """Return the configuration to start from; None where there is none."""
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
