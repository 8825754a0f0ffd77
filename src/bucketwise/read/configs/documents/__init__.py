"""Configurations wherever they are written: files, folders, scripts, notebooks, lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bucketwise.engines import engine_for
from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Document, GivenLimits, ServeLine
from bucketwise.nouns.vocabulary import Vocabulary
from bucketwise.read.configs.documents.excerpt import whole
from bucketwise.read.configs.documents.kinds import (
    EVERYTHING_IS_RIGHT,
    Kind,
    Part,
    Parts,
    kind_named,
    kinds_of,
)
from bucketwise.read.configs.documents.lengths import (
    documents_of_plan,
    is_plan,
    limits_of_plan_beside,
    list_documents,
    plan_documents,
)
from bucketwise.read.configs.documents.mapping import mapping_documents
from bucketwise.read.configs.documents.names import Release, is_path, stated_release
from bucketwise.read.configs.documents.python import python_documents
from bucketwise.read.configs.documents.serving import command_documents
from bucketwise.read.configs.documents.shell import Command
from bucketwise.read.configs.documents.text import LIST, Text, few, read_text
from bucketwise.read.configs.documents.tree import Tree, refuse_odd_values
from bucketwise.read.configs.model_folder import saved_image_limits

__all__ = [
    "documents_of",
    "documents_of_plan",
    "mapping_document",
    "parts_of",
    "read_documents",
]

_CERTAIN: tuple[
    tuple[Callable[[str], bool], Callable[[Text], tuple[Document, ...]]], ...
] = (
    (lambda content: LIST.fullmatch(content) is not None, list_documents),
    (is_plan, plan_documents),
)
"""What a text that looks so can be nothing but: a fault in it is a fault."""


def read_documents(
    source: str | Path, words: Vocabulary | None = None
) -> tuple[Document, ...]:
    """Return the configurations that a CONFIG holds; nothing in it is ever run.

    Words are those of the engine they are for, without them the first one.
    """
    return documents_of(read_text(source, words))


def documents_of(text: Text) -> tuple[Document, ...]:
    """Return the configurations that a text holds; see `read_documents`."""
    return tuple(
        replace(_with_processor(document, text), path=text.path, position=position)
        for position, document in enumerate(_found(text))
    )


def parts_of(text: Text) -> tuple[Part, ...]:
    """Return the commands, mappings and code that hold a text's configurations."""
    whole_text = whole(text.content, text.name, text.words)
    for kind in kinds_of(text.content, text.name, text.words):
        try:
            parts = kind.read(whole_text)
            if _documents(parts, text):
                return tuple(parts.found)
        except ConfigError:
            continue
    return ()


def _found(text: Text) -> tuple[Document, ...]:
    for looks, read in _CERTAIN:
        if looks(text.content) and (documents := read(text)):
            return documents
    whole_text = whole(text.content, text.name, text.words)
    problems: tuple[str, ...] = ()
    understood: Kind | None = None
    for kind in kinds_of(text.content, text.name, text.words):
        try:
            documents = _documents(kind.read(whole_text), text)
        except ConfigError as error:
            # What one kind refuses may be another; what one kind has understood is
            # no fault that another finds.
            problems = problems or (() if understood else error.problems)
            continue
        if documents:
            return documents
        understood = understood or kind
    if problems and (kind_named(text.name) or not text.path):
        raise ConfigError(*problems)
    where = f" in this {understood.name}" if understood else ""
    right = understood.right if understood else EVERYTHING_IS_RIGHT
    expected = right.format(words=text.words)
    told = f" ({problems[0]})" if problems else ""
    raise ConfigError(
        f"{text.name}: no configuration found{where}; expected {expected}{told}"
    )


def _documents(parts: Parts, text: Text) -> tuple[Document, ...]:
    """Return the configurations of parts; what cannot be read is told with the first."""
    said = "\n".join(each.text for each in parts.said)
    release = stated_release(replace(text, content=said) if parts.said else text)
    problems = list(parts.problems)
    documents = list(few(_each(parts, text, release, problems), text.name))
    if problems and not documents:
        raise ConfigError(*problems)
    if problems:
        documents[0] = replace(documents[0], notes=(*documents[0].notes, *problems))
    return _with_folders(documents)


def _with_folders(documents: list[Document]) -> tuple[Document, ...]:
    """Return lines that serve a folder of a text that compiles as serving what it makes."""
    compiled = {each.model for each in documents if each.form == "compile"}

    def makes(serve: ServeLine) -> bool:
        is_folder = is_path(serve.model) or "/" not in serve.model
        return bool(compiled) and is_folder and serve.model not in {*compiled, ""}

    return tuple(
        replace(each, serve=replace(each.serve, is_folder=True))
        if each.serve is not None and makes(each.serve)
        else each
        for each in documents
    )


def _each(
    parts: Parts, text: Text, release: Release, problems: list[str]
) -> Iterator[Document]:
    for part in parts.found:
        if isinstance(part, Command):
            yield from command_documents(part, text, release)
        elif isinstance(part, Tree):
            yield from mapping_documents(part, text, release)
        else:
            try:
                yield from python_documents(part, text, release)
            except ConfigError as error:
                problems += error.problems


def mapping_document(
    config: Mapping[str, Any], words: Vocabulary | None = None
) -> Document:
    """Return a configuration that is at hand as a value."""
    words = words or engine_for(()).vocabulary
    text = Text(name=words.keyword, content="", words=words)
    plain = dict(config)
    refuse_odd_values(plain, text.name)
    [document] = mapping_documents(Tree(plain, {}), text, Release(None, ""))
    return document


def _with_processor(document: Document, text: Text) -> Document:
    """Return a configuration with the limits of the processor that is saved beside it.

    That of the compiled folder it stands in, or of the folder that it loads or serves.
    """
    limits, notes = saved_image_limits(text.folder or document.model)
    if limits is None:
        found = limits_of_plan_beside(document, text) if not document.limits else ()
        return replace(
            document, limits=document.limits + found, notes=(*document.notes, *notes)
        )
    saved = GivenLimits(
        min_pixels=limits.min_pixels, max_pixels=limits.max_pixels, source=limits.source
    )
    return replace(document, limits=(*document.limits, saved))
