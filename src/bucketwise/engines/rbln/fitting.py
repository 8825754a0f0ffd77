"""What nobody gave of a deployment, chosen so that it fits its devices."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from bucketwise.core.analysis import Analysis, lengths_bytes
from bucketwise.core.budget_uses import bytes_left, with_memory, with_sequences
from bucketwise.core.decoder.decoder_plan import BATCH_SIZE
from bucketwise.core.memory import MemoryPlan
from bucketwise.core.plan import (
    Assumption,
    ContextLength,
    Decoder,
    Plan,
    Reason,
    Status,
    Visual,
)
from bucketwise.core.verdict import Grounds, memory_of, verdict_of
from bucketwise.engines.rbln.attention import MIN_PARTITIONS
from bucketwise.engines.rbln.base_config import BaseConfig, zoo_base
from bucketwise.engines.rbln.emit import EmitContext
from bucketwise.engines.rbln.keys import BLOCKS
from bucketwise.engines.rbln.memory.layout import Layout
from bucketwise.engines.rbln.memory.sums import MARGIN, Sums
from bucketwise.engines.rbln.model_classes import MODEL_CLASSES
from bucketwise.engines.rbln.rules.case import RblnCase, npu_of
from bucketwise.engines.rbln.rules.layout import layout_of, plan_of
from bucketwise.engines.rbln.rules.table import judge
from bucketwise.engines.rbln.targets import RblnTarget
from bucketwise.nouns.document import Document

CONTEXT = "max_seq_len"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A plan's half for the ViT and for the decoder, and what it is deployed with."""

    analysis: Analysis
    base: BaseConfig
    """The configuration that emitted ones start from."""
    targets: tuple[RblnTarget, ...]
    """The dialects, oldest first."""

    def memory(
        self, target: RblnTarget, visual: Visual, decoder: Decoder | None
    ) -> MemoryPlan | None:
        """Return what each device holds; None where too little is known."""
        return plan_of(self._subject(target, visual, decoder))

    @property
    def newest_memory(self) -> MemoryPlan | None:
        """What each device holds as planned for the newest dialect."""
        plan, target = self.analysis.plan, self.targets[-1]
        return self.memory(target, plan.visual_for(target.version), plan.decoder)

    @property
    def memory_before(self) -> MemoryPlan | None:
        """What each device holds with today's lengths, or with one graph of the top."""
        plan, target = self.analysis.plan, self.targets[-1]
        visual = plan.visual_for(target.version)
        current = visual.current
        old = current.max_seq_lens if current else visual.vit_max_seq_lens[-1:]
        return self.memory(
            target,
            replace(visual, vit_max_seq_lens=old),
            None if current else plan.decoder,
        )

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """How the plan is laid out for each dialect; () where too little is known."""
        plan = self.analysis.plan
        found = [
            layout_of(
                self._subject(target, plan.visual_for(target.version), plan.decoder)
            )
            for target in self.targets
        ]
        return tuple(layout for layout in found if layout is not None)

    def fits(self, *, surely: bool) -> bool:
        """Return whether it fits for every dialect, with the margin or by estimate."""
        profile = self.analysis.profile
        plans = [Sums.of(profile, layout).plan() for layout in self.layouts]
        if surely:
            return all(plan.verdict == "fits" for plan in plans)
        return all(plan.lacks_bytes == 0 for plan in plans)

    def refusals(self, plan: Plan) -> Iterator[Reason]:
        """Yield what a release would refuse of it, and no warning of the plan tells."""
        stated = {
            rule
            for visual in (plan.visual, *plan.visual_by_target.values())
            for warning in visual.warnings
            for rule in warning.rules
        }
        told = set()
        for target in self.targets[::-1]:
            visual = plan.visual_for(target.version)
            for each in judge(self._subject(target, visual, plan.decoder)):
                finding = each.finding
                is_memory = each.rule.startswith("memory/")
                if finding.severity != "error" or is_memory or each.rule in stated:
                    continue
                if each.rule not in told:
                    told.add(each.rule)
                    yield Reason(
                        id=each.rule,
                        severity="error",
                        words=f"{target.name} would refuse it: {finding.found}; "
                        f"{finding.why}.",
                        option=None,
                    )

    def with_values(self, source: str, **values: int) -> Deployment:
        """Return the deployment with values that were chosen, and why."""
        return Deployment(
            analysis=self.analysis,
            base=self.base.with_values(values, "derived", source),
            targets=self.targets,
        )

    def _subject(
        self, target: RblnTarget, visual: Visual, decoder: Decoder | None
    ) -> RblnCase:
        # Memory goes by what the runtime compares, whatever unit is emitted.
        lengths = visual.vit_max_seq_lens
        context = EmitContext(
            model=self.analysis.plan.model,
            visual=replace(visual, bucket_unit="vit_patches", max_seq_lens=lengths),
            decoder=decoder,
            base=self.base,
            target=target,
        )
        document = Document(
            config=context.config(), form="compile", source="rbln_config", places={}
        )
        return RblnCase(
            document=document,
            version=target.parsed,
            profile=self.analysis.profile,
            family=self.analysis.profile.family,
            limits=self.analysis.preprocessing.image,
            npu=npu_of(document),
            allowed_bytes=self.allowed_bytes,
            graph_bytes=self.analysis.graph_bytes,
        )

    @property
    def allowed_bytes(self) -> int | None:
        """What the operator lets everything take of a device; None for all of it."""
        budgets = self.analysis.plan.budgets
        return next((int(each.room) for each in budgets if each.name == "memory"), None)


