"""The image parts of a prompt, known by their shape, whoever wrote them, and what is told beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from bucketwise.nouns.traffic import NO_LIMITS, OwnLimits
from bucketwise.read.images.header import TOLD, Header
from bucketwise.read.requests.opened import may_open, opened, opened_prompt
from bucketwise.read.requests.payloads import (
    BESIDE,
    CLIP,
    REFERRED,
    Payload,
    Source,
    holds_image,
    in_base64,
    locate,
)
from bucketwise.read.tables.names import SIZES
from bucketwise.words.reject_reasons import MISSING, NOT_A_NUMBER, ZERO_OR_NEGATIVE

_LONGEST_NAME = 40
"""Characters; longer names are none of a side, and would fill the cache."""

_MOST_PIXELS = 2**50
"""Above every image there is."""
_OF_PROCESSOR = ("mm_processor_kwargs", "processor_kwargs")
_OF_IMAGES = "images_kwargs"
_SETTINGS = (
    "extra_body", "invocation_parameters", "optional_params", "model_parameters",
    "modelParameters",
)  # fmt: skip
"""Where clients and traces keep what a request is sent with beside its messages."""
_SET = frozenset({*_OF_PROCESSOR, *_SETTINGS})
_RESIZED = ("resized_width", "resized_height")
_OF_PART = frozenset({"min_pixels", "max_pixels", *_RESIZED})

Part = Mapping[str, Any]
_NO_MEDIA = frozenset({
    "text", "input_text", "output_text", "thinking", "reasoning", "refusal",
    "input_audio", "audio_url", "audio", "tool_use", "server_tool_use", "tool_call",
    "function_call", "computer_call", "mcp_call", "image_embeds",
})  # fmt: skip
"""Types of parts in which no image is sought; embeddings do not pass the ViT."""
_IMAGES = frozenset({
    "image", "image_url", "image-url", "input_image", "image_file",
    "computer_screenshot", "image_generation_call",
})  # fmt: skip
_VIDEOS = frozenset({"video", "video_url", "video-url", "input_video"})
_BY_CONTENT = frozenset({"blob", "binary", "uri", "file", "file_data"})
"""Types that hold any medium and say which (OpenTelemetry, pydantic-ai)."""
LISTS = frozenset({"image", "images", "image_data", "image_url", "image_urls"})
"""Keys under which a request or a message has images beside its text."""
TEXTS = frozenset({"text", "content", "prompt", "input", "value", "question"})
"""Keys under which users write; an image that is pasted there is text, too."""
_NO_PROMPT = frozenset({
    "arguments", "args", "tool_calls", "function_call", "functionCall", "toolUse",
    "tools", "metadata",
})  # fmt: skip
"""Keys of calls to tools: their arguments are text to the model, whatever they hold."""
_SKIPPED = _NO_PROMPT | LISTS
_INLINE = ("inline_data", "inlineData", "file_data", "fileData")
_WITHIN = ("image_url", "image", "source", "image_file")
_ENCODED = ("data", "base64", "bytes", "b64_json", "content", "result")
_HOLDING = (*_ENCODED, "source")
_NAMED = ("url", "uri", "path", "fileUri", "file_uri", "s3Location")
_MEDIA = (
    "modality", "mime_type", "mimeType", "media_type", "mediaType", "content_type",
    "format",
)  # fmt: skip
_TELLING = frozenset({*_INLINE, *_MEDIA, "bytes"})
_SEEN = frozenset({"image", "png", "jpeg", "jpg", "webp", "gif"})
_NOT_SEEN = frozenset({"video", "audio", "application", "wav", "mp3", "mp4", "pdf"})
_DEEPEST_PLACE = 6


def told_size(part: Mapping[str, Any]) -> Header | str | None:
    """Return the size that stands beside an image, or why it is none."""
    sides = _sides(tuple(name for name in part if len(name) <= _LONGEST_NAME))
    if sides is None:
        return None
    width, height = (whole(part[side]) for side in sides)
    if width is None or height is None:
        return NOT_A_NUMBER
    if min(width, height) <= 0:
        return ZERO_OR_NEGATIVE
    return Header(format=TOLD, stored_width_px=width, stored_height_px=height)


@lru_cache(maxsize=256)
def _sides(names: tuple[str, ...]) -> tuple[str, str] | None:
    """Return which names are those of width and height; a log has few such tuples."""
    width, height = (SIZES.find(names, side) for side in ("width", "height"))
    return (names[width[0]], names[height[0]]) if width and height else None


def whole(value: object) -> int | None:
    """Return a number as tables read it; None where it is no whole one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return int(number) if math.isfinite(number) and number.is_integer() else None


