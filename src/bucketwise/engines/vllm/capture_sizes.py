"""The graphs of the language model: which sizes vLLM captures, and which a step takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bucketwise.engines.vllm.encoder_graphs import fitting
from bucketwise.engines.vllm.releases import NEWEST
from bucketwise.errors import ConfigError, raise_all
from bucketwise.nouns.engine import Version

MOST_DEFAULT = 512
"""Largest default size; 1,024 on data-centre Blackwell since 0.28."""

FINE, STEP, COARSE_FROM, COARSE = (1, 2, 4), 8, 256, 16
"""Default sizes: these, multiples of 8, and from 256 multiples of 16."""

ADDS_STEP: Version = (0, 20, 0)
ADDS_DRAFTS: Version = (0, 29, 0)
ADDS_REQUESTS: Version = (0, 31, 0)
"""The default list gets max_num_batched_tokens, multiples of the tokens of a request that
drafts, and max_num_seqs, since these releases."""

INTERACTIVE = 32
"""Up to it `--performance-mode interactivity` captures every size."""

Mode = Literal["FULL_AND_PIECEWISE", "FULL_DECODE_ONLY", "PIECEWISE", "FULL", "NONE"]
Kind = Literal["FULL", "PIECEWISE", "NONE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What decides the sizes beside the list.

    Attributes
    ----------
    max_num_seqs : int
        Most requests that decode at once.
    max_num_batched_tokens : int
        Most tokens of a step.
    query_len : int
        Tokens of a request in a decode step: 1, and as many more as are drafted.
    interactive : bool
        Whether `--performance-mode interactivity` is set.
    release : tuple of int
        Of vLLM.
    """

    max_num_seqs: int
    max_num_batched_tokens: int = 8_192
    query_len: int = 1
    interactive: bool = False
    release: Version = NEWEST

    def __post_init__(self) -> None:
        """Check that there is something to run."""
        numbers = (self.max_num_seqs, self.max_num_batched_tokens, self.query_len)
        if min(numbers) < 1:
            raise_all([f"server: expected numbers from 1 up, got {numbers}"])


def default_most(server: Server) -> int:
    """Return the largest size where nobody names one, before it is cut to a step."""
    return min(2 * server.max_num_seqs * server.query_len, MOST_DEFAULT)


def default_sizes(server: Server, most: int | None = None) -> tuple[int, ...]:
    """Return the sizes captured where no list is given.

    Parameters
    ----------
    server : Server
        What runs.
    most : int, optional
        `max_cudagraph_capture_size`.

    Notes
    -----
    vllm 0.19.1 to 0.33.0, config/vllm.py, _set_cudagraph_sizes.
    """
    asked = default_most(server) if most is None else most
    top = min(asked, server.max_num_batched_tokens)
    fine = range(1, INTERACTIVE + 1) if server.interactive else FINE
    sizes = {size for size in fine if size <= top}
    sizes |= {*range(STEP, min(top + 1, COARSE_FROM), STEP)}
    sizes |= {*range(COARSE_FROM, top + 1, COARSE)}
    if server.max_num_batched_tokens <= top and server.release >= ADDS_STEP:
        sizes.add(server.max_num_batched_tokens)
    if most is None:
        held = min(server.max_num_batched_tokens, asked)
        sizes |= {size for size in _decode_sizes(server) if size <= held}
    return tuple(sorted(sizes))


def _decode_sizes(server: Server) -> Iterable[int]:
    """Return what pure decode steps need of the default list beside its steps."""
    if server.query_len == 1:
        return (server.max_num_seqs,) if server.release >= ADDS_REQUESTS else ()
    if server.release < ADDS_DRAFTS:
        return ()
    most = min(server.max_num_seqs, MOST_DEFAULT)
    counts = {each for each in FINE if each <= most} | {most}
    counts |= {*range(STEP, min(most + 1, COARSE_FROM), STEP)}
    counts |= {*range(COARSE_FROM, most + 1, COARSE)}
    return (each * server.query_len for each in counts)


def captured_sizes(
    server: Server, sizes: Iterable[int] | None, most: int | None = None
) -> tuple[int, ...]:
    """Return the sizes captured for a list, or for none.

    Raises
    ------
    ConfigError
        Where vLLM refuses: an empty list, or a `most` that is not its last.
    """
    if sizes is None:
        return default_sizes(server, most)
    given = set(sizes)
    if not given:
        message = "cudagraph_capture_sizes: expected one size or more, got none"
        raise ConfigError(message)
    kept = tuple(
        sorted(each for each in given if each <= server.max_num_batched_tokens)
    )
    last = kept[-1] if kept else 0
    if most is not None and most != last:
        message = (
            f"max_cudagraph_capture_size: expected {last}, the last of "
            f"cudagraph_capture_sizes, got {most}"
        )
        raise ConfigError(message)
    return kept


def graphs_of(
    sizes: tuple[int, ...], server: Server, mode: Mode
) -> dict[Kind, tuple[int, ...]]:
    """Return which graphs a mode captures of sizes; without draft tokens.

    Notes
    -----
    vllm 0.33.0, v1/cudagraph_dispatcher.py, initialize_cudagraph_keys.
    """
    decode = tuple(size for size in sizes if size <= server.max_num_seqs)
    full = {"FULL_AND_PIECEWISE": decode, "FULL_DECODE_ONLY": decode, "FULL": sizes}
    piecewise = {"FULL_AND_PIECEWISE": sizes, "PIECEWISE": sizes}
    return {"FULL": full.get(mode, ()), "PIECEWISE": piecewise.get(mode, ())}


def step_runs_on(
    tokens: int, sizes: tuple[int, ...], server: Server, mode: Mode, *, decode: bool
) -> tuple[Kind, int]:
    """Return the kind of graph that a step runs on, and to how many tokens it is padded.

    Parameters
    ----------
    tokens : int
        Of the step.
    sizes : tuple of int
        Ascending sizes that were captured.
    server : Server
        What runs.
    mode : str
        `cudagraph_mode`.
    decode : bool
        Whether every request of the step decodes one token.
    """
    padded = fitting(sizes, tokens)
    if padded is None:
        return "NONE", tokens
    graphs = graphs_of(sizes, server, mode)
    if padded in graphs["FULL"] and (decode or mode == "FULL"):
        return "FULL", padded
    if padded in graphs["PIECEWISE"]:
        return "PIECEWISE", padded
    return "NONE", tokens


def united(
    sizes: Iterable[int], server: Server, own: Iterable[int] | None = None
) -> tuple[int, ...]:
    """Return sizes for decode with the engine's own above them, vLLM's by default.

    Mixed and prefill steps run on graphs of the same list: without those above
    max_num_seqs every mixed step of more tokens would run without a graph.
    """
    decode = {size for size in sizes if size <= server.max_num_seqs}
    known = default_sizes(server) if own is None else own
    above = {size for size in known if size > server.max_num_seqs}
    return tuple(sorted(decode | {server.max_num_seqs} | above))
