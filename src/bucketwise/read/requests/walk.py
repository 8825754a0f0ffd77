"""The requests that any JSON holds: one walk through it, whoever logged it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from bucketwise.nouns.traffic import OwnLimits
from bucketwise.read.requests.opened import may_open, opened, opened_prompt
from bucketwise.read.requests.parts import (
    TEXTS,
    Shown,
    find_beside,
    find_images,
    limits_of_request,
    parts_within,
    told_size,
)
from bucketwise.read.requests.payloads import MOVED

Object = Mapping[str, Any]

_TURNS = (
    "system_instructions", "messages", "input_messages", "conversations", "contents",
)  # fmt: skip
"""Keys that nothing but a prompt is called."""

_PROMPTS = (
    "system", "systemInstruction", "system_instruction", "instructions", *_TURNS,
    "input", "prompt",
)  # fmt: skip
"""Keys of a body that hold the prompt, in the order the model sees it."""

_ANSWER = re.compile(
    r"(?!.*(?:request|input))(?:.*[_a-z])?(?:respons|output|completion|choice|candidate)",
    re.IGNORECASE,
)
_LONGEST_KEY = 64

_KINDS = (
    ("gen_ai", "operation", "name"), ("openinference", "span", "kind"),
    ("mlflow", "spanType"), ("traceloop", "span", "kind"), ("run_type",),
)  # fmt: skip
"""Where traces say what a span is of (OpenTelemetry semantic conventions 1.38,
OpenInference, MLflow, OpenLLMetry, LangSmith)."""

_KIND_KEYS = frozenset({"attributes", *(path[0] for path in _KINDS)})
_CALLS = frozenset(
    {"chat", "generate_content", "text_completion", "llm", "chat_model", "generation"}
)
"""Spans of a model that was asked; those of agents and tools repeat what these hold."""

_OTHERS = ("SPAN", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR")
"""The `type` of Langfuse's observations that repeat a `GENERATION` within them."""

_MOVED = "inputBodyS3Path"
"""Where Amazon Bedrock's invocation log says that a body above 100 kB is."""

_DEEPEST = 100
"""Levels; Python's own calls end at ten times that."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its images, earlier turns' too, and the objects that tell of it."""

    images: tuple[Shown, ...]
    """Each image and clip, in order."""
    about: tuple[Object, ...]
    """What it stands in: a span, a row of a list, the line; the innermost first."""
    own: OwnLimits | None
    """Limits it sets in the place of the processor's."""
    is_asked: bool
    """Whether there is a prompt; else it is known by what looks like its images."""

    @property
    def n_there(self) -> int:
        """How many of its images stand in the log itself."""
        return sum(image.is_there for image in self.images)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk is: what it is in, under which limits, and whether it counts."""

    about: tuple[Object, ...]
    own: OwnLimits | None = None
    counts: bool = True
    depth: int = 0


def find_requests(record: Object) -> list[Request]:
    """Return the requests of one record of a log or table; [] where it is something else.

    Of what one object tells twice, as a body raw and parsed, one counts: the first with a
    prompt, or what has more of its images. What a list tells is several things.
    """
    return _within(record, _Place((record,)))


def _within(value: object, place: _Place) -> list[Request]:
    value = opened(value)
    if place.depth > _DEEPEST or not isinstance(value, (list, dict)):
        return []
    if isinstance(value, dict):
        return _in_object(value, place)
    found = []
    for each in map(opened, filter(may_open, value)):
        about = (each, *place.about) if isinstance(each, dict) else place.about
        found += _within(each, replace(place, about=about, depth=place.depth + 1))
    return found


def _in_object(value: Object, place: _Place) -> list[Request]:
    prompts = {key: opened_prompt(value[key]) for key in _PROMPTS if key in value}
    is_asked = _asks(value, prompts)
    prompts = prompts if is_asked else {}
    rest = {
        key: each
        for key, each in value.items()
        if key not in prompts and not _is_answer(key[:_LONGEST_KEY])
    }
    counts = _is_call(value, otherwise=place.counts)
    if _MOVED in value:
        return [Request((Shown(MOVED),), place.about, None, is_asked=True)]
    own = limits_of_request(value) or place.own
    told: list[list[Request]] = []
    if is_asked and counts:
        shown = tuple(_shown(rest, prompts))
        told.append([Request(shown, place.about, own, is_asked=True)])
        if shown and all(each.is_there or each.is_told for each in shown):
            return told[0]
    inner = _Place(place.about, own, counts, place.depth + 1)
    for key, each in rest.items():
        if may_open(each):
            found = opened_prompt(each) if key in TEXTS else opened(each)
            told.append(_within(found, inner))
    if counts and not any(each.is_asked for found in told for each in found):
        shown = (*find_beside(rest), *parts_within(rest))
        if shown:
            told.insert(0, [Request(shown, place.about, own, is_asked=False)])
    return max(
        told,
        key=lambda its: (
            any(each.is_asked for each in its),
            sum(each.n_there for each in its),
            len(its),
        ),
        default=[],
    )


@lru_cache(maxsize=1_024)
def _is_answer(key: str) -> bool:
    """Return whether a key is of what a model gave back, or was to give."""
    return _ANSWER.match(key) is not None


def _shown(rest: Object, prompts: Object) -> Iterator[Shown]:
    """Yield the images of a body: those beside its prompt, and those within."""
    listed = list(find_beside(rest))
    yield from listed
    for prompt in prompts.values():
        # Parts beside a list of images only say where in the text they belong.
        yield from (each for each in find_images(prompt) if each.is_there or not listed)


def _asks(body: Object, prompts: Object) -> bool:
    for key in _TURNS:
        turns = prompts.get(key)
        # LiteLLM's spend logs keep an empty object there, and the body elsewhere.
        if isinstance(turns, list) or (isinstance(turns, dict) and turns):
            return True
    asked, listed = prompts.get("input"), body.get("images")
    turns = prompts.get("prompt")
    if isinstance(turns, list) and any(isinstance(turn, dict) for turn in turns):
        return True
    if isinstance(asked, dict):
        return "messages" in asked
    # A list of sizes is all that some logs keep of a request.
    sized = isinstance(listed, list) and (
        not listed or any(isinstance(each, dict) and told_size(each) for each in listed)
    )
    sends = "image_data" in body and bool({"text", "input_ids"} & body.keys())
    model = "model" in body and bool({"input", "prompt"} & body.keys())
    return isinstance(asked, list) or sized or sends or model


def _is_call(value: Object, *, otherwise: bool) -> bool:
    """Return whether a model was asked, as far as an object says what it is of."""
    if not _KIND_KEYS.isdisjoint(value):
        for holder in (value, opened(value.get("attributes"))):
            for path in _KINDS:
                found: Any = holder
                for key in path:
                    found = opened(found.get(key)) if isinstance(found, dict) else None
                if isinstance(found, str):
                    return found.strip('"').casefold() in _CALLS
    return otherwise and value.get("type") not in _OTHERS
