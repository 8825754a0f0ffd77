"""Logs of requests: every form that holds an image, and every form that hurts."""

import base64
import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from bucketwise.nouns.traffic import OwnLimits
from bucketwise.read.images.header import TOLD, Header, Item
from bucketwise.read.images.read import read_header
from bucketwise.read.requests.payloads import Base64File
from bucketwise.read.requests.reader import looks_like_requests, read_requests
from bucketwise.words.reject_reasons import (
    NOT_A_NUMBER,
    NOT_AN_IMAGE,
    RAGGED,
    UNREADABLE,
    UNSIZED,
    ZERO_OR_NEGATIVE,
)


def image_of(kind: str, width: int = 64, height: int = 48, turn: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x112] = turn
    file = io.BytesIO()
    Image.new("RGB", (width, height), (9, 99, 200)).save(file, kind, exif=exif)
    return file.getvalue()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def url_of(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{encoded(data)}"


PNG = image_of("PNG")
URL = url_of(PNG)
B64 = encoded(PNG)


def chat(*parts: object) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": list(parts)}]}


def image_url(url: object) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def otel(part: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "parts": [{"type": "text", "content": "?"}, part]}]


def blob(data: bytes) -> dict[str, Any]:
    return {
        "type": "blob",
        "mime_type": "image/png",
        "modality": "image",
        "content": encoded(data),
    }


def span(messages: object, **more: object) -> dict[str, Any]:
    pairs = {"gen_ai.input.messages": json.dumps(messages), **more}
    return {
        "name": "chat m",
        "startTimeUnixNano": "1767225600000000000",
        "attributes": [
            {"key": key, "value": {"stringValue": value}}
            for key, value in pairs.items()
        ],
    }


def exported(*spans: object) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


OPENINFERENCE = "llm.input_messages.0.message.contents"


def pairs_of(values: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"stringValue": value}} for key, value in values.items()
    ]


def anthropic(data: bytes) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "image/png", "data": encoded(data)}
    return {"role": "user", "content": [{"type": "image", "source": source}]}


def langchain(data: bytes) -> dict[str, Any]:
    kwargs = {"content": [image_url(url_of(data))], "type": "human"}
    return {"lc": 1, "type": "constructor", "id": ["HumanMessage"], "kwargs": kwargs}


