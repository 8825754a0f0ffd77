"""The requests that one object of a log stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bucketwise.sources.json_text import unpack
from bucketwise.sources.requests.parts import find_images, find_listed
from bucketwise.sources.requests.payloads import Payload, Source
from bucketwise.sources.requests.telemetry import find_spans, is_inference
from bucketwise.sources.requests.told import told_size

_PROMPTS = (
    "system", "systemInstruction", "system_instruction", "instructions",
    "gen_ai.system_instructions", "messages", "input", "contents", "prompt",
    "gen_ai.input.messages",
)  # fmt: skip
"""Keys of a body that hold the prompt, in the order the model sees it."""

_PACKED = frozenset(
    {"messages", "contents", "gen_ai.system_instructions", "gen_ai.input.messages"}
)
"""Those that may be JSON within a text: a text there is no prompt by itself."""

_WRAPPERS = (
    "body", "request", "request_body", "requestBody", "proxy_server_request",
    "payload", "params", "data",
    "kwargs", "obj", "attributes", "jsonPayload", "message", "msg", "event", "log",
)  # fmt: skip
"""Keys under which logs keep a body: batch files have `body` (OpenAI), `params`
(Anthropic) and `request` (Vertex AI); the others are of servers, gateways and loggers."""

_DEEPEST_BODY = 3


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its body, and the object whose keys tell of it."""

    body: Mapping[str, Any]
    about: Mapping[str, Any]

    def images(self) -> list[Source]:
        """Return where each of its images and clips stands, earlier turns' too."""
        body = self.body
        listed = list(find_listed(body))
        shown = [
            source
            for key in _PROMPTS
            if body.get(key)
            for source in find_images(_prompt(body, key))
        ]
        if listed:
            # Parts beside a list of images only say where in the text they belong.
            shown = [source for source in shown if isinstance(source, Payload)]
        return listed + shown


def find_requests(line: Mapping[str, Any]) -> Iterator[Request]:
    """Yield the requests of one object of a log; none where it is something else.

    Parameters
    ----------
    line : mapping
        What a line says.
    """
    spans = list(find_spans(line))
    for about, attributes in spans:
        if _is_body(attributes) and is_inference(attributes):
            yield Request(body=attributes, about=about)
    if not spans:
        body = _find_body(line, 0)
        if body is not None and is_inference(body):
            yield Request(body=body, about=line)


def _find_body(candidate: Mapping[str, Any], depth: int) -> Mapping[str, Any] | None:
    if _is_body(candidate):
        return candidate
    if depth == _DEEPEST_BODY:
        return None
    for key in _WRAPPERS:
        inner = unpack(candidate.get(key))
        if isinstance(inner, dict):
            body = _find_body(inner, depth + 1)
            if body is not None:
                # The first wins: logs keep a request raw and parsed side by side.
                return body
    return None


def _is_body(candidate: Mapping[str, Any]) -> bool:
    for key in _PACKED:
        prompt = _prompt(candidate, key)
        # LiteLLM's spend logs keep an empty object there, and the body elsewhere.
        if isinstance(prompt, list) or (isinstance(prompt, dict) and prompt):
            return True
    asked = _prompt(candidate, "input")
    if isinstance(asked, list):
        return True
    asks = "input" in candidate or "prompt" in candidate
    if isinstance(asked, dict):
        return "messages" in asked
    if _lists_sizes(candidate.get("images")):
        return True
    sends = "image_data" in candidate and bool({"text", "input_ids"} & candidate.keys())
    return sends or (asks and "model" in candidate)


def _lists_sizes(listed: object) -> bool:
    """Return whether this is a list of sizes, all that some logs keep of a request."""
    return isinstance(listed, list) and (
        not listed
        or any(
            isinstance(each, dict) and told_size(each) is not None for each in listed
        )
    )


def _prompt(body: Mapping[str, Any], key: str) -> Any:
    prompt = body.get(key)
    if key in _PACKED:
        return unpack(prompt)
    # Langfuse keeps messages as text; a text that a user wrote stays one.
    packed = unpack(prompt)
    turns = packed.get("messages") if isinstance(packed, dict) else packed
    are_messages = isinstance(turns, list) and any(
        isinstance(turn, dict) and "role" in turn for turn in turns
    )
    return packed if are_messages else prompt
