"""Whatever holds a configuration -> its ViT lengths with what came with them, or the base of emitted ones."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from bucketwise.core.plan import Plan
from bucketwise.errors import ConfigError, UsageError
from bucketwise.nouns.document import (
    LENGTHS_ALONE,
    Document,
    GivenConfig,
    GivenLimits,
    Unknown,
)
from bucketwise.nouns.engine import Release, Version
from bucketwise.nouns.vocabulary import Vocabulary
from bucketwise.read.configs.documents import documents_of_plan, read_documents
from bucketwise.read.configs.documents.names import checkpoint_in
from bucketwise.read.configs.documents.text import GIVEN, names_text
from bucketwise.read.configs.profiles import built_in_profiles, find_profile
from bucketwise.read.json_text import parse_json

LIST = re.compile(r"\s*\[?\s*\d{1,9}(?:[\s,]+\d{1,9})*\s*\]?\s*")


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

    def on(self, release: Release) -> GivenLengths:
        """Return what one release takes; more lengths than it can run are refused."""
        found = self.by_release.get(release.version, self)
        if release.engine.most_lengths == 1 < len(found.lengths):
            message = (
                f"{found.source}: expected 1 length, got {len(found.lengths)}; with "
                f"{release.engine.name} every image runs at one"
            )
            raise UsageError(message)
        return found


def read_lengths(
    text: str | Path, words: Vocabulary, option: str = "--plan"
) -> GivenLengths:
    """Return the ViT lengths that an option names."""
    if not names_text(text, words):
        raise ConfigError(
            f"{option}: expected lengths such as 1024,4096, or a configuration or a "
            f"plan.json that exists, got {str(text)[:200]!r}"
        )
    try:
        documents = read_documents(text, words)
    except ConfigError as error:
        raise ConfigError(*(f"{option}: {each}" for each in error.problems)) from error
    return lengths_in(documents, words)


def lengths_of_plan(plan: Plan, source: str, words: Vocabulary) -> GivenLengths:
    """Return the ViT lengths of a plan, with the limits that it sets."""
    told = parse_json(plan.to_json(), source)
    return lengths_in(documents_of_plan(told, source, words), words)


def lengths_in(documents: tuple[Document, ...], words: Vocabulary) -> GivenLengths:
    """Return the one list of ViT lengths that configurations hold.

    A plan may hold one for each release: the newest decides where none is asked for.
    """
    each = (_of_document(document, words) for document in documents)
    found = [given for given in each if given]
    source = documents[0].source
    lists = {given.lengths for given in found}
    if not found:
        raise ConfigError(
            f"{source}: no {words.lengths_named} found; it is needed to know which "
            "lengths are compiled"
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
            f"{source}: expected one {words.lengths_named}, got {len(lists)} different "
            "lists of ViT lengths"
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


def _of_document(document: Document, words: Vocabulary) -> GivenLengths | None:
    """Return the lengths of one configuration; None where it has none."""
    lengths = words.lengths_in(document)
    if lengths is None:
        return None
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


def config_in(documents: Sequence[Document], words: Vocabulary) -> GivenConfig | None:
    """Return the configuration to start from; None where there is none."""
    found = [
        (document, mapping)
        for document in documents
        if document.form not in (*LENGTHS_ALONE, "load")
        and (mapping := words.as_base(document)) is not None
    ]
    if not found:
        return None
    document, mapping = found[0]
    unknown: list[str] = []
    plain = _plain(mapping, (), unknown)
    notes = [*document.notes]
    if document.form == "compiled":
        notes += words.folder_notes(plain)
    if unknown:
        notes.append(f"{', '.join(unknown)} left out: only running it would tell")
    if any(other != mapping for _, other in found[1:]):
        notes.append(f"the first of {len(found)} configurations is taken")
    return GivenConfig(mapping=plain, name=document.source, notes=tuple(notes))


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