FORMS: dict[str, Callable[[bytes], dict[str, Any]]] = {
    "Chat Completions": lambda b: chat(image_url(url_of(b))),
    "Chat Completions, a bare address": lambda b: chat(
        {"type": "image_url", "image_url": url_of(b)}
    ),
    "vLLM, no type": lambda b: chat({"image_url": url_of(b)}),
    "OpenAI batch file": lambda b: {
        "custom_id": "r-1",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": chat(image_url(url_of(b))),
    },
    "Responses": lambda b: {
        "model": "m",
        "input": [
            {
                "role": "user",
                "content": [{"type": "input_image", "image_url": url_of(b)}],
            }
        ],
    },
    "Responses, a screenshot": lambda b: {
        "input": [
            {
                "type": "computer_call_output",
                "output": {"type": "computer_screenshot", "image_url": url_of(b)},
            }
        ],
    },
    "Responses, an image made earlier": lambda b: {
        "input": [{"type": "image_generation_call", "result": encoded(b)}],
    },
    "a body as text": lambda b: {
        "request_body": json.dumps(chat(image_url(url_of(b))))
    },
    "a body within a body": lambda b: {"request": {"body": chat(image_url(url_of(b)))}},
    "messages as text": lambda b: {
        "messages": json.dumps(chat(image_url(url_of(b)))["messages"])
    },
    "SGLang, native": lambda b: {"text": "<image>?", "image_data": encoded(b)},
    "SGLang, dumped": lambda b: {"obj": {"text": "?", "image_data": [url_of(b)]}},
    "Messages (Anthropic)": lambda b: chat(
        {
            "type": "image",
            "source": {
                "type": "base64",
                "media_type": "image/png",
                "data": encoded(b),
            },
        }
    ),
    "Messages, the result of a tool, batched": lambda b: {
        "custom_id": "r-1",
        "params": chat(
            {
                "type": "tool_result",
                "content": [{"type": "image", "source": {"data": encoded(b)}}],
            }
        ),
    },
    "generateContent (Gemini)": lambda b: {
        "contents": [
            {"parts": [{"inline_data": {"mime_type": "image/png", "data": encoded(b)}}]}
        ]
    },
    "generateContent, camel case": lambda b: {
        "request": {
            "contents": [
                {
                    "parts": [
                        {"inlineData": {"mimeType": "image/png", "data": encoded(b)}}
                    ]
                }
            ]
        }
    },
    "OpenTelemetry, an attribute": lambda b: {"gen_ai.input.messages": otel(blob(b))},
    "OpenTelemetry, an attribute as text": lambda b: {
        "attributes": {"gen_ai.input.messages": json.dumps(otel(blob(b)))}
    },
    "OpenTelemetry, the response of a tool": lambda b: {
        "gen_ai.input.messages": otel(
            {"type": "tool_call_response", "response": [blob(b)]}
        )
    },
    "OTLP, one span": lambda b: span(otel(blob(b))),
    "OTLP, an export": lambda b: exported(span(otel(blob(b)))),
    "OTLP, an event with structured values": lambda b: exported(
        {
            "attributes": [],
            "events": [
                {
                    "attributes": [
                        {
                            "key": "gen_ai.input.messages",
                            "value": any_value(otel(blob(b))),
                        }
                    ]
                }
            ],
        }
    ),
    "Ollama chat": lambda b: {
        "messages": [{"role": "user", "content": "?", "images": [encoded(b)]}]
    },
    "Ollama generate": lambda b: {"model": "m", "prompt": "?", "images": [encoded(b)]},
    "Bedrock Converse": lambda b: chat(
        {"image": {"format": "png", "source": {"bytes": encoded(b)}}}
    ),
    "DashScope": lambda b: {
        "model": "m",
        "input": {"messages": [{"role": "user", "content": [{"image": url_of(b)}]}]},
    },
    "Model Context Protocol": lambda b: chat(
        {"type": "image", "data": encoded(b), "mimeType": "image/png"}
    ),
    "Transformers": lambda b: chat({"type": "image", "base64": encoded(b)}),
    "OpenInference, flattened in OTLP": lambda b: exported(
        {
            "startTimeUnixNano": "1767225600000000000",
            "attributes": pairs_of(
                {
                    "openinference.span.kind": "LLM",
                    f"{OPENINFERENCE}.0.message_content.type": "text",
                    f"{OPENINFERENCE}.1.message_content.type": "image",
                    f"{OPENINFERENCE}.1.message_content.image.image.url": url_of(b),
                    "input.value": json.dumps(chat(image_url(url_of(b)))),
                    "output.value": json.dumps(chat(image_url(url_of(b)))),
                }
            ),
        }
    ),
    "Phoenix, exported": lambda b: {
        "attributes.openinference.span.kind": "LLM",
        "attributes.llm.input_messages": [
            {
                "message.role": "user",
                "message.contents": [
                    {
                        "message_content.type": "image",
                        "message_content.image.image.url": url_of(b),
                    }
                ],
            }
        ],
        "attributes.input.value": json.dumps(chat(image_url(url_of(b)))),
    },
    "OpenLLMetry": lambda b: {
        "attributes": {
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": json.dumps([image_url(url_of(b))]),
        }
    },
    "Bedrock's invocation log": lambda b: {
        "schemaType": "ModelInvocationLog",
        "input": {"inputBodyJson": {"messages": [anthropic(b)]}},
        "output": {"outputBodyJson": {"messages": [anthropic(b)]}},
    },
    "LangSmith": lambda b: {
        "run_type": "chain",
        "inputs": {"messages": [langchain(b)]},
        "child_runs": [{"run_type": "llm", "inputs": {"messages": [[langchain(b)]]}}],
    },
    "MLflow": lambda b: {
        "data": {
            "spans": [
                {
                    "attributes": {
                        "mlflow.spanType": f'"{kind}"',
                        "mlflow.spanInputs": json.dumps(chat(image_url(url_of(b)))),
                    }
                }
                for kind in ("CHAIN", "CHAT_MODEL")
            ]
        }
    },
    "Weave": lambda b: {
        "op_name": "weave:///a/b/op/c:d",
        "inputs": chat(image_url(url_of(b))),
        "output": {"choices": [chat(image_url(url_of(b)))]},
    },
    "Kong": lambda b: {
        "request": {"uri": "/v1", "body": json.dumps(chat(image_url(url_of(b))))},
        "response": {"status": 200, "body": json.dumps(chat(image_url(url_of(b))))},
    },
    "Envoy's tap": lambda b: {
        "http_buffered_trace": {
            "request": {
                "headers": [{"key": ":path", "value": "/v1/chat/completions"}],
                "body": {
                    "as_bytes": encoded(json.dumps(chat(image_url(url_of(b)))).encode())
                },
            }
        }
    },
    "Vertex AI's log": lambda b: {
        "model": "m",
        "request_payload": [
            json.dumps(
                {
                    "contents": [
                        {
                            "parts": [
                                {
                                    "inlineData": {
                                        "mimeType": "image/png",
                                        "data": encoded(b),
                                    }
                                }
                            ]
                        }
                    ]
                }
            )
        ],
    },
    "lines of a container": lambda b: {
        "log": json.dumps({"msg": "in", "body": chat(image_url(url_of(b)))}) + "\n",
        "stream": "stdout",
    },
    "a data set, image and question": lambda b: {
        "question": "?",
        "image_1": {"bytes": encoded(b), "path": "a.png"},
        "image_2": None,
    },
    "a data set, base64 under any name": lambda b: {"scan": url_of(b), "answer": "?"},
    "deep in anything": lambda b: {
        "a": [{"b": json.dumps([{"c": {"d": chat(image_url(url_of(b)))}}])}]
    },
    "placeholders beside a list": lambda b: {
        **chat({"type": "image"}, {"type": "text", "text": "?"}),
        "images": [encoded(b)],
    },
}