def memory_with(
    analysis: Analysis, base: BaseConfig | None, targets: Sequence[RblnTarget]
) -> tuple[MemoryPlan | None, MemoryPlan | None]:
    """Return what devices hold as planned and before, with a base of one's own or not."""
    if base is None or base == analysis.base or not targets:
        return analysis.memory, analysis.memory_before
    deployment = Deployment(analysis=analysis, base=base, targets=tuple(targets))
    return deployment.newest_memory, deployment.memory_before


def deployed(
    analysis: Analysis,
    base: BaseConfig | None,
    targets: Sequence[RblnTarget],
    min_saving: float,
) -> Analysis:
    """Fit a plan to its devices and judge it."""
    base = base_of(analysis, base)
    fitted = fit(analysis, base, targets)
    asked, planned = (
        Deployment(analysis=analysis, base=each, targets=tuple(targets))
        for each in (base, fitted)
    )
    # A context that nobody gave is no more today's than the one that was chosen.
    today = planned if base.is_assumed(CONTEXT) else asked
    memory, before = planned.newest_memory, today.memory_before
    plan = replace(
        analysis.plan,
        memory=memory_of(memory),
        budgets=with_memory(analysis.plan.budgets, memory),
        frontier_budgets=with_sequences(analysis.plan, lengths_bytes(analysis), memory),
        assumptions=_with_base(analysis.plan.assumptions, fitted),
    )
    grounds = Grounds(
        min_saving=min_saving,
        memory=memory,
        memory_today=None if base.is_assumed(CONTEXT) else before,
        decoder_saving=_decoder_saving(plan.decoder, base),
        refusals=tuple(planned.refusals(plan)),
    )
    plan = replace(plan, verdict=verdict_of(plan, grounds))
    return replace(
        analysis,
        plan=plan,
        base=fitted,
        memory=memory,
        memory_before=before,
        rooms_for_lengths=tuple(_rooms(planned))
        if memory and memory.lacks_bytes
        else (),
    )


def _rooms(planned: Deployment) -> Iterator[int]:
    """Yield what is left for lengths with the least context and the fewest blocks."""
    smallest = planned
    if planned.base.is_assumed(CONTEXT):
        step, least, _ = _context_steps(planned)
        smallest = smallest.with_values("", **{CONTEXT: least * step})
    if _blocks_free(planned):
        fewest = max(layout.num_useful for layout in smallest.layouts)
        smallest = smallest.with_values("", **{BLOCKS: fewest})
    memory = smallest.newest_memory
    for surely in (True, False):
        room = memory and bytes_left(
            memory, lengths_bytes(planned.analysis), surely=surely
        )
        if room and room > 0:
            yield room


def base_to_emit(
    analysis: Analysis, base: BaseConfig | None, targets: Sequence[RblnTarget]
) -> BaseConfig | None:
    """Return the base as it is emitted: that of the analysis, or another one fitted."""
    if not targets:
        return base
    if base is None and analysis.base is not None:
        return cast("BaseConfig", analysis.base)
    return fit(analysis, base_of(analysis, base), targets)


def base_of(analysis: Analysis, base: BaseConfig | None) -> BaseConfig:
    """Return the base, with the batch size of the plan where nobody gave one."""
    plan = analysis.plan
    base = base or zoo_base(plan.model.family)
    given = plan.provenance.options.get(BATCH_SIZE)
    if given is not None and base.mapping.get(BATCH_SIZE) != given:
        return base.with_values({BATCH_SIZE: given}, "given", "given with --batch-size")
    for row in plan.assumptions:
        if row.name == BATCH_SIZE and plan.decoder and not base.gives(BATCH_SIZE):
            value = {BATCH_SIZE: plan.decoder.batch_size}
            return base.with_values(value, "assumed", row.source)
    return base


def settings_of(base: BaseConfig | None, family: str) -> dict[str, Any]:
    """Return what the model will run with: the base's, or the published ones."""
    if base is None and family in MODEL_CLASSES:
        base = zoo_base(family)
    return base.mapping if base else {}


