"""A command or options of vLLM, wherever they stand -> the configurations they hand over."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path as File
from typing import Any

from bucketwise.core.in_service import SOFT_TOKEN_PX, SOFT_TOKENS
from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Document, GivenLimits, Path, ServeLine, Unknown
from bucketwise.nouns.traffic import Place
from bucketwise.nouns.vocabulary import Vocabulary
from bucketwise.read.configs.documents.excerpt import Excerpt, joined, whole
from bucketwise.read.configs.documents.names import (
    CONFIG_SUFFIX,
    Release,
    folder_config,
    is_compiled_folder,
)
from bucketwise.read.configs.documents.options import (
    Option,
    Options,
    compiled_by,
    options_of,
)
from bucketwise.read.configs.documents.shell import SERVER, Command
from bucketwise.read.configs.documents.text import Text, read_text
from bucketwise.read.configs.documents.tree import json_tree

ADDITIONAL = "additional-config"
LIMITS = "mm-processor-kwargs"


def served(found: Options, text: Text, release: Release) -> tuple[Document, ...]:
    """Return the configurations that options hand over; an empty one for none."""
    by_name: dict[str, Option] = {}
    for option in found.options:
        # Which of two ways to hand a configuration over comes later counts.
        by_name.pop(option.name, None)
        by_name[option.name] = option
    words = text.words
    handed_over = tuple(_handed_over(by_name, words))
    is_folder = is_compiled_folder(found.model, words)
    folder = folder_config(found.model, words) if is_folder else None
    class_name = (folder or {}).get(words.class_key)
    additional = _mapping(by_name[ADDITIONAL]) if ADDITIONAL in by_name else None
    line = ServeLine(
        model=found.model,
        is_folder=is_folder,
        flags={
            name: _words(option.value)
            for name, option in by_name.items()
            if option.value is not False
        },
        additional=additional[0] if additional else {},
        environment=found.environment,
        files=_beside(found.environment, text),
        channels=tuple(channel for channel, _, _ in handed_over),
        folder_chunk=_whole((folder or {}).get("prefill_chunk_size")),
        folder_config=folder,
    )
    bare = Document(
        config={},
        form="serve",
        source=text.name,
        places={(): found.place},
        version=release.version,
        version_source=release.source,
        family=words.family_of(class_name.removesuffix(CONFIG_SUFFIX))
        if isinstance(class_name, str)
        else "",
        model=found.model,
        serve=line,
        limits=_limits(by_name.get(LIMITS)),
        notes=found.notes + _unread(by_name, words),
    )
    documents = tuple(
        replace(
            bare, config=config, places=places, serve=replace(line, channel=channel)
        )
        for channel, config, places in handed_over
    )
    return documents or (bare,)


def _beside(environment: Mapping[str, str], text: Text) -> dict[str, str]:
    """Return what stands in the files that variables name, where they lie beside it."""
    found = {}
    for name in text.words.files & environment.keys():
        file = os.path.join(  # noqa: PTH118
            os.path.dirname(text.path),  # noqa: PTH120
            re.split(r"[\\/]", environment[name])[-1],
        )
        # os.path answers no where pathlib raises: long names, null bytes.
        if text.path and os.path.isfile(file):  # noqa: PTH113
            found[name] = read_text(File(file), text.words).content
    return found


def _handed_over(
    by_name: Mapping[str, Option], words: Vocabulary
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[Path, Place]]]:
    """Yield every configuration of a line, in its order."""
    for name, option in by_name.items():
        keys = words.options.get(name)
        found = None if keys is None else _mapping(option)
        if found is None:
            continue
        value, places = found
        if not keys:
            yield f"--{name}", value, places
            continue
        for key in keys:
            if isinstance(value.get(key), Mapping):
                below = {
                    path[1:]: at for path, at in places.items() if path[:1] == (key,)
                }
                yield f"--{name} {key}", value[key], below


def _mapping(option: Option) -> tuple[Mapping[str, Any], Mapping[Path, Place]] | None:
    """Return what an option holds; None where only a shell or a run would know."""
    if isinstance(option.value, Mapping):
        return option.value, option.places
    if isinstance(option.value, Unknown) or option.value in option.unresolved:
        return None
    name = f"{option.place}: --{option.name}"
    text = option.excerpt or whole(str(option.value), name)
    try:
        tree = json_tree(text, name)
    except ConfigError:
        if not option.unresolved:
            raise
        tree = json_tree(_quoted(text, option.unresolved), name)
    if not isinstance(tree.value, dict):
        raise ConfigError(
            f"{name}: expected a JSON object, got {str(option.value)[:50]!r}"
        )
    return _with_unknowns(tree.value, option.unresolved), tree.places


def _quoted(text: Excerpt, unknown: tuple[str, ...]) -> Excerpt:
    """Return JSON with parts that stand for a whole value made texts."""
    for each in unknown:
        bare = re.compile(rf'(?<!["\w]){re.escape(each)}(?!["\w])')
        parts = []
        done = 0
        for match in bare.finditer(text.text):
            start, end = match.span()
            parts += [text[done:start], text.saying(json.dumps(each), start, end)]
            done = end
        text = joined([*parts, text[done:]], text)
    return text


def _with_unknowns(value: Any, unresolved: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _with_unknowns(item, unresolved) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_unknowns(item, unresolved) for item in value]
    if isinstance(value, str) and any(part in value for part in unresolved):
        return Unknown(value)
    return value


def _unread(by_name: Mapping[str, Option], words: Vocabulary) -> tuple[str, ...]:
    return tuple(
        f"{option.place}: --{option.name} is {_words(option.value)[:100]}, which only "
        "running it would tell"
        for option in by_name.values()
        if option.name in (LIMITS, *words.options) and _mapping(option) is None
    )


def _limits(option: Option | None) -> tuple[GivenLimits, ...]:
    found = _mapping(option) if option else None
    if option is None or found is None:
        return ()
    return set_limits(found[0], str(option.place))


def set_limits(value: Mapping[str, Any], source: str) -> tuple[GivenLimits, ...]:
    """Return the image limits that keywords of a processor set; () for none."""
    found = []
    for level in (value.get("images_kwargs"), value):
        if not isinstance(level, Mapping):
            continue
        size = level.get("size")
        size = size if isinstance(size, Mapping) else {}
        least = _whole(level.get("min_pixels", size.get("shortest_edge")))
        most = _whole(level.get("max_pixels", size.get("longest_edge")))
        tokens = _whole(level.get(SOFT_TOKENS))
        most = most if tokens is None else tokens * SOFT_TOKEN_PX**2
        if not least is most is None:
            limits = GivenLimits(min_pixels=least, max_pixels=most, source=source)
            found.append(limits)
    return tuple(found)


def _whole(value: object) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole else None  # type: ignore[return-value]


def _words(value: object) -> str:
    if value is None or value is True:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, default=repr)


def command_documents(
    command: Command, text: Text, release: Release
) -> tuple[Document, ...]:
    """Return the configurations of a command; an empty one for a server without."""
    if command.program == SERVER:
        return served(options_of(command), text, release)
    return compiled_by(command, text, release)
