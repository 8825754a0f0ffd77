"""What is one engine's own: a folder each, and a line here."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from itertools import chain
from typing import Any

from bucketwise.errors import UsageError

ENGINES: dict[str, str] = {
    "optimum-rbln": "bucketwise.engines.rbln.engine.RBLN",
    "vllm": "bucketwise.engines.vllm.engine.VLLM",
    "vllm-ascend": "bucketwise.engines.vllm.engine.ASCEND",
    "tpu-inference": "bucketwise.engines.vllm.engine.TPU",
    "neuronx-distributed-inference": "bucketwise.engines.neuron.engine.NXDI",
    "vllm-neuron": "bucketwise.engines.neuron.engine.VLLM_NEURON",
    "sglang": "bucketwise.engines.sglang.engine.SGLANG",
    "tensorrt-llm": "bucketwise.engines.tensorrt_llm.engine.TENSORRT_LLM",
    "furiosa-llm": "bucketwise.engines.furiosa.engine.FURIOSA",
    "vllm-gaudi": "bucketwise.engines.gaudi.engine.GAUDI",
}
"""Package that compiles -> where its `Engine` is; the first without any name."""


def engine_for(names: Iterable[str]) -> Any:
    """Return the `Engine` whose targets are named, such as "optimum-rbln==0.12.0"."""
    named = {name.partition("==")[0].strip().lower() for name in names if "==" in name}
    if unknown := sorted(named - {*ENGINES}):
        message = (
            f"--target: expected one of {', '.join(ENGINES)}, got {', '.join(unknown)}"
        )
        raise UsageError(message)
    known = [each for each in ENGINES if each in named]
    if len(known) > 1:
        message = f"--target: expected one engine, got {', '.join(known)}"
        raise UsageError(message)
    return _engine(known[0] if known else next(iter(ENGINES)))


def by_engine(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return the names of targets apart by engine, that which is named first first.

    Those without a package, such as "all", go to each.
    """
    asked = tuple(names)
    found: dict[str, list[str]] = {}
    for name in asked:
        sdk, equals, _ = name.partition("==")
        if equals:
            found.setdefault(sdk.strip().lower(), []).append(name)
    shared = [name for name in asked if "==" not in name]
    return tuple((*each, *shared) for each in found.values()) or (asked,)


def engines() -> tuple[Any, ...]:
    """Return every `Engine`."""
    return tuple(map(_engine, ENGINES))


def rules() -> tuple[Any, ...]:
    """Return every rule of every engine, once where engines share it."""
    told = (each.lint.rules() for each in engines() if each.lint)
    return tuple(dict.fromkeys(chain.from_iterable(told)))


def text_encoders() -> Any:
    """Return the `TextEncoders` of the first engine that compiles any."""
    return next(each.encoders for each in map(_engine, ENGINES) if each.encoders)


def _engine(sdk: str) -> Any:
    module, _, name = ENGINES[sdk].rpartition(".")
    return getattr(import_module(module), name)
