"""An engine of a few lines: what one has to say of itself, and nothing of another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import Plan
from bucketwise.core.verdict import Grounds, verdict_of
from bucketwise.engines.measure_script import measure_script
from bucketwise.lint.case import LintCase, judge
from bucketwise.lint.finding import Finding, Fix, Rule
from bucketwise.nouns.document import Document
from bucketwise.nouns.engine import Device, Engine, Lint, ListToSet, Target
from bucketwise.nouns.measuring import Measuring, ToMeasure
from bucketwise.nouns.vocabulary import Vocabulary

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
    shapes = json.dumps({"vision": {"shapes": plan.visual.vit_max_seq_lens}})
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


def lengths_in(document: Document) -> tuple[int, ...] | None:
    shapes = document.config.get("vision", {}).get("shapes")
    return tuple(sorted(shapes)) if shapes else None


WORDS = Vocabulary(
    sdk="demo",
    settings=frozenset({"vision"}),
    lengths=("vision", "shapes"),
    release=re.compile(r"demo-(\d+\.\d+)"),
    lengths_in=lengths_in,
)


def unsorted(case: LintCase) -> Iterator[Finding]:
    """Shapes that do not ascend."""
    shapes = case.document.config["vision"]["shapes"]
    if list(shapes) != sorted(shapes):
        path = ("vision", "shapes")
        yield Finding(
            severity="error",
            path=path,
            found=f"{shapes}",
            why=f"{case.release.engine.name} {case.release.name} takes ascending shapes",
            right=f"{sorted(shapes)}",
            fixes=(Fix(path=path, action="set", value=sorted(shapes)),),
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


RUN = '''

def vit(patches):
    """Stand for a device: a run takes as long as its patches say, and some end badly."""
    if patches == DAMAGED:
        raise ValueError("no such graph:\\n=1+1")
    if patches == KILLED:
        os.kill(os.getpid(), 9)
    return lambda: seconds_of(time.sleep, patches * 1e-7), lambda: {"device": "a chip"}
'''


def measuring(asked: ToMeasure) -> str:
    damaged, killed = asked.lengths[1:3]
    constants = {"DAMAGED": damaged, "KILLED": killed}
    return measure_script(asked, ("A test.",), (), constants, RUN)


DEMO = Engine(
    name="Demo",
    sdk="demo",
    server="demo-serve",
    newest="1.0",
    largest_published=100_000,
    unit="vit_patches",
    overflow="raises",
    proof="none",
    cost="flops",
    most_lengths=4,
    own_batch_size=None,
    decoder_keys=("decoder_batch_sizes", "batch_size"),
    as_run=lambda profile: profile,
    compiles=lambda _: True,
    targets_of=lambda _: (TARGET,),
    mask_bytes=lambda length: 4 * length,
    usual_graphs=lambda batch_size: (batch_size,),
    device_of=lambda _: (CHIP, True),
    lists_to_set=lists_to_set,
    pick=pick,
    named=lambda _: (TARGET,),
    base_of=lambda _, __, ___: DemoBase(),
    deploy=deploy,
    base_to_emit=lambda _, __, ___: DemoBase(),
    emit=emit,
    measuring=Measuring(script=measuring, proof="run, by a test"),
    emitted=re.compile(r"demo-[\d.]+/shapes\.json"),
    lint=Lint(
        rules=lambda: (Rule("shapes/unsorted", unsorted),),
        case=LintCase,
        judge=judge,
    ),
    vocabulary=WORDS,
    unit_note="A length of this engine is in ViT patches.",
    length_bytes=lambda _, length: 8 * length,
    unmasked="all of it",
)