def limits_of_request(body: Mapping[str, Any]) -> OwnLimits | None:
    """Return the limits that take the place of the processor's for a whole request.

    `mm_processor_kwargs` of vLLM's OpenAI-compatible server hold them, or nothing does.
    """
    if _SET.isdisjoint(body):
        return None
    settings = _objects(body, _SETTINGS)
    inner = [each for holder in settings for each in _objects(holder, _SETTINGS)]
    for holder in (body, *settings, *inner):
        for told in _objects(holder, _OF_PROCESSOR):
            return _limits({**told, **_mapping(told.get(_OF_IMAGES))})
    return None


def limits_of_part(part: Mapping[str, Any]) -> OwnLimits:
    """Return the limits that a part of a message sets for its image.

    qwen_vl_utils 0.0.14 resizes by them before the processor does (vision_process.py,
    fetch_image), and so does LMDeploy by those within `image_url`
    (lmdeploy/vl/model/qwen2.py, Qwen2VLModel.preprocess).
    """
    for holder in _holders(part):
        if not _OF_PART.isdisjoint(holder):
            return replace(_limits(holder), resized_first=True)
    return NO_LIMITS


def resized_sides(part: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the width and height that a part asks its image to be resized to."""
    for holder in _holders(part):
        if holder.keys() >= set(_RESIZED):
            width, height = (whole(holder[side]) or 0 for side in _RESIZED)
            if min(width, height) > 0:
                return width, height
    return None


def _holders(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [part, *(_mapping(part.get(key)) for key in ("image_url", "image"))]


def _objects(holder: Mapping[str, Any], keys: Sequence[str]) -> list[Mapping[str, Any]]:
    found = [opened(holder[key]) for key in keys if key in holder]
    return [each for each in found if isinstance(each, dict)]


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _limits(told: Mapping[str, Any]) -> OwnLimits:
    edges = _mapping(told.get("size"))
    low = told.get("min_pixels", edges.get("shortest_edge"))
    high = told.get("max_pixels", edges.get("longest_edge"))
    least, most = (min(max(whole(each) or 0, 0), _MOST_PIXELS) for each in (low, high))
    return OwnLimits(min_pixels=least, max_pixels=most)


@dataclass(frozen=True, slots=True)
class Shown:
    """An image that a request shows."""

    source: Source
    """Where it stands, or why it does not."""
    own: OwnLimits = NO_LIMITS
    """Limits that its part sets for it."""
    detail: str = ""
    """How closely it is to be seen, where that is asked; only OpenAI's models know."""

    @property
    def is_there(self) -> bool:
        """Whether it stands in the log itself, or an empty cell in its place."""
        return isinstance(self.source, Payload) or self.source in (MISSING, BESIDE)

    @property
    def is_told(self) -> bool:
        """Whether its size stands there in its place."""
        return isinstance(self.source, Header)


def find_images(prompt: object) -> Iterator[Shown]:
    """Yield each image or clip of a prompt, in its order.

    OpenAI API reference, Chat Completions (`image_url`) and Responses (`input_image`,
    `computer_screenshot`, `image_generation_call`); Anthropic API reference, Messages
    (`image`, images within `tool_result`); Gemini API reference (`inlineData`,
    `fileData`); Ollama API (`images`); Amazon Bedrock Converse and DashScope (`image`
    without a type); Model Context Protocol (`image` with `data`); OpenTelemetry
    semantic conventions 1.38, gen-ai-input-messages.json (`blob`, `uri`, `file`);
    OpenInference, semantic_conventions.md (`message_content.image.image.url`).
    """
    # A stack of its own, because JSON may be nested deeper than Python calls.
    left: list[object] = [prompt]
    while left:
        each = opened_prompt(left.pop())
        if isinstance(each, list):
            left.extend(reversed(each))
        elif isinstance(each, dict):
            found = _in_part(each)
            if found is None:
                yield from find_beside(each)
                left.extend(
                    inner
                    for key, inner in reversed(each.items())
                    if key not in _SKIPPED and may_open(inner)
                )
            else:
                yield from found


def find_beside(body: Part) -> Iterator[Shown]:
    """Yield the images that stand in an object itself, beside whatever else it holds."""
    for key, value in body.items():
        if not isinstance(value, (str, bytes, list, dict)):
            continue  # a number of images, say
        if key in LISTS:
            listed = opened(value)
            for each in listed if isinstance(listed, list) else [value]:
                yield _shown({"image": each})
        elif key not in TEXTS and holds_image(value):
            yield _shown({"image": value})


def parts_within(body: Part) -> Iterator[Shown]:
    """Yield the images of the parts that stand in an object, one level down."""
    for key, value in body.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict) and key not in LISTS:
                yield from _in_part(each) or ()