def any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(each) for each in value]}}
    if isinstance(value, dict):
        pairs = [
            {"key": key, "value": any_value(inner)} for key, inner in value.items()
        ]
        return {"kvlistValue": {"values": pairs}}
    return {"stringValue": value}


def items_of(*objects: object, chosen: dict[str, str] | None = None) -> list[Item]:
    lines = (
        each if isinstance(each, str) else json.dumps(each) + "\n" for each in objects
    )
    return list(read_requests(lines, "log.jsonl", chosen))


def reasons_of(*parts: object) -> list[str]:
    return [item.reason for item in items_of(chat(*parts))]


files = st.builds(
    image_of,
    st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF", "GIF"]),
    st.integers(1, 400),
    st.integers(1, 400),
    st.sampled_from([1, 3, 6, 8]),
)

keys = st.sampled_from(
    [
        "messages",
        "width",
        "height",
        "content",
        "role",
        "type",
        "image_url",
        "url",
        "input",
        "body",
        "request",
        "attributes",
        "parts",
        "text",
        "images",
        "image_data",
        "data",
        "source",
        "inline_data",
        "mime_type",
        "modality",
        "gen_ai.input.messages",
        "resourceSpans",
        "scopeSpans",
        "spans",
        "key",
        "value",
        "stringValue",
        "arrayValue",
        "values",
        "events",
        "video",
        "kvlistValue",
        "image",
        "prompt",
        "model",
        "result",
        "output",
        "timestamp",
        "tenant",
        "contents",
        "conversations",
        "mm_processor_kwargs",
        "images_kwargs",
        "size",
        "extra_body",
        "min_pixels",
        "max_pixels",
        "resized_width",
        "resized_height",
        "detail",
        "format",
        "bytes",
        "path",
        "run_type",
        "inputs",
        "inputBodyS3Path",
        "llm.input_messages.0.message.content",
        "llm.input_messages",
        "images.0",
        "0",
    ]
)
texts = st.one_of(
    st.sampled_from(
        [
            "image",
            "image_url",
            "input_image",
            "blob",
            "file",
            "text",
            "video_url",
            "computer_screenshot",
            "image_generation_call",
            "tool_use",
            "data:",
            "data:,",
            "data:;base64,",
            "[]",
            "{}",
            "[[",
            "{",
        ]
    ),
    st.text(max_size=8),
    st.text(min_size=60, max_size=70).map("data:image/png;base64,".__add__),
    st.just(URL),
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(keys | texts, inner, max_size=5)
    ),
    max_leaves=30,
)


@given(file=files, form=st.sampled_from(sorted(FORMS)))
def test_any_image_in_any_form_has_the_header_of_its_file(
    file: bytes, form: str
) -> None:
    [item] = items_of(FORMS[form](file))
    assert item.header == read_header(io.BytesIO(file))
    assert isinstance(item.header, Header)


@given(
    file=files,
    breaks=st.lists(
        st.tuples(
            st.integers(0, 10_000), st.sampled_from([" ", "\n", "\r\n", "\t", "%0A"])
        ),
        max_size=5,
    ),
    url_safe=st.booleans(),
    padded=st.booleans(),
    percent=st.booleans(),
)
def test_how_base64_is_written_does_not_matter(
    file: bytes,
    breaks: list[tuple[int, str]],
    url_safe: bool,
    padded: bool,
    percent: bool,
) -> None:
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    text = encode(file).decode()
    text = text if padded else text.rstrip("=")
    text = quote(text, safe="") if percent else text
    for place, what in breaks:
        # An escape in the middle of another one would be no escape.
        at = place % (len(text) + 1)
        if "%" not in text[max(0, at - 2) : at]:
            text = text[:at] + what + text[at:]
    [item] = items_of(chat(image_url("data:image/png;base64," + text)))
    assert item.header == read_header(io.BytesIO(file))


@given(
    data=st.binary(max_size=300),
    moves=st.lists(
        st.tuples(st.integers(0, 2), st.integers(-50, 350), st.integers(0, 99))
    ),
    wrap=st.sampled_from([0, 4, 7, 76]),
)
def test_base64_reads_as_the_file_it_stands_for(
    data: bytes, moves: list[tuple[int, int, int]], wrap: int
) -> None:
    text = encoded(data)
    if wrap:
        text = "\n".join(text[at : at + wrap] for at in range(0, len(text), wrap))
    ours = Base64File("before" + text, 6)
    true = io.BytesIO(data)
    for whence, offset, size in moves:
        start = (0, true.tell(), len(data))[whence]
        if start + offset >= 0:
            assert ours.seek(offset, whence) == true.seek(start + offset)
        assert ours.read(size) == true.read(size)
        assert ours.tell() == true.tell()
    assert not ours.damaged


@given(line=json_values)
@example(line={"messages": {}})
@example(line={"messages": [{"content": 5}]})
@example(line={"model": "m", "input": None})
def test_no_json_raises(line: Any) -> None:
    for item in items_of(line, {"body": line}, json.dumps({"body": json.dumps(line)})):
        assert (item.header is None) == bool(item.reason)
    if isinstance(line, dict):
        looks_like_requests([line])


