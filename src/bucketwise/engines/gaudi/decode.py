"""Shapes of steps of the language model: files of them, what is prepared, what is run.

vllm_gaudi/extension/bucketing/{file_strategy,common}.py.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from bucketwise.engines.gaudi.strategies import Server, exponential
from bucketwise.errors import ConfigError

Shape = tuple[int, int, int]
"""Sequences, tokens of each in this step, and blocks of cache: of all of them in decode,
of each one's context in a prompt."""

DECODE_TOKENS = 1

FIELDS = 3

_RANGE = re.compile(r"range\(\s*(-?\d+)\s*,\s*(-?\d+)\s*(?:,\s*(-?\d+)\s*)?\)")

_MOST_IN_RANGE = 10_000

MOST_SHAPES = 100_000
"""Of one line; a start would take weeks."""

FALLBACK_BATCH, FALLBACK_BLOCKS = 2, 32
"""The least steps by which a shape that is not prepared is rounded up."""


class Line(NamedTuple):
    """One line of a file: its number, and the shapes it stands for; None for neither."""

    number: int
    text: str
    shapes: tuple[Shape, ...] | None


def lines_of(text: str) -> Iterator[Line]:
    """Yield the lines of a file of shapes that say something."""
    for number, written in enumerate(text.splitlines(), 1):
        line = written.strip()
        if line and not line.startswith("#"):
            yield Line(number, line, _shapes(line))


def shapes_of(text: str) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
    """Return the shapes of prompts and those of decode steps, ascending.

    Raises
    ------
    ConfigError
        At a line that is no shape: the warning that vllm-gaudi means to log about it is
        an AttributeError, for its `logger` is a function (file_strategy.py).
    """
    found: list[Shape] = []
    for line in lines_of(text):
        if line.shapes is None:
            message = (
                f"line {line.number}: expected (batch, tokens, blocks), got {line.text}"
            )
            raise ConfigError(message)
        found += line.shapes
    decode = sorted(each for each in found if each[1] == DECODE_TOKENS)
    return tuple(sorted(each for each in found if each[1] != DECODE_TOKENS)), tuple(
        decode
    )


def _shapes(line: str) -> tuple[Shape, ...] | None:
    try:
        value = ast.literal_eval(_RANGE.sub(_listed, line))
        if not isinstance(value, tuple) or len(value) != FIELDS:
            return None
        fields = [each if isinstance(each, list) else [each] for each in value]
        if math.prod(map(len, fields)) > MOST_SHAPES:
            return None
        return tuple(
            (int(batch), int(tokens), int(blocks))
            for batch, tokens, blocks in product(*fields)
        )
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _listed(match: re.Match[str]) -> str:
    """Return a range as a list; as it stands where vllm-gaudi leaves it so."""
    start, stop, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if not step or len(range(start, stop, step)) > _MOST_IN_RANGE:
        return match[0]
    return repr([*range(start, stop, step)])


def prepared(shapes: Iterable[Shape], server: Server) -> tuple[Shape, ...]:
    """Return the decode shapes that are compiled at the start.

    Those of more sequences than blocks are left out, and no shape has more blocks than
    its sequences can fill. With a contiguous cache, which a prefix cache switches off,
    neither is so.

    Raises
    ------
    ConfigError
        Where none is left.
    """
    kept = {
        (batch, tokens, min(blocks, batch * server.sequence_blocks))
        for batch, tokens, blocks in shapes
        if batch <= blocks
    }
    if not kept:
        message = "shapes: expected one of at least as many blocks as sequences"
        raise ConfigError(message)
    return tuple(sorted(kept))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is compiled, in the order in which it is looked through."""

    shapes: tuple[Shape, ...]
    """Ascending."""
    server: Server
    most_blocks: int
    """The largest block count that was prepared at the start."""

    @classmethod
    def of(cls, shapes: Iterable[Shape], server: Server) -> Prepared:
        """Return what a start prepares."""
        kept = prepared(shapes, server)
        return cls(
            shapes=kept, server=server, most_blocks=max(each[2] for each in kept)
        )

    def run(self, batch: int, blocks: int) -> tuple[Shape, Prepared]:
        """Return the shape that a step runs on, and what is compiled behind it.

        The first, in order, that holds it; so the smallest batch comes first. What is
        needed of blocks is cut to the most that are prepared before anything is looked
        for, whatever the step reads.
        """
        needed = min(blocks, self.most_blocks)
        for shape in self.shapes:
            if shape[0] >= batch and shape[2] >= needed:
                return shape, self
        made = self._made(batch, needed)
        if made in self.shapes:
            return made, self
        more = tuple(sorted((*self.shapes, made)))
        return made, Prepared(
            shapes=more, server=self.server, most_blocks=self.most_blocks
        )

    def _made(self, batch: int, blocks: int) -> Shape:
        return (
            min(rounded_up(batch, FALLBACK_BATCH), self.server.max_num_seqs),
            DECODE_TOKENS,
            min(rounded_up(blocks, FALLBACK_BLOCKS), self.most_blocks),
        )


def rounded_up(value: int, step: int) -> int:
    """Return what a value that nothing is prepared for is rounded up to.

    Steps grow with its cube root (common.py, calc_fallback_value).
    """
    if value <= 1:
        return value
    by = math.ceil(math.pow(value, 1 / 3)) * step
    return -(-value // by) * by


def decode_shapes(
    batches: Iterable[int], blocks: Iterable[int], server: Server
) -> tuple[Shape, ...]:
    """Return the shapes to prepare for decode, ascending.

    Each batch gets the block counts up to what its sequences can fill, and that one: then
    a step runs on the smallest batch that holds it, and none is compiled on a request.
    """
    ladder = sorted(set(blocks))
    found = set()
    for batch in batches:
        full = batch * server.sequence_blocks
        found |= {
            (batch, DECODE_TOKENS, each)
            for each in (*ladder, full)
            if batch <= each <= full
        }
    return tuple(sorted(found))


def prompt_shapes(server: Server) -> tuple[Shape, ...]:
    """Return the shapes to prepare for prompts: one sequence, up to all its context.

    Spread as vllm-gaudi spreads its own (exponential.py, get_prompt_cfgs); the last of
    either axis is what the context and max_num_batched_tokens let through.
    """
    step = server.block_tokens
    most = min(server.max_num_batched_tokens, server.max_model_len)
    tokens = exponential(step, step, most, math.ceil(math.log2(most)))
    behind = -(-(server.max_model_len - 1) // step)
    contexts = {0, *exponential(0, 1, behind, math.ceil(math.log2(behind)) + 1)}
    return tuple((1, *each) for each in product(tokens, sorted(contexts)))