def _in_part(part: Part) -> list[Shown] | None:
    """Return the images of a part; None where it is none, but may have some within."""
    kind = part.get("type", "")
    kind = kind if isinstance(kind, str) else ""
    if kind in _NO_MEDIA or (kind in _BY_CONTENT and "file" in part):
        # The file of a chat message is a document, and says so by its own key.
        return []
    if kind in _VIDEOS or part.get("video_url") or part.get("video"):
        # How many frames are taken, and of which size, stands in no request.
        return [Shown(CLIP)]
    image = isinstance(part.get("image"), (str, bytes, dict))
    beside = image and not isinstance(part.get("content"), list)
    if kind in _IMAGES or part.get("image_url") or beside:
        return [_shown(part)]
    return _by_content(part, kind in _BY_CONTENT)


def _by_content(part: Part, any_medium: bool) -> list[Shown] | None:
    """Return a medium of which only its media type or modality tells what it is."""
    if not any_medium and _TELLING.isdisjoint(part):
        return None
    inline = next(
        (part[key] for key in _INLINE if isinstance(part.get(key), dict)), None
    )
    holder = part if inline is None else inline
    any_medium |= inline is not None
    said = next((holder[key] for key in _MEDIA if isinstance(holder.get(key), str)), "")
    medium = said.partition("/")[0].strip().casefold()
    if any_medium or "bytes" in holder:
        medium = medium or "image"
    elif not any(isinstance(holder.get(key), (str, dict)) for key in _HOLDING):
        return None
    if medium == "video":
        return [Shown(CLIP)]
    if medium in _SEEN:
        return [_shown(holder, part)]
    return [] if any_medium or medium in _NOT_SEEN else None


def _shown(value: Part, part: Part | None = None) -> Shown:
    part = value if part is None else part
    own = limits_of_part(part)
    sides = resized_sides(part) if own.resized_first else None
    if sides:
        width, height = sides
        size = Header(format=TOLD, stored_width_px=width, stored_height_px=height)
        return Shown(size, OwnLimits(resized_first=True))
    inner = part.get("image_url")
    detail = (inner if isinstance(inner, dict) else part).get("detail")
    return Shown(_place(value), own, detail if isinstance(detail, str) else "")


def _place(value: object, depth: int = 0) -> Source:
    """Return where an image stands, whichever way a part says it."""
    if isinstance(value, bytes):
        return Payload(value)
    if isinstance(value, str):
        return locate(value)
    if not isinstance(value, dict) or depth > _DEEPEST_PLACE:
        return REFERRED
    found = _within(value, depth)
    if isinstance(found, str):
        return told_size(value) or found
    if isinstance(found, Payload) and isinstance(told := told_size(value), Header):
        return replace(found, told=told)
    return found


def _within(value: Part, depth: int) -> Source:
    for key in _WITHIN:
        if isinstance(value.get(key), (str, bytes, dict)):
            return _place(value[key], depth + 1)
    for key in _ENCODED:
        text = value.get(key)
        if isinstance(text, bytes):
            return Payload(text)
        if isinstance(text, str) and text:
            return locate(text) if text[:5].casefold() == "data:" else in_base64(text)
    for key in _NAMED:
        if isinstance(value.get(key), (str, dict)) and value[key]:
            return BESIDE if "bytes" in value else _place(value[key], depth + 1)
    return MISSING if "bytes" in value else REFERRED