TOLD_FORMS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "list": lambda told: {"images": [told]},
    "list within": lambda told: {"event": {"images": [told], "id": "x"}},
    "beside a prompt": lambda told: {"model": "m", "prompt": "?", "images": [told]},
    "address": lambda told: chat(
        {"type": "image_url", "image_url": {"url": "https://a.example/b", **told}}
    ),
    "address and size": lambda told: chat({**image_url("<redacted>"), **told}),
    "part": lambda told: chat({"type": "input_image", "file_id": "f", **told}),
    "source": lambda told: chat({"type": "image", "source": {"type": "url", **told}}),
    "uri": lambda told: chat({"type": "uri", "modality": "image", "uri": "a", **told}),
}


@given(
    width=st.integers(1, 10_000),
    height=st.integers(1, 10_000),
    form=st.sampled_from(sorted(TOLD_FORMS)),
    names=st.sampled_from([("width", "height"), ("w", "h"), ("imgW", "imgH")]),
    written=st.sampled_from([int, float, str]),
)
def test_a_size_that_is_told_counts_where_the_image_was_left_out(
    width: int,
    height: int,
    form: str,
    names: tuple[str, str],
    written: Callable[[int], object],
) -> None:
    told = dict(zip(names, (written(width), written(height)), strict=True))
    line = TOLD_FORMS[form](told)
    [item] = items_of(line)
    assert item.header == Header(
        format=TOLD, stored_width_px=width, stored_height_px=height
    )
    assert looks_like_requests([line])


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"width": "wide", "height": 480}, NOT_A_NUMBER),
        ({"width": 640.5, "height": 480}, NOT_A_NUMBER),
        ({"width": None, "height": 480}, NOT_A_NUMBER),
        ({"width": True, "height": 480}, NOT_A_NUMBER),
        ({"width": "1e999", "height": 480}, NOT_A_NUMBER),
        ({"width": 640, "height": 0}, ZERO_OR_NEGATIVE),
        ({"width": -640, "height": 480}, ZERO_OR_NEGATIVE),
        ({"width": 640}, UNSIZED),
        ({"w" * 50: 640, "height": 480}, UNSIZED),
    ],
)
@pytest.mark.parametrize("form", ["address", "beside a prompt"])
def test_a_size_that_is_told_wrong_is_counted_with_its_reason(
    told: dict[str, Any], reason: str, form: str
) -> None:
    assert [item.reason for item in items_of(TOLD_FORMS[form](told))] == [reason]


def test_the_image_itself_tells_more_than_the_size_beside_it() -> None:
    part = {"type": "image_url", "image_url": {"url": URL, "width": 1, "height": 2}}
    [item] = items_of(chat(part))
    assert item.header == read_header(io.BytesIO(PNG))


@pytest.mark.parametrize("data", ["<redacted>", B64[:20] + "*", B64[:60] + "*" * 9])
def test_the_size_beside_an_image_counts_where_that_cannot_be_read(data: str) -> None:
    source = {"type": "base64", "data": data, "width": 3, "height": 4}
    [item] = items_of(chat({"type": "image", "source": source}))
    assert item.header is not None
    assert (item.header.width_px, item.header.height_px) in {(3, 4), (64, 48)}


@pytest.mark.parametrize(
    "line",
    [
        {"messages": {}, "proxy_server_request": chat(image_url(URL))},
        {"messages": "{}", "proxy_server_request": json.dumps(chat(image_url(URL)))},
        {"type": "GENERATION", "input": json.dumps(chat(image_url(URL))["messages"])},
        {"model": "m", "input": json.dumps(chat(image_url(URL)))},
    ],
    ids=["LiteLLM", "LiteLLM as text", "Langfuse", "Langfuse, whole"],
)
def test_a_body_that_a_gateway_kept_elsewhere_is_found(line: dict[str, Any]) -> None:
    [item] = items_of(line)
    assert item.header == read_header(io.BytesIO(PNG))


@pytest.mark.parametrize("text", ['["a"]', '{"a": 1}', '[{"image_url": "x"}]', "hello"])
def test_a_prompt_that_is_json_stays_text(text: str) -> None:
    log = read_requests([json.dumps({"model": "m", "input": text})], "a")
    assert list(log) == []
    assert log.notes() == ("1 request, 1 without an image",)


def test_a_request_that_lists_no_images_is_one_without_an_image() -> None:
    log = read_requests(['{"images": []}', '{"images": [{"w": 1, "h": 2}]}'], "a")
    assert len(list(log)) == 1
    assert log.notes() == ("2 requests, 1 without an image",)


@given(texts=st.lists(st.text(), min_size=1, max_size=3))
def test_no_text_raises(texts: list[str]) -> None:
    assert all(item.reason == RAGGED for item in items_of(*texts))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_taken_for_requests(form: str) -> None:
    assert looks_like_requests([FORMS[form](PNG)] * 3)


