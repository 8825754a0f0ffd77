"""The image parts of a prompt, in the forms that servers and gateways take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from bucketwise.reasons import UNSIZED
from bucketwise.sources.images.header import Header
from bucketwise.sources.requests.payloads import Payload, Source, in_base64, locate
from bucketwise.sources.requests.told import told_size

Part = Mapping[str, Any]

_INNER = (
    "messages", "message", "contents", "content", "parts", "input", "source",
    "output", "result", "response", "functionResponse", "function_response",
)  # fmt: skip
"""Keys of a prompt under which there are parts. Not those of a call to a tool, whose
arguments are text to the model, whatever they hold."""

_NO_MEDIA = frozenset(
    [
        "text",
        "input_text",
        "output_text",
        "thinking",
        "reasoning",
        "refusal",
        "input_audio",
        "audio_url",
        "audio",
        "tool_use",
        "server_tool_use",
        "tool_call",
        "function_call",
        "computer_call",
        "mcp_call",
        "image_embeds",
    ]
)
"""Types of parts in which no image is sought; embeddings do not pass the ViT."""

_IMAGES = frozenset(
    [
        "image",
        "image_url",
        "image-url",
        "input_image",
        "image_file",
        "computer_screenshot",
    ]
)
_VIDEOS = frozenset(["video", "video_url", "video-url", "input_video"])
_BY_CONTENT = frozenset(["blob", "binary", "uri", "file", "file_data"])
"""Types that hold any medium and say which (OpenTelemetry, pydantic-ai)."""

_PLACES = (
    "image_url", "url", "uri", "image", "source", "image_file", "path",
)  # fmt: skip
_ENCODED = ("data", "base64", "bytes", "b64_json", "content")
_MIME_TYPES = ("mime_type", "mimeType", "media_type", "mediaType")

_DEEPEST_PLACE = 4


def find_images(prompt: object) -> Iterator[Source]:
    """Yield where each image or clip of a prompt stands, in its order.

    Parameters
    ----------
    prompt : object
        What JSON gave: messages, a list of parts, one part, anything.

    Notes
    -----
    OpenAI API reference, Chat Completions (`image_url`) and Responses (`input_image`,
    `computer_screenshot`, `image_generation_call`); Anthropic API reference, Messages
    (`image`, images within `tool_result`); Gemini API reference (`inlineData`,
    `fileData`); Ollama API (`images`); Amazon Bedrock Converse and DashScope (`image`
    without a type); Model Context Protocol (`image` with `data`); OpenTelemetry
    semantic conventions 1.38, gen-ai-input-messages.json (`blob`, `uri`, `file`).
    """
    # A stack of its own, because JSON may be nested deeper than Python calls.
    left: list[object] = [prompt]
    while left:
        each = left.pop()
        if isinstance(each, list):
            left.extend(reversed(each))
        elif isinstance(each, dict):
            found = _in_part(each)
            if found is None:
                yield from find_listed(each)
                left.extend(each[key] for key in reversed(_INNER) if key in each)
            else:
                yield from found


def find_listed(body: Part) -> Iterator[Source]:
    """Yield the images that a request or message lists beside its text.

    Parameters
    ----------
    body : mapping
        With `images` (Ollama) or `image_data` (SGLang), or without.
    """
    for key in ("images", "image_data"):
        listed = body.get(key)
        if isinstance(listed, (str, dict)):
            listed = [listed]
        if isinstance(listed, list):
            yield from map(_place, listed)


def _in_part(part: Part) -> list[Source] | None:
    """Return the images of a part; None where it is none, but may have some within."""
    kind = part.get("type")
    kind = kind if isinstance(kind, str) else ""
    if kind in _NO_MEDIA:
        return []
    if kind in _VIDEOS or part.get("video_url") or part.get("video"):
        # How many frames are taken, and of which size, stands in no request.
        return [UNSIZED]
    if kind in _IMAGES or part.get("image_url"):
        return [_place(part)]
    if kind == "image_generation_call":
        return [_place({"data": part.get("result")})]
    return _untyped(part, kind)


def _untyped(part: Part, kind: str) -> list[Source] | None:
    for key in ("inline_data", "inlineData", "file_data", "fileData"):
        if isinstance(part.get(key), dict):
            return _by_content(part[key])
    if kind in _BY_CONTENT:
        # The file of a chat message is a document, and says so by its own key.
        return [] if "file" in part else _by_content(part)
    if isinstance(part.get("image"), (str, dict)):
        return [_place(part["image"])]
    return None


def _by_content(part: Part) -> list[Source]:
    """Return a medium of which only its media type or modality tells what it is."""
    told = [part.get(key) for key in ("modality", *_MIME_TYPES)]
    said = next((each for each in told if isinstance(each, str) and each), "image")
    medium = said.partition("/")[0].strip().casefold()
    if medium == "video":
        return [UNSIZED]
    return [_place(part)] if medium == "image" else []


def _place(value: object, depth: int = 0) -> Source:
    """Return where an image stands, whichever way a part says it."""
    if isinstance(value, str):
        return locate(value)
    if not isinstance(value, dict) or depth > _DEEPEST_PLACE:
        return UNSIZED
    found = _within(value, depth)
    if found == UNSIZED:
        return told_size(value) or UNSIZED
    if isinstance(found, Payload) and isinstance(told := told_size(value), Header):
        return replace(found, told=told)
    return found


def _within(value: Part, depth: int) -> Source:
    for key in _ENCODED:
        if isinstance(text := value.get(key), str) and text:
            return locate(text) if text[:5].casefold() == "data:" else in_base64(text)
    for key in _PLACES:
        if isinstance(value.get(key), (str, dict)):
            return _place(value[key], depth + 1)
    return UNSIZED
