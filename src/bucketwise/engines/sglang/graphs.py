"""The graphs that SGLang captures: its own sizes, and which of given ones it keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from bucketwise.errors import ConfigError

STEPS = (*((1, 2, 1), (4, 12, 4), (16, 256, 8), (272, 496, 16), (512, 1 << 20, 32)),)
"""Own sizes of decode graphs, as ranges: first, last, step (0.5.23,
generate_decode_cuda_graph_batch_sizes)."""

DRAFT_STEPS = (
    *((1, 8, 1), (10, 32, 2), (40, 64, 4), (72, 256, 8), (272, 1 << 20, 16)),
)
"""The same with speculative decoding."""

PREFILL_STEPS = (
    *((4, 32, 4), (48, 256, 16), (288, 512, 32), (576, 1_024, 64)),
    *((1_280, 4_096, 256), (4_608, 1 << 20, 512)),
)
"""Own sizes of prefill graphs, in tokens (generate_prefill_cuda_graph_batch_sizes)."""

OWN_MOST = 256
"""The largest own size on one GPU of 60 to 160 GB; 8 to 512 on others."""

PHASE_KEYS = {
    "decode": ("backend", "max_bs", "bs"),
    "prefill": (
        *("backend", "max_bs", "bs", "max_context_size", "full_prefill_max_req"),
        *("full_prefill_prefix_chunk_tokens", "max_seq_len"),
    ),
}
"""What --cuda-graph-config takes (model_executor/cuda_graph_config.py,
ALLOWED_KEYS_PER_PHASE)."""

REMOVED_BACKEND = "tc_piecewise"

MOST_PADDING = 2
"""A prefill that a graph would pad to more than so many times its tokens runs without."""


def own_sizes(
    most: int, *, drafts: bool = False, padded: bool = True
) -> tuple[int, ...]:
    """Return the decode graphs of a server where no list is given.

    Parameters
    ----------
    most : int
        The largest.
    drafts : bool
        Whether it decodes speculatively.
    padded : bool
        Whether a batch may run on a larger graph; without, there is one of each size.
    """
    if not padded:
        return tuple(range(1, most + 1))
    sizes = _stepped(DRAFT_STEPS if drafts else STEPS, most)
    return sizes if most in sizes else (*sizes, most)


def own_prefill_sizes(most: int) -> tuple[int, ...]:
    """Return the prefill graphs of a server where no list is given, in tokens."""
    return _stepped(PREFILL_STEPS, most)


def kept_sizes(
    sizes: Iterable[int], requests: int, alignment: int = 1, width: int = 1
) -> tuple[int, ...]:
    """Return the sizes that are captured of a list.

    Parameters
    ----------
    sizes : iterable of int
        As given.
    requests : int
        Most requests at once (max_running_requests).
    alignment : int
        What the tokens of a step must be a multiple of.
    width : int
        Tokens of a request in a step.

    Raises
    ------
    ConfigError
        Where SGLang fails: none is left, or one below 1.

    Notes
    -----
    0.5.23, runner/base_cuda_graph_runner.py, get_batch_sizes_to_capture: where the list
    goes above the most requests, these are captured in the place of the rest.
    """
    most = -(-requests // alignment) * alignment
    found = {*sizes}
    if max(found) > most:
        found.add(most)
    kept = sorted(
        each for each in found if each <= most and each * width % alignment == 0
    )
    if not kept or kept[0] < 1:
        message = f"decode sizes: expected 1 or more, got {kept}"
        raise ConfigError(message)
    return tuple(kept)


def faults_of(config: Any) -> dict[tuple[str, ...], str]:
    """Return what SGLang refuses of a --cuda-graph-config, by the keys that lead to it."""
    if not isinstance(config, Mapping):
        return {(): f"must be a JSON object, got {type(config).__name__}"}
    found: dict[tuple[str, ...], str] = {}
    for phase, settings in config.items():
        keys = PHASE_KEYS.get(phase)
        if keys is None:
            expected = tuple(PHASE_KEYS)
            found[phase,] = f"unknown phase {phase!r}, expected one of {expected}"
        elif not isinstance(settings, Mapping):
            found[phase,] = f"must be a JSON object, got {type(settings).__name__}"
        else:
            for key in settings:
                if key not in keys:
                    found[phase, key] = f"unknown key {key!r}, expected one of {keys}"
            if settings.get("backend") == REMOVED_BACKEND:
                found[phase, "backend"] = f"{REMOVED_BACKEND} was removed"
    return found


def _stepped(steps: Iterable[tuple[int, int, int]], most: int) -> tuple[int, ...]:
    """Return what ranges hold up to the most."""
    return tuple(
        chain.from_iterable(
            range(first, min(last, most) + 1, step) for first, last, step in steps
        )
    )