def fit(
    analysis: Analysis, base: BaseConfig, targets: Sequence[RblnTarget]
) -> BaseConfig:
    """Choose the context and the cache's blocks, where nobody gave them.

    The context that holds every request seen, where requests tell their tokens; then,
    where that does not fit, the most blocks that do, and the longest context whose
    fewest blocks do: with the margin, or else by estimate.
    """
    asked = Deployment(analysis=analysis, base=base, targets=tuple(targets))
    if analysis.profile.lm is None or not asked.layouts:
        return base
    for surely in (True, False):
        for tried in _mildest_first(asked, surely=surely):
            if tried is not None and tried.fits(surely=surely):
                return tried.base
    return base


def _mildest_first(asked: Deployment, *, surely: bool) -> Iterator[Deployment | None]:
    decoder = asked.analysis.plan.decoder
    needed = decoder.context_length if decoder else None
    context_free = asked.base.is_assumed(CONTEXT)
    if context_free and needed is not None and _is_shorter(needed, asked):
        asked = _for_requests(asked, needed)
    yield asked
    blocks_free = _blocks_free(asked)
    if blocks_free:
        yield _most_blocks(asked, surely=surely)
    if context_free:
        yield _longest_context(asked, blocks_free=blocks_free, surely=surely)


def _blocks_free(asked: Deployment) -> bool:
    """Return whether nobody said how many blocks there are."""
    given = {key for key, value in asked.base.mapping.items() if value is not None}
    flash = all(layout.flash for layout in asked.layouts)
    return flash and not {BLOCKS, "memory_budget"} & given


def _context_steps(asked: Deployment) -> tuple[int, int, int]:
    """Return the step of a context, and the fewest and the most steps of one."""
    layout = asked.layouts[-1]
    step = layout.partition or max(layout.max_seq_len // 16, 1)
    return step, MIN_PARTITIONS if layout.flash else 1, layout.max_seq_len // step


def _is_shorter(needed: ContextLength, asked: Deployment) -> bool:
    return needed.max_seq_len < int(asked.base.mapping[CONTEXT])


def _for_requests(asked: Deployment, needed: ContextLength) -> Deployment:
    why = f"holds the longest request seen ({needed.largest:,} tokens)"
    return asked.with_values(why, **{CONTEXT: needed.max_seq_len})


def _most_blocks(asked: Deployment, *, surely: bool) -> Deployment | None:
    """Return the deployment with the most blocks that fit, or None."""
    least = max(layout.num_useful for layout in asked.layouts)
    most = min(layout.num_full for layout in asked.layouts)
    return _first_that_fits(
        most - least + 1,
        lambda index: asked.with_values(
            f"the most blocks that leave {_room(asked, surely=surely)}",
            **{BLOCKS: most - index},
        ),
        surely=surely,
    )


def _longest_context(
    asked: Deployment, *, blocks_free: bool, surely: bool
) -> Deployment | None:
    """Return the deployment with the longest context that fits, or None."""
    step, least, parts = _context_steps(asked)
    why = f"the longest context that leaves {_room(asked, surely=surely)}"

    def at(index: int) -> Deployment:
        shorter = asked.with_values(why, **{CONTEXT: (parts - 1 - index) * step})
        if not blocks_free:
            return shorter
        fewest = max(each.num_useful for each in shorter.layouts)
        return shorter.with_values(why, **{BLOCKS: fewest})

    found = _first_that_fits(parts - least, at, surely=surely)
    if found is None or not blocks_free:
        return found
    length = int(found.base.mapping[CONTEXT])
    return _most_blocks(asked.with_values(why, **{CONTEXT: length}), surely=surely)


def _first_that_fits(
    count: int, at: Callable[[int], Deployment], *, surely: bool
) -> Deployment | None:
    """Return the first that fits; every later one takes less."""
    order = range(max(count, 0))
    index = bisect_left(order, 1, key=lambda each: int(at(each).fits(surely=surely)))
    return at(index) if index < len(order) else None


def _room(asked: Deployment, *, surely: bool) -> str:
    """Say what has to be left of a device."""
    if asked.allowed_bytes is not None:
        return "the rest of --memory-budget to everything else"
    if not surely:
        return "room for the rest by estimate"
    return f"1/{MARGIN} of each device for what was never measured"


def _with_base(known: Sequence[Assumption], base: BaseConfig) -> tuple[Assumption, ...]:
    """Return assumptions with those of the base as it is emitted."""
    rows = {
        name: Assumption(
            name=name, value=value, status=cast("Status", status), source=source
        )
        for name, value, status, source in base.assumptions()
    }
    replaced = tuple(rows.pop(each.name, each) for each in known)
    return (*replaced, *rows.values())


def _decoder_saving(decoder: Decoder | None, base: BaseConfig) -> float:
    """Return what the planned decoder graphs save against those in the base."""
    if decoder is None or decoder.saving is None:
        return 0.0
    today = base.mapping.get("decoder_batch_sizes") or [base.mapping.get("batch_size")]
    return 0.0 if list(decoder.decoder_batch_sizes) == today else decoder.saving