def test_every_image_of_a_conversation_counts() -> None:
    first = {"role": "user", "content": [image_url(URL), image_url(URL)]}
    again = {"role": "user", "content": [image_url(url_of(image_of("JPEG", 10, 20)))]}
    answer = {"role": "assistant", "content": "Two cats."}
    lines = [{"messages": [first]}, {"messages": [first, answer, again]}]
    items = items_of(*lines)
    assert [item.line for item in items] == [1, 1, 2, 2, 2]
    assert [item.header.width_px for item in items if item.header] == [
        64,
        64,
        64,
        64,
        10,
    ]


def test_images_keep_their_order_within_a_request() -> None:
    sizes = [(10, 20), (30, 40), (50, 60), (70, 80)]
    first, second, third, fourth = (url_of(image_of("PNG", *size)) for size in sizes)
    tool = {"type": "tool_result", "content": [image_url(second), image_url(third)]}
    items = items_of(chat(image_url(first), tool, image_url(fourth)))
    assert [(i.header.width_px, i.header.height_px) for i in items if i.header] == sizes


@pytest.mark.parametrize(
    "part",
    [
        image_url("https://example.com/cat.png"),
        image_url("http://10.0.0.1/cat"),
        image_url("gs://bucket/cat.png"),
        image_url("s3://bucket/cat.png"),
        image_url("file:///etc/passwd"),
        image_url("cat.png"),
        image_url(""),
        image_url(None),
        image_url("<redacted>"),
        image_url("data:image/png;base64,"),
        image_url("data:image/png;base64,<removed by the gateway>"),
        image_url("data:image/png;base64,[TRUNCATED]"),
        image_url("data:image/png;base64,iVBORw0KGgo..."),
        image_url("data:image/png;base64"),
        image_url("data:image/png;base64," + B64[:24]),
        image_url("data:image/webp;base64," + encoded(image_of("WEBP"))[:60]),
        image_url(URL[:35] + "... (litellm_truncated skipped 9 chars) ..." + URL[-35:]),
        image_url(
            "@@@langfuseMedia:type=image/jpeg|id=" + "A" * 22 + "|source=bytes@@@"
        ),
        image_url("REDACTED"),
        image_url("<base64 image, 1,234,567 characters>" * 3),
        {"type": "image", "image": "<PIL.Image.Image image mode=RGB size=640x480>"},
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k"}}}},
        {"type": "image", "source": {"type": "base64", "data": "<redacted>"}},
        {"type": "input_image", "file_id": "file-abc123"},
        {"type": "input_image", "image_url": None, "file_id": "file-abc123"},
        {"type": "image_url", "image_url": 5},
        {"type": "image_file", "image_file": {"file_id": "file-abc123"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a"}},
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "image", "image": "/data/photos/2026-01-01/" + "0" * 60 + ".jpg"},
        {"type": "image"},
        {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/cat.png"}},
        {"type": "uri", "modality": "image", "uri": "https://example.com/cat.png"},
        {"type": "uri", "mime_type": "image/png", "uri": "gs://b/cat.png"},
        {"type": "file", "modality": "image", "file_id": "provider_1"},
        {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
        {"type": "video_url", "video_url": {"url": "data:video/mp4;base64," + B64}},
        {"type": "uri", "modality": "video", "uri": "gs://b/a.mp4"},
        {"type": "blob", "modality": "video", "content": B64},
        {"inline_data": {"mime_type": "video/mp4", "data": B64}},
        {"video": "https://example.com/a.mp4"},
    ],
)
def test_what_is_only_referred_to_is_unsized(part: dict[str, Any]) -> None:
    assert reasons_of(part) == [UNSIZED]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": URL},
        {"type": "input_text", "text": "hello", "image_url": None},
        {"type": "input_audio", "input_audio": {"data": B64, "format": "wav"}},
        {"type": "audio_url", "audio_url": {"url": "https://example.com/a.wav"}},
        {"type": "blob", "modality": "audio", "content": B64},
        {"type": "uri", "mime_type": "application/pdf", "uri": "gs://b/a.pdf"},
        {"inlineData": {"mimeType": "audio/wav", "data": B64}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "document", "source": {"media_type": "application/pdf", "data": B64}},
        {"type": "tool_use", "name": "draw", "input": {"content": [image_url(URL)]}},
        {"type": "image_embeds", "image_embeds": B64},
    ],
)
def test_text_sound_documents_and_calls_are_no_images(part: dict[str, Any]) -> None:
    assert reasons_of(part) == []


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png;base64,*" + B64,
        "data:image/png;base64," + B64[:20] + "\u00e9" + B64[20:],
        "data:image/png;base64," + B64[:20] + "\ud800" + B64[20:],
        "data:image/png;base64,===",
        "data:image/png;base64,%ZZ" + B64,
        "data:" + "x" * 5_000 + ";base64," + B64,
    ],
)
def test_bad_base64_is_unreadable(url: str) -> None:
    assert reasons_of(image_url(url)) == [UNREADABLE]


@pytest.mark.parametrize(
    "url",
    [
        "data:image/svg+xml,<svg width='10' height='10'/>",
        "data:image/svg+xml;utf8,<svg/>",
        "data:,hello",
        "data:image/svg+xml;base64," + encoded(b"<svg width='10' height='10'/>"),
        "data:image/png;base64," + encoded(b"hello world, imagine this is an image"),
    ],
)
def test_text_in_the_place_of_an_image_is_not_an_image(url: str) -> None:
    assert reasons_of(image_url(url)) == [NOT_AN_IMAGE]


