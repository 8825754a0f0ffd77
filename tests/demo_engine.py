"""An engine of a few lines: what one has to say of itself, and nothing of another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import Plan
from bucketwise.core.verdict import Grounds, verdict_of
from bucketwise.nouns.engine import Device, Engine, ListToSet, Target

TARGET = Target(sdk="demo", version="1.0", covers="demo 1.0", releases=((1, 0),))
CHIP = Device(name="a chip", dram_bytes_per_s=1e12, flop_per_s=1e14, source="a test")


def pick(family: str, names: Iterable[str]) -> tuple[Target, ...]:
    del family, names
    return (TARGET,)


def deploy(
    analysis: Analysis, base: object, targets: Sequence[Target], min_saving: float
) -> Analysis:
    del base, targets
    verdict = verdict_of(analysis.plan, Grounds(min_saving=min_saving))
    return replace(analysis, plan=replace(analysis.plan, verdict=verdict))


def emit(plan: Plan, base: object, targets: Sequence[Target]) -> dict[str, str]:
    del base
    shapes = json.dumps({"shapes": plan.visual.vit_max_seq_lens})
    return {f"{target.folder}/shapes.json": shapes for target in targets}


def lists_to_set(plan: Plan) -> tuple[ListToSet, ...]:
    return (
        ListToSet(
            level="vision",
            key="shapes",
            lengths=plan.visual.vit_max_seq_lens,
            first="1.0",
            last="1.0",
            is_oldest=True,
            is_newest=True,
        ),
    )


class DemoBase:
    """A configuration in which everything was given."""

    @property
    def mapping(self) -> dict[str, Any]:
        return {}

    def assumed(self) -> Sequence[Any]:
        return ()

    def assumptions(self) -> tuple[tuple[str, str, str, str], ...]:
        return ()

    def gives(self, key: str) -> bool:
        del key
        return True


def nothing(*_: Any) -> Any:
    return None


DEMO = Engine(
    name="Demo",
    sdk="demo",
    server="demo-serve",
    newest="1.0",
    largest_published=100_000,
    compiles=lambda _: True,
    refusal=lambda _: "",
    generates=lambda _: True,
    targets_of=lambda _: (TARGET,),
    extra_windows=lambda _, __: 0,
    mask_bytes=lambda length: 4 * length,
    picks_smaller_graphs=lambda _: True,
    usual_graphs=lambda batch_size: (batch_size,),
    graph_rules=lambda _, __: (),
    device_of=lambda _: (CHIP, True),
    context_step=lambda partition: (partition or 1, 1),
    lists_to_set=lists_to_set,
    nested_lists=lambda _: (),
    files_to_edit=lambda _, __, ___: (),
    pick=pick,
    named=lambda _: (TARGET,),
    settings_of=lambda _, __: {},
    deploy=deploy,
    base_to_emit=lambda _, __, ___: DemoBase(),
    emit=emit,
    memory_with=lambda _, __, ___: (None, None),
    memory_coefficients=nothing,
    judge_in_service=nothing,
    unit_note="A length of this engine is in ViT patches.",
    window_note=lambda _: "",
    length_bytes=lambda _, length: 8 * length,
)
