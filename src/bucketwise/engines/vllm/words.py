"""What the arithmetic found, as lines of text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from bucketwise.core.plan import Status
from bucketwise.engines.vllm.memory import GB, VllmFit

START = "vllm 0.33.0, v1/worker/utils.py, request_memory; vllm-ascend 0.18.0 on"
CACHE = "vllm 0.33.0, v1/core/kv_cache_planning.py, _check_enough_kv_cache_memory"
OLD_ASCEND = "vllm-ascend 0.11.0, worker/worker_v1.py, determine_available_memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One sentence, and how far to trust it."""

    text: str
    status: Status


def lines(fit: VllmFit) -> tuple[str, ...]:
    """Return what vLLM would do on a device, a line a statement."""
    verdict = f"vLLM with {fit.model}: {fit.outcome}."
    return (verdict, *(f"{each.text} [{each.status}]" for each in statements(fit)))


def statements(fit: VllmFit) -> tuple[Statement, ...]:
    """Return what follows from the numbers, a sentence each."""
    return (*_known(fit), *_start(fit), *_cache(fit), *_running(fit))


def _known(fit: VllmFit) -> Iterator[Statement]:
    yield Statement(
        text=f"{fit.utilization:g} of {_gb(fit.device_bytes)} is {_gb(fit.share_bytes)}: "
        "weights, activations, what lies outside torch and the cache may take no more.",
        status="derived",
    )
    left = (
        f"and leave {_gb(fit.room_bytes)}"
        if fit.room_bytes > 0
        else "and do not go in: it refuses"
    )
    yield Statement(
        text=f"The weights of {fit.model} take {_gb(fit.weights_bytes)} of it in 16 bits, "
        f"{left}.",
        status="derived",
    )


def _start(fit: VllmFit) -> Iterator[Statement]:
    free = fit.free_bytes
    said = (
        f"Where less than {_gb(fit.share_bytes)} is free at the start, because others hold "
        f"more than {_gb(fit.device_bytes - fit.share_bytes)}, vLLM refuses ({START})"
    )
    if free is not None:
        verdict = "it refuses" if fit.refused_at_start else "that does not stop it"
        said += f"; here {_gb(free)} is free: {verdict}"
    yield Statement(text=f"{said}.", status="derived")
    if fit.used_bytes:
        left = max(fit.share_bytes - fit.used_bytes, 0)
        does = "refuse" if left < fit.weights_bytes + fit.request_bytes else "try"
        yield Statement(
            text="vllm-ascend up to 0.13.0 asks no such thing and counts what others hold "
            f"against the share ({OLD_ASCEND}): {_gb(left)} would be left of it, and it "
            f"would {does}.",
            status="derived",
        )


def _cache(fit: VllmFit) -> Iterator[Statement]:
    if fit.max_model_len is not None:
        needs = (
            f"A request of {fit.max_model_len:,} tokens needs {_gb(fit.request_bytes)} "
            f"of cache, {fit.token_bytes:,} bytes a token"
        )
        refuses = (
            f"more than the {_gb(max(fit.room_bytes, 0))} that the weights leave: it refuses, "
            f"whatever the activations ({CACHE}). At least {_utilization(fit)} is needed"
            if fit.refused_for_cache
            else "which leaves "
            f"{_gb(fit.room_bytes - fit.request_bytes)} for activations and the rest"
        )
        yield Statement(text=f"{needs}, {refuses}.", status="derived")
    yield Statement(
        text=f"With more than {fit.largest_model_len:,} tokens as --max-model-len it "
        "refuses for certain; without the option vLLM takes the checkpoint's whole "
        "context.",
        status="derived",
    )
    yield Statement(
        text=f"With {_gb(fit.activation_bytes)} of activations (the ViT's MLP on the "
        f"largest image that the checkpoint's max_pixels lets through) up to "
        f"{fit.likely_model_len:,} tokens; what lies outside torch is not counted.",
        status="assumed",
    )


def _running(fit: VllmFit) -> Iterator[Statement]:
    yield Statement(
        text="Once it runs, the cache fills what is left of the share: a tool shows about "
        f"{_gb(fit.share_bytes)} as used, however small the model.",
        status="derived",
    )


def _utilization(fit: VllmFit) -> str:
    least = math.ceil(fit.least_utilization * 100) / 100
    if least > 1:
        return (
            f"{_gb(fit.weights_bytes + fit.request_bytes)}, more than the device has,"
        )
    return f"--gpu-memory-utilization {least:.2f}"


def _gb(n_bytes: int) -> str:
    return f"{n_bytes / GB:,.2f} GB"
