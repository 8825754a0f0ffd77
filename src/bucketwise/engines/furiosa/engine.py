"""FuriosaAI as an engine: buckets built in, so that the image limit is what to choose."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bucketwise.core.plan import Plan
from bucketwise.engines.catalogue import Catalogue
from bucketwise.engines.decode_only import base_of
from bucketwise.engines.furiosa.buckets import PRESETS, limits_of, presets_of
from bucketwise.engines.furiosa.limits import deployed
from bucketwise.engines.furiosa.rules import IMAGES, MAX, MIN, RULES
from bucketwise.lint.case import LintCase, judge
from bucketwise.nouns.engine import Device, Engine, Lint, Target
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.vocabulary import Vocabulary

SDK = "furiosa-llm"

CATALOGUE = Catalogue(
    (
        Target(
            sdk=SDK,
            version="2026.4.0",
            covers="furiosa-llm 2026.4",
            releases=((2026, 4, 0),),
        ),
    )
)

NO_LENGTHS = (
    "The lengths are built into furiosa-llm and cannot be set; what to choose is "
    "max_pixels (furiosa-llm serve --mm-processor-kwargs)."
)

RNGD = Device(
    name="RNGD",
    dram_bytes_per_s=1.5e12,
    flop_per_s=256e12,
    source="FuriosaAI's product page of RNGD",
)


def as_run(profile: ModelProfile) -> ModelProfile:
    """Return a model under the limits of a server where nobody sets any."""
    buckets = presets_of(profile)
    limits = limits_of(profile, buckets) if buckets else None
    return replace(profile, deployment=limits)


def refusal(profile: ModelProfile) -> str:
    """Return that no buckets of a model are known; "" where they are."""
    if presets_of(profile):
        return ""
    known = ", ".join(PRESETS)
    return (
        f"No vision buckets of {profile.name} are known in {SDK}: those of {known} are."
    )


def emit(plan: Plan, base: object, targets: Sequence[Target]) -> dict[str, str]:
    """Return nothing: no release takes lengths, and limits are told on the page."""
    del plan, base, targets
    return {}


FURIOSA = Engine(
    name="FuriosaAI",
    sdk=SDK,
    server=SDK,
    newest=CATALOGUE.targets[-1].version,
    largest_published=65_536,
    unit="vit_patches",
    overflow="shrinks",
    proof="run, its own converter chose buckets and limits as here; no device was used",
    cost="flops",
    most_lengths=4,
    own_batch_size=None,
    decoder_keys=("tokenwise-buckets", "sequences at once"),
    context_key="max_model_len",
    as_run=as_run,
    compiles=lambda _: True,
    refusal=refusal,
    targets_of=CATALOGUE.of,
    usual_graphs=lambda batch_size: (batch_size,),
    device_of=lambda name: (RNGD, name is None),
    lists_to_set=lambda _: (),
    pick=CATALOGUE.pick,
    named=CATALOGUE.named,
    base_of=base_of,
    deploy=deployed,
    base_to_emit=lambda _, base, __: base,
    emit=emit,
    emitted=re.compile(r"(?!)"),
    lint=Lint(rules=lambda: RULES, case=LintCase, judge=judge),
    vocabulary=Vocabulary(
        sdk=SDK,
        settings=frozenset({MIN, MAX, IMAGES}),
        signs=re.compile(r"\bfuriosa-llm\b"),
        pin=re.compile(r"\bfuriosa-llm\s*==\s*(\d+(?:\.\d+)+)"),
        release=re.compile(r"\bfuriosa-llm-(\d+(?:\.\d+)+)"),
    ),
    unit_note="A bucket of furiosa-llm counts ViT patches, before the merge.",
    length_bytes=lambda _, __: 0,
    unmasked="nothing",
    no_lengths=NO_LENGTHS,
    fixed_lengths=presets_of,
)
