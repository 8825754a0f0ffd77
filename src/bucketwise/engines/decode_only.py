"""What engines share whose one list to choose is that of their decode graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bucketwise.core.analysis import Analysis
from bucketwise.core.decoder.beside_own import OwnSizes, beside_own
from bucketwise.core.decoder.decoder_plan import OTHER_BATCH_SIZE
from bucketwise.core.decoder.pricing import GPU_DEVICE
from bucketwise.core.plan import Assumption, Reason, Verdict, sizes_to_set
from bucketwise.engines.catalogue import Catalogue
from bucketwise.errors import ConfigError
from bucketwise.nouns.document import GivenConfig
from bucketwise.nouns.engine import Device, Engine, Target
from bucketwise.nouns.profile import ModelProfile

NO_LOAD = (
    "No load of the decoder was given, and there is nothing else to choose: --activity "
    "reads one."
)

_FOREIGN = {
    "devices": "--devices",
    "kvcache_partition_len": "--kvcache-partition-len",
    "max_seq_len": "--max-seq-len",
    "npu": "--npu",
}
"""What is set over the configurations of other engines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBase:
    """What was given to start from, and nothing else."""

    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def mapping(self) -> dict[str, Any]:
        """What it says, as JSON values."""
        return dict(self.given)

    def assumed(self) -> Sequence[Any]:
        """Return nothing: no emitted file holds what was assumed."""
        return ()

    def assumptions(self) -> tuple[tuple[str, str, str, str], ...]:
        """Return nothing: it holds what was given."""
        return ()

    def gives(self, key: str) -> bool:
        """Return whether somebody gave the value of that name."""
        return key in self.given


def base_of(
    family: str, given: GivenConfig | None, over: Mapping[str, Any]
) -> GivenBase:
    """Return what emitted configurations start from.

    Raises
    ------
    ConfigError
        Where something is set over it that the engine has no setting for.
    """
    del family
    foreign = [option for name, option in _FOREIGN.items() if name in over]
    if foreign:
        message = f"{', '.join(foreign)}: no setting of this engine; leave it out"
        raise ConfigError(message)
    return GivenBase(given=given.mapping if given else {})


def base_to_emit(
    analysis: Analysis, base: object, targets: Sequence[Target]
) -> GivenBase:
    """Return what was given, else nothing."""
    del targets
    own = base if isinstance(base, GivenBase) else analysis.base
    return own if isinstance(own, GivenBase) else GivenBase()


def as_run(profile: ModelProfile) -> ModelProfile:
    """Return a model without a published deployment, which sets limits."""
    return replace(profile, deployment=None, window_patches=0)


def device_of(name: str | None) -> tuple[Device, bool]:
    """Return a GPU: only the ratio of its peaks matters."""
    return GPU_DEVICE, name is None


def deployed(
    analysis: Analysis, base: object, targets: Sequence[Target], min_saving: float
) -> Analysis:
    """Judge the decode graphs beside the engine's own; of the ViT nothing is judged."""
    engine, plan = analysis.release.engine, analysis.plan
    key, slots = engine.decoder_keys
    reason = Reason(id="no-load", severity="note", words=NO_LOAD)
    told: tuple[Assumption, ...] = ()
    if plan.decoder:
        size = plan.decoder.batch_size
        own = OwnSizes(
            key=key,
            sizes=engine.usual_graphs(size),
            one_more="a graph on a GPU costs little",
        )
        kept, reason = beside_own(plan.decoder, analysis.steps, own, min_saving)
        plan = replace(plan, decoder=kept)
        if plan.provenance.options.get("batch_size") is None:
            source = f"the largest graph that {engine.name} captures by itself; --batch-size sets it"
            row = Assumption(
                name=slots, value=str(size), status="assumed", source=source
            )
            told = (row,)
    left = {*plan.visual.warnings}
    plan = replace(
        plan,
        verdict=Verdict(
            call="go" if sizes_to_set(plan.decoder) else "keep",
            reasons=(
                reason,
                Reason(id="no-lengths", severity="note", words=engine.no_lengths),
            ),
        ),
        visual=replace(plan.visual, warnings=()),
        confidence=None,
        warnings=tuple(
            each
            for each in plan.warnings
            if each not in left and each.id != OTHER_BATCH_SIZE
        ),
        assumptions=(*plan.assumptions, *told),
    )
    base = base_to_emit(analysis, base, targets)
    return replace(analysis, plan=plan, base=base)


def decode_engine(catalogue: Catalogue, name: str, **own: Any) -> Engine:
    """Return an engine with no list of ViT lengths; `own` are its other fields."""
    newest = catalogue.targets[-1]
    return Engine(
        name=name,
        sdk=newest.sdk,
        server=newest.sdk,
        newest=newest.version,
        largest_published=1 << 20,
        unit="vit_patches",
        overflow="eager",
        cost="linear",
        most_lengths=2,
        as_run=as_run,
        compiles=lambda _: True,
        targets_of=catalogue.of,
        device_of=device_of,
        lists_to_set=lambda _: (),
        pick=catalogue.pick,
        named=catalogue.named,
        base_of=base_of,
        deploy=deployed,
        base_to_emit=base_to_emit,
        unit_note=f"{name} runs the ViT on the exact patches of its images.",
        length_bytes=lambda _, __: 0,
        unmasked="nothing",
        **own,
    )
