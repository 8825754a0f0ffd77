"""The graphs of the vision encoder: which vLLM captures, and what one replay computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bucketwise.engines.vllm.releases import CHECKS_ITEMS
from bucketwise.errors import ConfigError, raise_all
from bucketwise.nouns.engine import Version

DEFAULT_TOKENS = 64
"""The least budget of Qwen2-VL, Qwen2.5-VL and Qwen3-VL (0.33.0,
model_executor/models/qwen3_vl.py, get_encoder_cudagraph_budget_range)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """How a model's class shares a budget out to the images of a replay.

    Attributes
    ----------
    rounds_up : tuple of int or None
        The release since which each image gets its share rounded up, and not down; None
        where none does.
    line : int
        Merged tokens of a full line of the grid that is captured, whatever the frames: a
        share above it is rounded up to whole lines; 0 where a grid has one line.
    tile : int
        Merged tokens of a tile, of which a replay takes what the budget has room for; 0
        where images are not cut.
    more_tiles : bool
        Whether a tile that the budget holds in part is computed, too.
    """

    rounds_up: Version | None = (0, 22, 0)
    line: int = 0
    tile: int = 0
    more_tiles: bool = False

    @property
    def least(self) -> int:
        """The least budget of the class (get_encoder_cudagraph_budget_range)."""
        return self.tile or DEFAULT_TOKENS

    def rows(
        self, release: Version, budget: int, max_items: int, max_frames: int
    ) -> int:
        """Return the merged rows that a replay computes, which is not its budget."""
        if self.tile:
            held = -(-budget // self.tile) if self.more_tiles else budget // self.tile
            return max(held, 1) * self.tile
        up = self.rounds_up is not None and release >= self.rounds_up
        each = -(-budget // max_items) if up else budget // max_items
        frames = max_frames // max_items
        if self.line:
            line = min(each, self.line)
            each = line * -(-each // line)
        elif frames > 1:
            each = frames * -(-each // frames)
        return max_items * each


AS_QWEN3_VL = Sharing()
"""Rounds up since 0.22 (model_executor/models/qwen3_vl.py,
prepare_encoder_cudagraph_capture_inputs)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderGraphs:
    """What one release captures for the encoder.

    Attributes
    ----------
    release : tuple of int
        Of vLLM.
    budgets : tuple of int
        Ascending merged tokens that a replay has room for, all its images together.
    max_items : int
        Most images or clips in one replay.
    max_frames : int
        Most frames in one replay; 0 where clips are switched off.
    sharing : Sharing
        What the model's class makes of a budget.
    """

    release: Version
    budgets: tuple[int, ...]
    max_items: int
    max_frames: int = 0
    sharing: Sharing = AS_QWEN3_VL

    def __post_init__(self) -> None:
        """Check what the release checks."""
        problems = []
        if not self.budgets or self.budgets[0] < 1:
            problems.append(
                f"budgets: expected positive ones, got {list(self.budgets)}"
            )
        elif tuple(sorted(self.budgets)) != self.budgets:
            problems.append(
                f"budgets: expected them ascending, got {list(self.budgets)}"
            )
        elif self.release >= CHECKS_ITEMS and self.max_items > self.budgets[0]:
            problems.append(
                f"max_vision_items_per_batch: expected at most {self.budgets[0]}, the "
                f"smallest budget, got {self.max_items}"
            )
        # Earlier releases come to 0 where the model's range is empty.
        if self.max_items < (self.release >= CHECKS_ITEMS):
            problems.append(f"max items: expected 1 or more, got {self.max_items}")
        raise_all(problems)

    def rows(self, budget: int) -> int:
        """Return the merged rows that a replay computes, which is not its budget."""
        return self.sharing.rows(self.release, budget, self.max_items, self.max_frames)

    def fit(self, tokens: int) -> int | None:
        """Return the smallest budget that holds so many tokens; None above all."""
        return fitting(self.budgets, tokens)


def fitting(budgets: tuple[int, ...], tokens: int) -> int | None:
    """Return the smallest of ascending budgets that holds so many tokens, if one does."""
    return next((budget for budget in budgets if budget >= tokens), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a configuration says of encoder graphs, and what the model adds.

    Attributes
    ----------
    budgets : tuple of int
        In any order; () lets vLLM choose.
    max_items : int
        0 lets vLLM choose.
    max_frames : int or None
        None lets vLLM choose.
    takes_clips : bool
        Whether the limit of clips in a prompt is not 0.
    frames_of_clip : int
        Most frames of one clip, as the model says.
    """

    budgets: tuple[int, ...] = ()
    max_items: int = 0
    max_frames: int | None = None
    takes_clips: bool = True
    frames_of_clip: int = 0


def resolved(release: Version, asked: Asked, least: int, most: int) -> EncoderGraphs:
    """Return the graphs that a release captures for what was asked of it.

    Parameters
    ----------
    release : tuple of int
        Of vLLM.
    asked : Asked
        What the configuration says.
    least, most : int
        The model's range of budgets: its smallest, and the lesser of
        max_num_batched_tokens and max_model_len.

    Notes
    -----
    vllm 0.33.0, v1/worker/encoder_cudagraph.py, EncoderCudaGraphManager.__init__.
    """
    budgets, max_items = tuple(sorted(asked.budgets)), asked.max_items
    caps = release >= CHECKS_ITEMS
    if not (budgets and max_items):
        if caps and least > most:
            message = (
                f"budgets: expected the model's least ({least}) within what one call "
                f"holds ({most})"
            )
            raise ConfigError(message)
        start = max(least, max_items) if caps else least
        budgets = budgets or doubling(start, most)
        widest = most // least
        max_items = max_items or (min(widest, budgets[0]) if caps else widest)
    frames = asked.max_frames
    if not asked.takes_clips:
        frames = 0
    elif frames is None:
        frames = max_items * asked.frames_of_clip
    return EncoderGraphs(
        release=release, budgets=budgets, max_items=max_items, max_frames=frames
    )


def doubling(least: int, most: int) -> tuple[int, ...]:
    """Return the least, twice it, and so on, then the most."""
    budgets = []
    budget = least
    while budget <= most:
        budgets.append(budget)
        budget *= 2
    if not budgets or budgets[-1] < most:
        budgets.append(most)
    return tuple(budgets)


def path_budgets(
    top: int, least: Mapping[str, int], *, may_be_empty: frozenset[str] = frozenset()
) -> dict[str, tuple[int, ...]]:
    """Return the budgets of each path of a model that has two.

    Of the budgets a configuration names only the largest is used.

    Parameters
    ----------
    top : int
        The largest budget.
    least : mapping of str to int
        Smallest budget of each path.
    may_be_empty : frozenset of str
        Paths that an image may have no token of.
    """
    raise_all(
        [
            f"budgets: expected one of at least {start}, the smallest of the path "
            f"{name!r}, got at most {top}"
            for name, start in least.items()
            if not 0 < start <= top
        ]
    )
    return {
        name: ((0,) if name in may_be_empty else ()) + doubling(start, top)
        for name, start in least.items()
    }
