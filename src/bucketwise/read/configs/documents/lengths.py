"""ViT lengths without a configuration: numbers in a row, or a plan of bucketwise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bucketwise.core.buckets import MAX_LENGTH
from bucketwise.core.limits import UNLIMITED_PIXELS
from bucketwise.core.plan import READ_SCHEMAS, answer_of
from bucketwise.engines import text_encoders
from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Document, GivenLimits
from bucketwise.nouns.engine import parse_version
from bucketwise.nouns.traffic import Place
from bucketwise.nouns.vocabulary import Vocabulary
from bucketwise.read.configs.documents.text import PLAN_FILE, Text
from bucketwise.read.json_text import load_json, parse_json

MAX_LENGTHS = 1_000


def list_documents(text: Text) -> tuple[Document, ...]:
    """Return the lengths that a text lists."""
    words = re.findall(r"[+-]?\d+", text.content)
    lengths = [int(word) for word in words if len(word) <= len(str(MAX_LENGTH)) + 1]
    if not 1 <= len(words) <= MAX_LENGTHS:
        raise ConfigError(
            f"{text.name}: expected 1 to {MAX_LENGTHS} lengths, got {len(words)}"
        )
    _check(text.name, [*lengths, *([0] * (len(words) - len(lengths)))], MAX_LENGTH)
    notes: tuple[str, ...] = ()
    if len(set(lengths)) < len(lengths):
        notes = (f"{text.name}: lengths given more than once were counted once",)
    return (
        Document(
            config=text.words.listing(sorted(set(lengths))),
            form="list",
            source=text.name,
            places={(): Place(source=text.name, line=0)},
            notes=notes,
        ),
    )


def is_plan(content: str) -> bool:
    """Return whether a text may be a plan.json."""
    return content.lstrip().startswith("{") and '"schema"' in content


def plan_documents(text: Text) -> tuple[Document, ...]:
    """Return the lengths of a plan.json; () where the text is none."""
    try:
        found = parse_json(text.content, text.name)
    except ConfigError:
        return ()  # what is no JSON may be another form
    schema = found.get("schema")
    if not isinstance(schema, str):
        return ()
    if schema not in READ_SCHEMAS:
        known = " or ".join(map(repr, READ_SCHEMAS))
        raise ConfigError(f"{text.name}: expected schema {known}, got {schema[:50]!r}")
    return documents_of_plan(found, text.name, text.words)


def documents_of_plan(
    plan: Mapping[str, Any], name: str, words: Vocabulary
) -> tuple[Document, ...]:
    """Return the lengths of a plan: one list, or one for each release that differs."""
    try:
        if plan.get("encoder"):
            return (_of_encoder(plan["encoder"], plan["model"], name),)
        told = answer_of(plan, words.sdk)
        by_release = told["visual_by_target"]
        if not by_release:
            return (_of_visual(told["visual"], told["model"], name, words),)
        return tuple(
            _of_visual(visual, told["model"], name, words, release)
            for release, visual in by_release.items()
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ConfigError(f"{name}: a damaged plan ({error}); make it anew") from error


def limits_of_plan_beside(document: Document, text: Text) -> tuple[GivenLimits, ...]:
    """Return the limits of the plan that a configuration was written with; () for none.

    JSON of optimum-rbln has no place for them: the compile script beside it sets them.
    """
    if not text.path or document.form != "compile":
        return ()
    folder = Path(text.path).absolute().parent
    given = list(_values(document.config))
    for file in (folder / PLAN_FILE, folder.parent / PLAN_FILE):
        if not file.is_file():
            continue
        try:
            plan = load_json(file)
            told = answer_of(plan, text.words.sdk)
            visuals = [told["visual"], *told["visual_by_target"].values()]
            for visual in visuals if plan["schema"] in READ_SCHEMAS else ():
                if visual["max_seq_lens"] in given:
                    found = _of_visual(
                        visual, told["model"], PLAN_FILE, text.words
                    ).limits
                    return tuple(
                        replace(each, source=f"{PLAN_FILE} beside it") for each in found
                    )
        except (AttributeError, ConfigError, KeyError, TypeError):
            continue
    return ()


def _values(level: Mapping[str, Any]) -> Iterator[Any]:
    """Yield every value of a configuration that is no level."""
    for value in level.values():
        if isinstance(value, Mapping):
            yield from _values(value)
        else:
            yield value


def _of_visual(
    visual: Mapping[str, Any],
    model: Mapping[str, Any],
    name: str,
    words: Vocabulary,
    release: str = "",
) -> Document:
    lengths = list(visual["vit_max_seq_lens"])
    limits = GivenLimits(
        min_pixels=visual["processor"]["min_pixels"],
        max_pixels=visual["processor"]["max_pixels"],
        source=name,
    )
    _check(name, lengths, MAX_LENGTH)
    _check(name, (limits.min_pixels, limits.max_pixels), UNLIMITED_PIXELS)
    return Document(
        config=words.listing(lengths),
        form="plan",
        source=name,
        places={(): Place(source=name, line=0)},
        version=parse_version(release) or None,
        version_source=name if release else "",
        model=str(model["name"]),
        model_assumed=bool(model["assumed"]),
        limits=(limits,),
    )


def _of_encoder(
    encoder: Mapping[str, Any], model: Mapping[str, Any], name: str
) -> Document:
    lengths = list(encoder["max_seq_lens"])
    _check(name, lengths, MAX_LENGTH)
    return Document(
        config={text_encoders().tokens: lengths},
        form="plan",
        source=name,
        places={(): Place(source=name, line=0)},
        class_name=str(model["class_name"]),
        model=str(model["name"]),
    )


def _check(name: str, values: Iterable[Any], most: int) -> None:
    wrong = [
        value for value in values if type(value) is not int or not 1 <= value <= most
    ]
    if wrong:
        raise ConfigError(
            f"{name}: expected a whole number from 1 to {most}, got "
            f"{str(wrong[0])[:50]!r}"
        )
