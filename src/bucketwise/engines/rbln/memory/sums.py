"""One layout added up: what each device holds, and what is left for the cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bucketwise.core.memory import Blocks, Fit, MemoryPlan, Pool, Term
from bucketwise.engines.rbln.devices import Dram, card_of, device_of
from bucketwise.engines.rbln.kv_cache import budget_bytes, kv_bytes, largest_num_blocks
from bucketwise.engines.rbln.memory.layout import Layout
from bucketwise.engines.rbln.memory.terms import (
    cache_term,
    language_model_terms,
    vit_terms,
)
from bucketwise.engines.rbln.releases import written
from bucketwise.errors import ConfigError
from bucketwise.nouns.profile import LmShape, ModelProfile

MARGIN = 3
"""Something fits for sure where a third of the room is left: kernels, and what lies
between input and output, were never measured here and the only estimate of them is that
of 0.9.4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """One layout with its terms: what the model and the ViT take, the cache apart."""

    shape: LmShape
    layout: Layout
    dram: Dram
    language_model: tuple[Term, ...]
    vit: tuple[Term, ...]

    @classmethod
    def of(cls, profile: ModelProfile, layout: Layout) -> Sums:
        """Gather the terms."""
        if profile.lm is None:
            message = (
                f"{profile.name}: the shape of its language model is not known; "
                "give a checkpoint folder whose config.json tells it"
            )
            raise ConfigError(message)
        device, _ = device_of(layout.npu)
        return cls(
            shape=profile.lm,
            layout=layout,
            dram=device.dram,
            language_model=language_model_terms(profile.lm, layout),
            vit=vit_terms(profile, layout),
        )

    @property
    def usable_bytes(self) -> int:
        """What a device has, or what of it may be taken."""
        allowed = self.layout.allowed_bytes
        return (
            self.dram.usable_bytes
            if allowed is None
            else min(allowed, self.dram.usable_bytes)
        )

    @property
    def budget_bytes(self) -> int:
        """What the SDK lets the language model take where it chooses the blocks."""
        if not self.layout.is_auto:
            return self.usable_bytes
        return budget_bytes(self.layout.memory_budget, self.dram.usable_bytes)

    @property
    def taken(self) -> int:
        """Blocks there will be."""
        layout = self.layout
        if not layout.is_auto:
            return layout.blocks or layout.num_full
        # The search starts from 1, and too few end in an error.
        most = self._largest(self.budget_bytes - _sum(self.language_model))
        return max(most, layout.num_min)

    def plan(self) -> MemoryPlan:
        """Return the plan without changes."""
        device, _ = device_of(self.layout.npu)
        return MemoryPlan(
            device=device.name,
            device_assumed=self._is_guess,
            usable_bytes=self.usable_bytes,
            pools=tuple(self._pools()),
            blocks=self._blocks(),
            notes=tuple(self._notes()),
        )

    @property
    def _is_guess(self) -> bool:
        """Whether it could be another device: only an ATOM shares a model."""
        _, assumed = device_of(self.layout.npu)
        return assumed and max(self.layout.devices, self.layout.visual_devices) == 1

    def _pools(self) -> Iterator[Pool]:
        language_model = set(self.layout.language_model_ids)
        vit = set(self.layout.vit_ids)
        groups = {
            "language model and ViT": language_model & vit,
            "language model": language_model - vit,
            "ViT": vit - language_model,
        }
        for name, ids in groups.items():
            if ids:
                yield self._pool(name, tuple(sorted(ids)))

    def _pool(self, name: str, ids: tuple[int, ...]) -> Pool:
        language_model, vit = name != "ViT", name != "language model"
        terms: tuple[Term, ...] = self.vit if vit else ()
        certain = _sum(self.vit, certain=True) if vit else 0
        spare = 0
        if language_model:
            cache = cache_term(self.shape, self.layout, self.taken)
            terms = (*self.language_model, cache, *terms)
            certain += self._certain_bytes()
            if self.layout.is_auto and not vit:
                spare = cache.device_bytes - self._kv(self.layout.num_min)
        return Pool(
            name=name,
            language_model=language_model,
            vit=vit,
            device_ids=ids,
            terms=terms,
            fit=self._fit(certain, _sum(terms) - spare, self.usable_bytes),
        )

    def _certain_bytes(self) -> int:
        """Return what the language model takes for certain, whatever its buffers.

        Where the SDK chooses, either all blocks fit, or no other one does: less than a
        block of the budget is left. With chiplets it stops at the fullest of them, and
        what the others have left nobody knows.
        """
        known = _sum(self.language_model, certain=True)
        if not self.layout.is_auto:
            return known + self._kv(self.taken)
        least = known + self._kv(self.layout.num_min)
        if self.dram.parts(self.layout.version)[0] > 1:
            return least
        all_but_one = self.budget_bytes - self._kv(1)
        filled = min(known + self._kv(self.layout.num_full), all_but_one)
        return max(least, filled)

    def _blocks(self) -> Blocks:
        layout, taken = self.layout, self.taken
        known = _sum(self.language_model, certain=True)
        all_of_it = _sum(self.language_model)
        fewest = self._kv(layout.num_min if layout.is_auto else taken)
        beside = _sum(self.vit) if layout.is_shared else 0
        room = min(self.budget_bytes, self.usable_bytes - beside)
        return Blocks(
            tokens=layout.block,
            device_bytes=self._kv(1),
            per_sequence=-(-layout.max_seq_len // layout.block),
            num_min=layout.num_min,
            num_full=layout.num_full,
            given=layout.blocks,
            taken=taken,
            taken_bytes=self._kv(taken),
            most=self._largest(room - all_of_it),
            room_bytes=max(room - all_of_it, 0),
            fit=self._fit(known + fewest, all_of_it + fewest, self.budget_bytes),
        )

    def _fit(self, certain: int, needed: int, room: int) -> Fit:
        return Fit(
            certain_bytes=certain,
            needed_bytes=needed,
            room_bytes=room,
            margin_bytes=max(0, room - self.dram.usable_bytes * (MARGIN - 1) // MARGIN)
            if self.layout.allowed_bytes
            else room // MARGIN,
        )

    def _kv(self, blocks: int) -> int:
        return kv_bytes(self.shape, self.layout.block, blocks, self.layout.devices)

    def _largest(self, room_bytes: int) -> int:
        layout = self.layout
        return largest_num_blocks(
            self.shape, layout.block, layout.devices, room_bytes, layout.num_full
        )

    def _notes(self) -> Iterator[str]:
        layout = self.layout
        device, assumed = device_of(layout.npu)
        if assumed:
            why = "" if self._is_guess else ", which alone splits a model over several"
            yield f"NPU not given: {device.name} assumed{why}. Set --npu."
        card = card_of(layout.npu)
        if card is not None and not card.runs(layout.version):
            yield (
                f"{layout.npu} ({card.name}) is not among the cards of release "
                f"{written(layout.version)}."
            )
        parts, part_bytes = self.dram.parts(layout.version)
        if parts > 1:
            yield (
                f"From 0.11.0 the SDK looks at each of {parts} chiplets, {part_bytes:,} "
                "bytes each; everything is taken to be spread over them evenly."
            )


def _sum(terms: Iterable[Term], *, certain: bool = False) -> int:
    """Return the bytes of all terms, or of those that rest on no assumption."""
    return sum(
        term.device_bytes for term in terms if not certain or term.status != "assumed"
    )