def test_what_follows_the_header_is_not_looked_at() -> None:
    jpeg = image_of("JPEG") + bytes(30_000)
    text = encoded(jpeg)
    [item] = items_of(
        chat(image_url("data:image/jpeg;base64," + text[:30_000] + "*?!"))
    )
    assert item.header == read_header(io.BytesIO(jpeg))


def test_a_media_type_is_read_in_any_case_and_may_be_left_out() -> None:
    for start in ("DATA:IMAGE/PNG;BASE64,", "data:;base64,", "data:image;base64,"):
        [item] = items_of(chat(image_url(start + B64)))
        assert item.header is not None
    [item] = items_of(
        chat(image_url("data:image/png;name=a.png;charset=x;base64," + B64))
    )
    assert item.header is not None


def test_requests_without_an_image_are_counted_and_yield_nothing() -> None:
    lines = [
        json.dumps(chat({"type": "text", "text": "hi"})) + "\n",
        "\n",
        json.dumps({"level": "INFO", "message": "started"}) + "\n",
        json.dumps(chat(image_url(URL))) + "\n",
        json.dumps({"id": "b-1", "response": {"body": {"choices": []}}}),
    ]
    log = read_requests(iter(lines), "log.jsonl")
    assert [item.line for item in log] == [4]
    assert (log.requests, log.without_image, log.other_lines) == (2, 1, 2)


def test_a_line_that_is_no_object_is_ragged() -> None:
    items = items_of("[1, 2]\n", "null\n", "{\n", '"text"\n', "NaN\n", "{'a': 1}\n")
    assert [item.reason for item in items] == [RAGGED] * 6
    assert [item.line for item in items] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("depth", [10, 900, 990, 1_000, 100_000])
def test_depth_is_no_danger(depth: int) -> None:
    nested = [
        "[" * depth + "]" * depth,
        '{"messages":' + "[" * depth + "]" * depth + "}",
        '{"messages":[' + '{"content":[' * depth + "]}" * depth + "]}",
        '{"body":' * depth + "1" + "}" * depth,
        '{"messages":[],"mm_processor_kwargs":'
        + '{"images_kwargs":' * depth
        + "1"
        + "}" * depth
        + "}",
        '{"a.0":' * depth + "1" + "}" * depth,
        '{"key":"a","value":[' * depth + "]}" * depth,
        '{"' + "a." * depth + 'messages":[]}',
        '{"messages":[{"content":[{"type":"image","source":'
        + '{"source":' * depth
        + "1"
        + "}" * depth
        + "}]}]}",
        '{"attributes":[{"key":"gen_ai.input.messages","value":'
        + '{"arrayValue":{"values":[' * depth
        + "]}}" * depth
        + "}]}",
    ]
    for line in nested:
        assert all(item.header is None for item in items_of(line))
        assert len(items_of(line, chat(image_url(URL)))) >= 1


def test_numbers_that_python_refuses_are_ragged() -> None:
    assert [item.reason for item in items_of('{"a": ' + "1" * 5_000 + "}")] == [RAGGED]


def test_a_line_above_the_limit_is_not_taken_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bucketwise.read.json_text.MAX_CHARACTERS", 100)
    assert [item.reason for item in items_of(chat(image_url(URL)))] == [RAGGED]


def test_a_request_that_is_logged_raw_and_parsed_counts_once() -> None:
    body = chat(image_url(URL))
    assert len(items_of({"request": body, "request_body": json.dumps(body)})) == 1


def test_images_in_answers_do_not_count() -> None:
    messages = otel({"type": "text", "content": "draw"})
    line = {
        "gen_ai.input.messages": messages,
        "gen_ai.output.messages": otel(blob(PNG)),
    }
    assert items_of(line, {"request": chat(), "response": chat(image_url(URL))}) == []


def test_spans_of_agents_and_tools_do_not_count_again() -> None:
    messages = otel(blob(PNG))
    agent = span(messages, **{"gen_ai.operation.name": "invoke_agent"})
    model = span(messages, **{"gen_ai.operation.name": "chat"})
    assert len(items_of(exported(agent, model))) == 1


def test_each_span_of_an_export_is_a_request_with_its_own_time() -> None:
    first, second = span(otel(blob(PNG))), span(otel(blob(PNG)))
    second["startTimeUnixNano"] = "1767229200000000000"
    items = items_of(exported(first, second))
    assert [item.time for item in items] == [
        "1767225600000000000",
        "1767229200000000000",
    ]


def test_log_records_are_read_like_spans() -> None:
    record = span(otel(blob(PNG))) | {"timeUnixNano": "1767225600000000000"}
    line = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    assert len(items_of(line)) == 1


