"""What memory follows from, as plain numbers: so that a page can add it up by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bucketwise.core.analysis import Analysis
from bucketwise.core.language_model import state_values
from bucketwise.engines.rbln.attention import context_step, limits_of
from bucketwise.engines.rbln.base_config import BaseConfig, Overrides, with_overrides
from bucketwise.engines.rbln.devices import device_of, splits_models
from bucketwise.engines.rbln.fitting import Deployment
from bucketwise.engines.rbln.keys import BLOCKS
from bucketwise.engines.rbln.kv_cache import (
    ALIGN_BYTES,
    BATCH_FLOOR_SINCE,
    sliding_bytes,
    tensor_bytes,
)
from bucketwise.engines.rbln.memory.layout import Layout
from bucketwise.engines.rbln.memory.sums import MARGIN, Sums
from bucketwise.engines.rbln.memory.terms import (
    BYTES_PER_VALUE,
    GRAPH_BUFFER_BYTES,
    language_model_terms,
    vit_terms,
)
from bucketwise.engines.rbln.releases import NEWEST
from bucketwise.engines.rbln.shapes import extra_windows
from bucketwise.engines.rbln.targets import RblnTarget
from bucketwise.nouns.profile import LmShape, ModelProfile

DEVICE_COUNTS = (1, 2, 4, 8, 16)
"""Devices that are offered beside those of the plan; published configurations have no
more."""


def coefficients(
    analysis: Analysis, base: BaseConfig, targets: Sequence[RblnTarget]
) -> dict[str, Any] | None:
    """Return what memory follows from; None where too little is known.

    `report/scripts/fit.js` adds up as `memory/sums.py` does, and chooses the cache's
    blocks as `fitting.py` does.
    """
    profile = analysis.profile
    layouts = _layouts(analysis, base, targets)
    if profile.lm is None or not layouts:
        return None
    layout, family = layouts[-1], profile.family
    step, least = context_step(layout.partition)
    npu = limits_of(layout.npu, NEWEST)
    chosen = any(
        each.path == (BLOCKS,) and each.origin == "derived" for each in base.values
    )
    sums = Sums.of(profile, layout)
    counts = {layout.devices, *(DEVICE_COUNTS if splits_models(layout.npu) else ())}
    others = {
        count: _layouts(
            analysis, with_overrides(base, family, Overrides(devices=count)), targets
        )
        for count in sorted(counts - {layout.devices})
    }
    return {
        "context": layout.max_seq_len,
        "context_step": step,
        "context_least": step * least,
        "context_most": None if layout.flash else npu.max_eager_seq_len,
        "batch": layout.batch_size,
        "sizes": layout.decoder_batch_sizes,
        "generates": layout.generates,
        "devices": layout.devices,
        "device": device_of(layout.npu)[0].name,
        "partition": layout.partition,
        "blocks": 0 if chosen else layout.blocks,
        "blocks_free": chosen or (layout.is_auto and layout.memory_budget is None),
        "usable_bytes": sums.usable_bytes,
        "budget_bytes": sums.budget_bytes,
        "align_bytes": ALIGN_BYTES,
        "graph_bytes": GRAPH_BUFFER_BYTES,
        "margin": MARGIN,
        "releases": [
            {
                "extra": profile.window_patches**2
                * (
                    extra_windows(family, own.version)
                    - extra_windows(family, layout.version)
                ),
                "batch_floor": own.version >= BATCH_FLOOR_SINCE,
                "chiplets": sums.dram.parts(own.version)[0],
                "on": {
                    count: _held(profile, profile.lm, found[at])
                    for count, found in ({layout.devices: layouts} | others).items()
                    if found
                },
            }
            for at, own in enumerate(layouts)
        ],
    }


def _layouts(
    analysis: Analysis, base: BaseConfig, targets: Sequence[RblnTarget]
) -> tuple[Layout, ...]:
    """Return how the plan is laid out for each dialect; () where one does not tell."""
    deployment = Deployment(analysis=analysis, base=base, targets=tuple(targets))
    found = deployment.layouts
    return found if len(found) == len(targets) else ()


def _held(profile: ModelProfile, shape: LmShape, layout: Layout) -> dict[str, Any]:
    """Return what one device holds, apart from what an edit changes."""
    terms = language_model_terms(shape, layout)
    certain, assumed = (
        sum(each.device_bytes for each in terms if (each.status == "assumed") is guess)
        for guess in (False, True)
    )
    state = state_values(shape) * BYTES_PER_VALUE
    states = math.ceil(state * layout.batch_size / layout.devices)
    weights, *_ = vit_terms(profile, layout)
    language_model, vit = set(layout.language_model_ids), set(layout.vit_ids)
    groups = (
        ((True, True), language_model & vit),
        ((True, False), language_model - vit),
        ((False, True), vit - language_model),
    )
    return {
        "certain_bytes": certain
        - sliding_bytes(shape, layout.batch_size, layout.devices),
        "assumed_bytes": assumed - states - GRAPH_BUFFER_BYTES * layout.graphs,
        "state_bytes": state,
        "cache": [
            (2 * each.layers, tensor_bytes(each, 1, layout.devices))
            for each in shape.full
        ],
        "sliding": [
            (2 * each.layers, tensor_bytes(each, each.window_tokens, layout.devices))
            for each in shape.sliding
        ],
        "vit_bytes": weights.device_bytes,
        "vit_devices": layout.visual_devices,
        "pools": [holds for holds, ids in groups if ids],
    }
