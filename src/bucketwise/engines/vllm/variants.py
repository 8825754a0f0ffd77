"""Engines that take vLLM's keys and do otherwise with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bucketwise.engines.vllm.capture_sizes import MOST_DEFAULT, Server, default_sizes
from bucketwise.engines.vllm.releases import CAPTURE_SIZES
from bucketwise.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What an engine with vLLM's keys has of its own.

    Attributes
    ----------
    sizes_key : str
        What it calls the list of sizes for the language model.
    own : callable
        Server -> the sizes that it has where none are given.
    one_more : str
        What one more size costs, a sentence without its end.
    note : str
        What else to know of its lists, a sentence; "" for nothing.
    """

    sizes_key: str
    own: Callable[[Server], tuple[int, ...]]
    one_more: str
    note: str = ""

    def own_sizes(self, max_num_seqs: int) -> tuple[int, ...]:
        """Return its own sizes for decode, and max_num_seqs last."""
        sizes = self.own(Server(max_num_seqs=max_num_seqs))
        below = {each for each in sizes if each < max_num_seqs}
        return tuple(sorted(below | {max_num_seqs}))


ASCEND_950_SIZES = 4
"""Sizes that vllm-ascend keeps on Ascend 950 (0.23.0, utils.py)."""

LEAST_REQUESTS = 8
"""The least bucket of requests of tpu-inference (0.32.0, runner/utils.py)."""


def ascend_most(server: Server) -> int:
    """Return the largest default size of vllm-ascend, which does not double.

    vllm-ascend 0.23.0, platform.py, _get_default_max_cudagraph_capture_size.
    """
    return min(server.max_num_seqs * server.query_len, MOST_DEFAULT)


def kept_on_ascend_950(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sizes that survive on Ascend 950: four, by position, ends among them.

    vllm-ascend 0.23.0, prune_capture_sizes_for_950.
    """
    if len(sizes) <= ASCEND_950_SIZES:
        return sizes
    step = (len(sizes) - 1) / (ASCEND_950_SIZES - 1)
    return tuple(sizes[round(step * each)] for each in range(ASCEND_950_SIZES))


def tpu_token_sizes(
    least: int, most: int, gap: int = 0, extra: Iterable[int] = ()
) -> tuple[int, ...]:
    """Return the token counts that tpu-inference compiles.

    Powers of two from the least, with a gap steps of the gap past it, then the most as
    a multiple of the least. What `compilation_sizes` names is added; nothing is removed.

    Parameters
    ----------
    least : int
        `MIN_TOKEN_BUCKET`.
    most : int
        `max_num_batched_tokens`.
    gap : int
        `VLLM_TPU_BUCKET_PADDING_GAP`; 0 for none.
    extra : iterable of int
        `compilation_sizes`.

    Notes
    -----
    tpu-inference 0.32.0, runner/utils.py.
    """
    sizes = set(extra)
    size = least
    while size < most:
        sizes.add(size)
        size += gap if gap and size >= gap else size
    sizes.add(-(-most // least) * least)
    return tuple(sorted(sizes))


def tpu_request_sizes(least: int, most: int) -> tuple[int, ...]:
    """Return powers of two of requests, then the most of them."""
    sizes = []
    size = max(least, LEAST_REQUESTS)
    while size <= most:
        sizes.append(size)
        size *= 2
    if sizes and sizes[-1] < most:
        sizes.append(most)
    return tuple(sizes)


def tpu_attention_sizes(
    least: int, most: int, custom: tuple[int, ...] = (), *, bucketed: bool
) -> tuple[int, ...]:
    """Return the counts of requests that attention is compiled for.

    One, the most, unless `ATTN_BUCKETIZED_NUM_REQS` is set; then those of
    `ATTN_CUSTOM_NUM_REQS_BUCKETS` in their order, which it does not sort.
    """
    if not bucketed:
        return (most,)
    if not custom:
        return tpu_request_sizes(least, most)
    return custom if most in custom else (*custom, most)


def tpu_padded(tokens: int, sizes: tuple[int, ...]) -> int:
    """Return what a step of so many tokens is padded to.

    Raises
    ------
    InputError
        Above the largest, where tpu-inference fails an assertion.
    """
    for size in sizes:
        if size >= tokens:
            return size
    message = f"tokens: expected at most {sizes[-1]}, got {tokens}"
    raise InputError(message)


LEAST_TOKENS = 16
"""`MIN_TOKEN_BUCKET` of tpu-inference where nobody sets it."""

ON_GPU = "a graph on a GPU costs little"

VARIANTS: dict[str, Variant] = {
    "vllm": Variant(sizes_key=CAPTURE_SIZES, own=default_sizes, one_more=ON_GPU),
    "vllm-ascend": Variant(
        sizes_key=CAPTURE_SIZES,
        own=lambda server: default_sizes(server, ascend_most(server)),
        one_more="a graph takes streams, of which there are few",
        note=f"On Ascend 950 only {ASCEND_950_SIZES} sizes survive, picked by position "
        "with the ends kept.",
    ),
    "tpu-inference": Variant(
        sizes_key="compilation_sizes",
        own=lambda server: tpu_token_sizes(LEAST_TOKENS, server.max_num_batched_tokens),
        one_more="each is a compile",
        note="Each budget is compiled when the server starts; sizes of steps can be "
        "added, none can be taken away.",
    ),
}
"""By the package that takes the keys."""