@pytest.mark.parametrize(
    ("told", "time", "label"),
    [
        (
            {"timestamp": "2026-01-01T00:00:00Z", "tenant": "a"},
            "2026-01-01T00:00:00Z",
            "a",
        ),
        ({"created": 1767225600, "customer": 7}, "1767225600", "7"),
        ({"created_at": 1.5, "source": {"ip": "10.0.0.1"}}, "1.5", ""),
        ({"time": None, "start_time": "2026-01-01"}, "2026-01-01", ""),
        ({"ts": float("nan"), "label": True}, "NaN", "true"),
        ({"time": [1], "label": ""}, "", ""),
        ({"Timestamp": "t", "TENANT": "half \ud800"}, "t", "half ?"),
        ({}, "", ""),
    ],
)
def test_time_and_label_are_kept_as_written(
    told: dict[str, Any], time: str, label: str
) -> None:
    [item] = items_of(told | {"body": chat(image_url(URL))})
    assert (item.time, item.label) == (time, label)


def test_time_and_label_can_be_chosen_or_left_unread() -> None:
    line = {"ts": "1", "arrived": "2", "tenant": "a", "body": chat(image_url(URL))}
    [item] = items_of(line, chosen={"time": "arrived", "label": ""})
    assert (item.time, item.label) == ("2", "")


def test_nothing_but_sizes_times_and_labels_gets_out() -> None:
    line = {
        "custom_id": "secret-id",
        "user": "secret-user",
        "body": chat(
            {"type": "text", "text": "secret prompt"},
            image_url("https://secret.example/secret.png"),
            image_url(URL + "#secret"),
            image_url("data:image/png;base64,secret"),
        ),
    }
    assert "secret" not in repr(items_of(line, "secret\n"))


@pytest.mark.parametrize(
    "objects",
    [
        [],
        [{"width": 640, "height": 480}],
        [{"width": 640, "height": 480, "messages": [{"role": "user"}]}],
        [{"image_size": "640x480", "model": "m"}],
        [{"image_size": "640x480", "model": "m", "prompt": "a cat"}],
        [{"image_tokens": 300, "model": "m", "prompt": "a cat"}],
        [{"message": "started", "time": "2026-01-01"}],
        [{"message": '{"width": 1, "height": 1}'}],
        [{"input": "text", "target": "text"}],
        [{"images": 3, "prompt_tokens": 900, "text_tokens": 20}],
        [{"images": ["a.png"]}],
        [{"width": 640, "height": 480, "images": [{"width": 640, "height": 480}]}],
        [chat(), {"width": 1, "height": 1}, {"width": 1, "height": 1}],
    ],
)
def test_tables_are_not_taken_for_requests(objects: list[dict[str, Any]]) -> None:
    assert not looks_like_requests(objects)


def test_a_log_whose_first_requests_are_text_is_a_log_of_requests() -> None:
    assert looks_like_requests([chat({"type": "text", "text": "hi"}), {"a": 1}])
    assert looks_like_requests([{"body": {"model": "m", "input": "hello"}}])


def test_images_tell_more_than_the_tokens_beside_them() -> None:
    assert looks_like_requests([{"image_tokens": 3, "body": chat(image_url(URL))}])


def test_what_a_log_does_not_hold_is_told_with_what_to_do() -> None:
    parts = [image_url("https://example.com/a.png"), image_url("REDACTED")]
    parts += [image_url("<truncated>"), {"type": "video_url", "video_url": "a.mp4"}]
    moved = {"input": {"inputBodyS3Path": "s3://bucket/key"}}
    log = read_requests([json.dumps(chat(*parts)), json.dumps(moved)], "a")
    assert [item.reason for item in log] == [UNSIZED] * 5
    _, *notes = log.notes()
    told = {
        note.split(": unsized; ")[0]: note.split(": unsized; ")[1] for note in notes
    }
    assert told == {
        "1 image named by an address, a path or an id": (
            "give these images too, as a folder or tar"
        ),
        "2 images left out, cut or moved elsewhere by the logger": (
            "have it keep width and height beside them, or their first 72 kB"
        ),
        "1 image or more in bodies that the logger moved to S3": (
            "give these objects instead of the log"
        ),
        "1 image given as video, of whose frames no request tells": (
            "give a table of their width, height, frames and fps"
        ),
    }


@pytest.mark.parametrize(
    "line",
    [
        {"level": "INFO", "image": "nginx:1.25", "msg": "pulled"},
        {"message": {"content": "see data:image/png;base64,AAAA"}},
        {"tools": [{"function": {"parameters": {"properties": {"image": {}}}}}]},
        {"run_type": "tool", "inputs": chat(image_url(URL))},
        {"type": "SPAN", "input": [{"role": "user", "content": [image_url(URL)]}]},
    ],
)
def test_what_shows_no_image_to_a_model_is_no_request(line: dict[str, Any]) -> None:
    assert items_of(line) == []
    assert not looks_like_requests([line])


def test_the_schema_of_a_tool_is_no_image_of_a_request() -> None:
    schema = {"properties": {"image": {"type": "string"}}}
    line = chat({"type": "text", "text": "?"}) | {"tools": [{"parameters": schema}]}
    assert items_of(line) == []


