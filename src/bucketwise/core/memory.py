"""What each device holds, whether that fits, and what would make it fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from bucketwise.core.plan import Status
from bucketwise.words.numbers import memory, plural

Verdict = Literal["does not fit", "cannot tell", "fits"]

Part = Literal["weights", "graphs", "cache"]

VERDICTS: tuple[Verdict, ...] = ("does not fit", "cannot tell", "fits")
"""The worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One thing that takes memory."""

    name: str
    """What it is."""
    part: Part
    """What of the model it belongs to."""
    device_bytes: int
    """What it takes of one device."""
    status: Status
    """How far to trust it."""
    source: str
    """What it was made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What is to go into a room, known and estimated."""

    certain_bytes: int
    """What goes in for certain."""
    needed_bytes: int
    """What goes in by estimate."""
    room_bytes: int
    """The room."""
    margin_bytes: int
    """What must be left over before anybody says that it fits."""

    @property
    def lacks_bytes(self) -> int:
        """What is missing by estimate; negative where something is left."""
        return self.needed_bytes - self.room_bytes

    @property
    def verdict(self) -> Verdict:
        """Whether it fits."""
        if self.certain_bytes > self.room_bytes:
            return "does not fit"
        if self.needed_bytes <= self.room_bytes - self.margin_bytes:
            return "fits"
        return "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Devices that hold the same parts."""

    name: str
    """The parts."""
    language_model: bool
    vit: bool
    """Which of the two they are."""
    device_ids: tuple[int, ...]
    """The devices."""
    terms: tuple[Term, ...]
    """What each of them holds."""
    fit: Fit
    """Whether that fits. Where blocks are left to the SDK and no ViT stands beside
    them, what is needed counts the fewest."""

    @property
    def device_bytes(self) -> int:
        """What all terms take together."""
        return sum(term.device_bytes for term in self.terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """The blocks of the cache."""

    tokens: int
    """Of a block."""
    device_bytes: int
    """Of one block by itself on each device."""
    per_sequence: int
    """Blocks that one sequence of the whole context takes."""
    num_min: int
    num_full: int
    """The fewest that compile, and the most that are ever used."""
    given: int
    """What the configuration says; 0 where it leaves it to the SDK."""
    taken: int
    taken_bytes: int
    """What there will be, given or by estimate what the SDK takes; and its bytes on
    each device."""
    most: int
    """The most that leave room for everything else, by estimate; 0 where none do."""
    room_bytes: int
    """What everything else leaves of a device for them, by estimate."""
    fit: Fit
    """Whether they fit beside the language model alone; the fewest, where the SDK
    chooses: it refuses when they do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of the configuration that makes it fit."""

    path: tuple[str, ...]
    """Keys that lead to the value, in the words of the release."""
    value: Any
    """What it becomes; JSON."""
    words: str
    """The same in words, and what it costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPlan:
    """What a configuration takes of each device."""

    device: str
    """The product."""
    device_assumed: bool
    """Whether nobody named it and it could be another."""
    usable_bytes: int
    """What models may use of one."""
    pools: tuple[Pool, ...]
    """Devices by what they hold; the language model's first."""
    blocks: Blocks
    """The cache."""
    changes: tuple[Change, ...] = ()
    """Single changes that make it fit, the smallest of each kind, the mildest kind
    first; () where it fits or no single one does."""
    notes: tuple[str, ...] = ()
    """What a reader should know, a sentence each."""

    @property
    def fits(self) -> tuple[Fit, ...]:
        """Everything that must fit."""
        return (*(pool.fit for pool in self.pools), self.blocks.fit)

    @property
    def verdict(self) -> Verdict:
        """The worst of all."""
        return min((fit.verdict for fit in self.fits), key=VERDICTS.index)

    @property
    def fullest(self) -> Pool:
        """The devices that hold the most."""
        return max(self.pools, key=lambda pool: pool.device_bytes)

    @property
    def lacks_bytes(self) -> int:
        """What one device misses at the most, by estimate; 0 where none does."""
        return max(0, *(fit.lacks_bytes for fit in self.fits))

    @property
    def spare_bytes(self) -> int:
        """What every device has left by estimate; 0 where one lacks something."""
        return max(0, min(-fit.lacks_bytes for fit in self.fits))


def fit_in_words(found: Fit | MemoryPlan) -> str:
    """Return whether it fits: one of four answers, in the same words everywhere."""
    if found.verdict != "cannot tell":
        return found.verdict
    return LACKS if found.lacks_bytes > 0 else CLOSE


LACKS, CLOSE = "does not fit by estimate", "barely fits by estimate"


def close_in_words(spare_bytes: int, usable_bytes: int, device: str) -> str:
    """Say that little is left of a device, where it fits."""
    return (
        f"The proposed configuration {CLOSE}: {memory(spare_bytes)} of {memory(usable_bytes)} ({device}) "
        "are left, and what kernels take was never measured. Compile to tell."
    )


def plan_lines(plan: MemoryPlan) -> tuple[str, ...]:
    """Return what each device holds, and what would make it fit."""
    return tuple(_plan_lines(plan))


def _plan_lines(plan: MemoryPlan) -> Iterator[str]:
    yield f"Memory: {fit_in_words(plan)} ({memory(plan.usable_bytes)} a device, {plan.device})."
    for pool in plan.pools:
        yield from _pool_lines(pool)
    yield cache_in_words(plan.blocks)
    for change in plan.changes:
        yield f"Would fit with {change.words}."
    yield from plan.notes


def cache_in_words(blocks: Blocks) -> str:
    """Return the blocks there will be, and how many are of use and fit."""
    chosen = "as given" if blocks.given else "by estimate what the SDK takes"
    return (
        f"Cache: {plural(blocks.taken, 'block')} of {blocks.tokens:,} tokens, {chosen}; "
        f"{blocks.num_min:,} is the fewest that compile and {blocks.num_full:,} the most "
        f"ever used; {blocks.most:,} would fit by estimate, with nothing to spare."
    )


def _pool_lines(pool: Pool) -> Iterator[str]:
    count = plural(len(pool.device_ids), "device")
    yield f"{pool.name} on {count}: {memory(pool.device_bytes)} each, {fit_in_words(pool.fit)}."
    for term in pool.terms:
        yield f"  {term.name}: {memory(term.device_bytes)} [{term.status}]"
