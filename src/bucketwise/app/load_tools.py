"""Tools that put load on a server: how each reads a request, and the line that runs it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SERVER = "http://localhost:8000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request as every tool has it; pictures are data: URIs."""

    prompt: str
    pictures: tuple[str, ...]
    output_tokens: int | None
    start_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a line to run is made of; the rate is that of all arrivals, where asked for."""

    path: str
    requests: int
    output_tokens: int | None
    rate_per_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTool:
    """A tool, and the release whose own parser read what is written for it."""

    release: str
    written: Callable[[Sent], Mapping[str, Any]]
    line: Callable[[Run], list[str]]
    note: str = ""
    """What is told where arrivals are asked for."""


def _guidellm(sent: Sent) -> Mapping[str, Any]:
    """Return a row by its column mapper; it makes a JPEG of what is no chat message."""
    pictures = [{"type": "image_url", "image_url": {"url": p}} for p in sent.pictures]
    content = [*pictures, {"type": "text", "text": sent.prompt}]
    return {
        "messages": [{"role": "user", "content": content}],
        "output_tokens_count": sent.output_tokens,
        "relative_timestamp": sent.start_s,
    }


def _guidellm_line(run: Run) -> list[str]:
    data = {"kind": "json_file", "path": run.path}
    profile = "concurrent,streams=16" if run.rate_per_s is None else "replay"
    return [
        *("guidellm", "run", "--backend", f"kind=openai_http,target={SERVER}"),
        # A comma in the path would part it.
        *("--data", json.dumps(data), "--profile", f"kind={profile}"),
        *("--constraint", f"kind=max_requests,count={run.requests}"),
    ]


def _aiperf(sent: Sent) -> Mapping[str, Any]:
    """Return a line of `SingleTurn`, its times in milliseconds."""
    return {
        "text": sent.prompt,
        "images": sent.pictures,
        "output_length": sent.output_tokens,
        "timestamp": None if sent.start_s is None else round(1_000 * sent.start_s),
    }


def _aiperf_line(run: Run) -> list[str]:
    timing = (
        ["--concurrency", "16", "--request-count", f"{run.requests}"]
        if run.rate_per_s is None
        else ["--fixed-schedule"]
    )
    return [
        *("aiperf", "profile", "--model", "MODEL", "--url", SERVER),
        *("--endpoint-type", "chat", "--streaming", "--input-file", run.path),
        *("--custom-dataset-type", "single_turn", *timing),
    ]


def _vllm(sent: Sent) -> Mapping[str, Any]:
    """Return a line of `CustomImageDataset`; the line to run has what it lacks."""
    return {"prompt": sent.prompt, "image_files": sent.pictures}


def _vllm_line(run: Run) -> list[str]:
    tokens, rate = run.output_tokens, run.rate_per_s
    return [
        *("vllm", "bench", "serve", "--base-url", SERVER, "--backend", "openai-chat"),
        *("--endpoint", "/v1/chat/completions", "--dataset-name", "custom_image"),
        *("--dataset-path", run.path, "--num-prompts", f"{run.requests}"),
        "--disable-shuffle",
        *(["--custom-output-len", f"{tokens}"] if tokens else []),
        *(["--request-rate", f"{rate:.4g}"] if rate else []),
    ]


LOAD_TOOLS: Mapping[str, LoadTool] = {
    "guidellm": LoadTool(
        release="guidellm 0.8.1", written=_guidellm, line=_guidellm_line
    ),
    "aiperf": LoadTool(release="aiperf 0.13.0", written=_aiperf, line=_aiperf_line),
    "vllm-bench": LoadTool(
        release="vllm 0.33.0",
        written=_vllm,
        line=_vllm_line,
        note="it takes no times with images: the line sends them at the mean rate",
    ),
}


def line_of(tool: LoadTool, run: Run) -> str:
    """Return the line to type."""
    return shlex.join(tool.line(run))


def text_of(tool: LoadTool, sent: Sent) -> str:
    """Return a request as a line of the file, without what nobody told."""
    told = {key: each for key, each in tool.written(sent).items() if each is not None}
    return json.dumps(told)