@given(
    copies=st.lists(
        st.sampled_from(["messages", "request", "payload", "raw"]), min_size=1
    ),
    images=st.integers(1, 3),
)
def test_a_request_counts_once_however_often_its_log_tells_it(
    copies: list[str], images: int
) -> None:
    body = chat(*[image_url(URL)] * images)
    line = {key: body if key != "raw" else json.dumps(body) for key in copies}
    line |= {"messages": body["messages"]} if "messages" in copies else {}
    assert len(items_of(line)) == images


def test_of_two_copies_the_one_that_holds_the_image_counts() -> None:
    cut, whole = chat(image_url("<truncated>")), chat(image_url(URL))
    [item] = items_of({"request": cut, "request_body": json.dumps(whole)})
    assert item.header is not None


def test_the_innermost_time_and_label_count() -> None:
    runs = [{"start_time": "2", "run_type": "llm", "inputs": chat(image_url(URL))}]
    line = {"start_time": "1", "tenant": "a", "run_type": "chain", "child_runs": runs}
    assert [(item.time, item.label) for item in items_of(line)] == [("2", "a")]


def test_flattened_keys_that_contradict_each_other_lose_nothing() -> None:
    line = {"a": 1, "a.b": chat(image_url(URL)), "c..d": 2, ".": 3, "e.0": 4, "e.x": 5}
    assert len(items_of(line)) == 1


limits = st.integers(1, 2**60)


@given(least=st.none() | limits, most=st.none() | limits, form=st.integers(0, 5))
def test_limits_of_a_request_are_those_of_its_images(
    least: int | None, most: int | None, form: int
) -> None:
    told = {"min_pixels": least, "max_pixels": most}
    told = {key: value for key, value in told.items() if value is not None}
    edges = {"shortest_edge": least, "longest_edge": most}
    body = chat(image_url(URL), image_url(URL))
    line = [
        body | {"mm_processor_kwargs": told},
        {"body": body | {"extra_body": {"mm_processor_kwargs": told}}},
        body | {"mm_processor_kwargs": {"images_kwargs": told}},
        body | {"mm_processor_kwargs": {"size": edges}},
        {"modelParameters": {"mm_processor_kwargs": json.dumps(told)}, "input": body},
        {
            "llm.invocation_parameters": json.dumps(
                {"model": "m", "extra_body": {"mm_processor_kwargs": told}}
            ),
            "llm.input_messages": body["messages"],
        },
    ][form]
    least, most = (min(limit or 0, 2**50) for limit in (least, most))
    expected = OwnLimits(min_pixels=least, max_pixels=most)
    assert [item.own for item in items_of(line)] == [expected] * 2


@pytest.mark.parametrize(
    "part",
    [
        {**image_url(URL), "min_pixels": 10, "max_pixels": 20},
        {
            "type": "image_url",
            "image_url": {"url": URL, "min_pixels": 10, "max_pixels": "20"},
        },
        {"type": "image", "image": URL, "min_pixels": 10.0, "max_pixels": 20},
        {"image": URL, "min_pixels": 10, "max_pixels": 20},
    ],
)
def test_limits_of_a_part_resize_its_image_first(part: dict[str, Any]) -> None:
    asked, other = items_of(chat(part, image_url(URL)))
    assert asked.own == OwnLimits(min_pixels=10, max_pixels=20, resized_first=True)
    assert other.own == OwnLimits()


def test_the_limits_of_the_request_win_over_those_of_a_part() -> None:
    part = {**image_url(URL), "max_pixels": 20}
    line = chat(part) | {"mm_processor_kwargs": {"max_pixels": 30}}
    assert [item.own for item in items_of(line)] == [OwnLimits(max_pixels=30)]


@pytest.mark.parametrize("image", [URL, "file:///secret.png", "<truncated>"])
def test_the_size_that_a_message_asks_for_is_the_size_of_its_image(image: str) -> None:
    part = {
        "type": "image",
        "image": image,
        "resized_height": 280,
        "resized_width": 420,
    }
    [item] = items_of(chat(part))
    assert item.header is not None
    assert (item.header.width_px, item.header.height_px) == (420, 280)
    assert item.own == OwnLimits(resized_first=True)


@pytest.mark.parametrize("wrong", ["many", -5, 0, None, True, 1.5, [], float("inf")])
def test_limits_that_are_no_numbers_bind_nothing(wrong: object) -> None:
    line = chat(image_url(URL)) | {"mm_processor_kwargs": {"max_pixels": wrong}}
    assert [item.own for item in items_of(line)] == [OwnLimits()]


def test_own_limits_and_details_are_told() -> None:
    part = {"type": "image_url", "image_url": {"url": URL, "detail": "low"}}
    lines = [
        chat(part) | {"mm_processor_kwargs": {"max_pixels": 30}},
        chat({**image_url(URL), "max_pixels": 20}),
    ]
    log = read_requests(map(json.dumps, lines), "a")
    assert len(list(log)) == 2
    told = " ".join(log.notes())
    assert "1 image under limits of their own (mm_processor_kwargs" in told
    assert "1 image under limits of their own (min_pixels, max_pixels" in told
    assert "1 image asked for with a detail" in told
