"""What each device holds: counted towers, the vendor's layouts, and laws."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.memory import MemoryPlan, plan_lines
from bucketwise.core.tower import (
    device_parameters,
    host_parameters,
    projector_parameters,
)
from bucketwise.engines.rbln.kv_cache import aligned, kv_bytes, sliding_bytes
from bucketwise.engines.rbln.memory.layout import Layout
from bucketwise.engines.rbln.memory.remedies import preflight
from bucketwise.engines.rbln.memory.terms import language_model_terms, vit_terms
from bucketwise.errors import ConfigError
from bucketwise.read.configs.profiles import built_in_profiles

MIB, GIB = 2**20, 2**30
MODELS = {name: each for name, each in built_in_profiles().items() if each.lm}

# Parameters of model.visual of each checkpoint's class, counted on torch's meta device
# (transformers 5.23.0, EXAONE's 5.15.1; torch 2.13.0). Of Gemma4 its vision_tower and
# embed_vision (5.15.1).
TOWERS = {
    "qwen2-vl-2b": 665_271_296,
    "qwen2-vl-7b": 675_759_104,
    "qwen2-vl-72b": 699_356_672,
    "qwen2.5-vl-3b": 668_684_288,
    "qwen2.5-vl-7b": 676_550_144,
    "qwen2.5-vl-32b": 688_841_984,
    "qwen2.5-vl-72b": 704_573_696,
    "qwen3-vl-2b": 406_957_056,
    "qwen3-vl-4b": 415_347_712,
    "qwen3-vl-8b": 576_388_336,
    "qwen3-vl-32b": 595_266_800,
    "qwen3-vl-30b-a3b": 538_631_408,
    "qwen3-vl-235b-a22b": 576_388_336,
    "qwen3.5-4b": 333_514_240,
    "qwen3.5-9b": 456_010_480,
    "qwen3.5-27b": 460_730_096,
    "qwen3.5-35b-a3b": 446_571_248,
    "cosmos-reason1-7b": 676_550_144,
    "cosmos-reason2-2b": 406_957_056,
    "cosmos-reason2-8b": 576_388_336,
    "exaone-4.5-33b": 1_286_482_944,
    "colqwen2-v1.0-hf": 665_271_296,
    "gemma-4-e2b": 168_544_256,
    "gemma-4-e4b": 169_330_688,
    "gemma-4-26b-a4b": 572_792_112,
    "gemma-4-31b": 575_741_232,
}

# RBLN Model Zoo, qwen3-vl-2b, compile.py, with the three lengths of the vendor's guide.
ZOO = Layout(
    version=(0, 12, 0),
    lengths=(1_024, 4_096, 16_384),
    max_seq_len=262_144,
    partition=16_384,
    devices=8,
    visual_devices=8,
    npu="RBLN-CA25",
)
REBEL = replace(ZOO, devices=1, visual_devices=1, partition=8_192, npu="RBLN-CR13")
OWN_DEVICES = tuple(range(8, 16))

names = st.sampled_from(sorted(MODELS))
lengths = st.lists(
    st.integers(1, 512).map(lambda n: 64 * n), min_size=1, max_size=5, unique=True
)


# RBLN Model Zoo, gemma-4-31b-bucketing, compile.py.
GEMMA = replace(
    ZOO, lengths=(384, 640, 1_152), soft_tokens=(70, 140, 280, 560, 1_120), devices=16
)
# Tensors of the cache by kind, full and sliding: how many, heads, tokens of a block, width
# of a head. What _update_rbln_config of RBLNGemma4ForCausalLM asks for with each
# checkpoint's dimensions and partitions of 16,384 (optimum-rbln 0.12.0, transformers
# 5.15.1); blocks come first in their shapes, of sliding ones a sequence each.
CACHES = {
    "gemma-4-e2b": ((14, 1, 16_384, 512), (56, 1, 512, 256)),
    "gemma-4-e4b": ((14, 2, 16_384, 512), (70, 2, 512, 256)),
    "gemma-4-26b-a4b": ((10, 2, 16_384, 512), (50, 8, 1_024, 256)),
    "gemma-4-31b": ((20, 4, 16_384, 512), (100, 16, 1_024, 256)),
}
soft_names = st.sampled_from(sorted(CACHES))


def plan_of(name: str, layout: Layout) -> MemoryPlan:
    return preflight(MODELS[name], counted(name, layout))


def counted(name: str, layout: Layout) -> Layout:
    """Return a layout with counts of soft tokens where the model has them."""
    soft = layout.soft_tokens or (70, 280)
    return replace(layout, soft_tokens=soft if MODELS[name].soft_tokens else ())


def terms_bytes(name: str, layout: Layout) -> int:
    """Return what language model and ViT take of a device, the cache apart."""
    profile, layout = MODELS[name], counted(name, layout)
    assert profile.lm is not None
    terms = (*language_model_terms(profile.lm, layout), *vit_terms(profile, layout))
    return sum(term.device_bytes for term in terms)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    partition = draw(st.sampled_from([None, 4_096, 16_384]))
    return Layout(
        version=draw(st.sampled_from([(0, 10, 4), (0, 12, 0)])),
        lengths=tuple(draw(lengths)),
        max_seq_len=draw(st.integers(2, 16)) * (partition or 2_048),
        batch_size=draw(st.integers(1, 16)),
        partition=partition,
        devices=draw(st.integers(1, 16)),
        visual_devices=draw(st.integers(1, 8)),
        npu=draw(st.sampled_from([None, "RBLN-CA25", "RBLN-CR13"])),
        blocks=draw(st.sampled_from([0, 0, 5, 200])),
    )


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_tower_on_device_and_host_is_the_tower_of_the_real_class(name: str) -> None:
    profile = MODELS[name]
    beside = host_parameters(profile) + projector_parameters(profile)
    assert device_parameters(profile) + beside == TOWERS[name]


def test_the_published_configuration_fits_where_it_is_published_to_run() -> None:
    plan = plan_of("qwen3-vl-2b", ZOO)
    assert plan.verdict == "fits"
    assert plan.changes == ()
    assert plan.blocks.taken == plan.blocks.num_full == 16
    [pool] = plan.pools
    cache = next(term for term in pool.terms if term.name.startswith("cache"))
    assert cache.device_bytes == 16 * 224 * MIB
    assert cache.status == "derived"
    assert plan_of("qwen3-vl-2b", REBEL).verdict == "fits"


@pytest.mark.parametrize("layout", [ZOO, REBEL], ids=["ATOM", "Rebel100"])
def test_batch_8_needs_devices_of_its_own_for_the_vit_as_the_guide_says(
    layout: Layout,
) -> None:
    # RBLN documentation 0.12.0, software/optimum/troubleshoot/multi_module_vl: 16 ATOM,
    # or 2 Rebel100, for batch_size 8.
    layout = replace(layout, batch_size=8)
    plan = plan_of("qwen3-vl-2b", layout)
    assert plan.verdict != "fits"
    assert plan.lacks_bytes > 0
    assert plan.blocks.taken < plan.blocks.num_full
    apart = tuple(range(layout.devices, 2 * layout.devices))
    assert plan_of("qwen3-vl-2b", replace(layout, visual_device_ids=apart)).verdict == (
        "fits"
    )
    assert {change.path for change in plan.changes} >= {
        ("kvcache_num_blocks",),
        ("visual", "device"),
        ("max_seq_len",),
        ("batch_size",),
    }


def test_the_guides_128_blocks_fit_nowhere() -> None:
    layout = replace(ZOO, batch_size=8, blocks=128, visual_device_ids=OWN_DEVICES)
    plan = plan_of("qwen3-vl-2b", layout)
    assert plan.verdict == "does not fit"
    assert plan.blocks.taken_bytes == 28 * GIB
    assert 17 <= plan.blocks.most < 71
    [fewer, *_] = plan.changes
    assert fewer.path == ("kvcache_num_blocks",)
    assert plan_of("qwen3-vl-2b", replace(layout, blocks=fewer.value)).verdict == "fits"


def test_the_sdk_takes_what_the_language_model_alone_leaves() -> None:
    shared = plan_of("qwen3-vl-2b", replace(ZOO, batch_size=8))
    apart = plan_of(
        "qwen3-vl-2b", replace(ZOO, batch_size=8, visual_device_ids=OWN_DEVICES)
    )
    assert shared.blocks.taken == apart.blocks.taken
    assert shared.blocks.most < shared.blocks.taken == apart.blocks.most
    assert apart.pools[0].device_bytes <= apart.usable_bytes
    left = apart.usable_bytes - apart.pools[0].device_bytes
    assert left < apart.blocks.device_bytes


def test_a_budget_leaves_room_for_the_vit() -> None:
    layout = replace(ZOO, batch_size=8, memory_budget=0.6)
    plan = plan_of("qwen3-vl-2b", layout)
    assert plan.verdict == "fits"
    assert (
        plan.blocks.taken
        < plan_of("qwen3-vl-2b", replace(ZOO, batch_size=8)).blocks.taken
    )


def test_a_budget_the_sdk_refuses_ends_in_an_error() -> None:
    with pytest.raises(ConfigError, match="memory_budget"):
        plan_of("qwen3-vl-2b", replace(ZOO, memory_budget="0.8"))


def test_weights_beyond_the_memory_do_not_fit_whatever_is_changed() -> None:
    plan = plan_of("qwen3-vl-235b-a22b", ZOO)
    assert plan.verdict == "does not fit"
    assert plan.blocks.most == 0
    assert plan.blocks.fit.verdict == "does not fit"
    assert plan.changes == ()


def test_quantized_weights_take_their_bits() -> None:
    whole = plan_of("qwen3-vl-32b", ZOO).pools[0].terms[0].device_bytes
    fourth = plan_of("qwen3-vl-32b", replace(ZOO, weight_bits=4)).pools[0].terms[0]
    assert whole / 4 == pytest.approx(fourth.device_bytes, rel=0.05)


def test_a_vit_on_the_first_device_alone_makes_two_pools() -> None:
    plan = plan_of("qwen2.5-vl-7b", replace(ZOO, max_seq_len=114_688, visual_devices=1))
    assert [(pool.name, len(pool.device_ids)) for pool in plan.pools] == [
        ("language model and ViT", 1),
        ("language model", 7),
    ]


def test_windows_have_a_mask_of_their_own() -> None:
    layout = replace(ZOO, lengths=(6_400,), visual_devices=1)
    windowed, plain = (
        vit_terms(MODELS[name], layout)[1].device_bytes
        for name in ("qwen2.5-vl-7b", "qwen2-vl-7b")
    )
    assert windowed - plain == 2 * 6_400 * 64


def test_the_state_of_linear_attention_grows_with_the_batch_alone() -> None:
    def state(batch: int) -> int:
        plan = plan_of("qwen3.5-27b", replace(ZOO, batch_size=batch))
        [term] = [term for term in plan.pools[0].terms if "state" in term.name]
        assert term.status == "assumed"
        return term.device_bytes

    assert state(8) == pytest.approx(8 * state(1), rel=1e-6)


def test_without_flash_attention_all_blocks_are_taken() -> None:
    layout = replace(ZOO, max_seq_len=32_768, partition=None, batch_size=4, devices=1)
    plan = plan_of("qwen2-vl-7b", replace(layout, visual_devices=1))
    assert plan.blocks.taken == 4
    assert plan.blocks.tokens == 32_768
    assert plan.verdict == "does not fit"
    assert ("kvcache_num_blocks",) not in {change.path for change in plan.changes}


def test_changes_are_written_in_the_words_of_the_release() -> None:
    layout = replace(
        ZOO, version=(0, 10, 3), lengths=(65_536, 49_152), visual_devices=1
    )
    plan = plan_of("qwen2-vl-2b", replace(layout, batch_size=2, visual_device_ids=(8,)))
    paths = {change.path for change in plan.changes}
    assert ("visual", "max_seq_lens") in paths
    two = replace(ZOO, version=(0, 10, 4), max_seq_len=32_768, devices=2, batch_size=4)
    assert ("tensor_parallel_size",) in {
        change.path for change in plan_of("qwen3-vl-8b", two).changes
    }


def test_what_nobody_named_is_noted() -> None:
    one = replace(ZOO, npu=None, devices=1, visual_devices=1, max_seq_len=32_768)
    assert plan_of("qwen3-vl-2b", one).device_assumed
    several = plan_of("qwen3-vl-2b", replace(ZOO, npu=None))
    assert not several.device_assumed
    assert several.notes
    old = plan_of("qwen3-vl-2b", replace(ZOO, npu="RBLN-CA12"))
    assert "RBLN-CA12" in old.notes[0]
    assert "chiplets" in plan_of("qwen3-vl-2b", REBEL).notes[0]


def test_an_unknown_language_model_is_an_error() -> None:
    with pytest.raises(ConfigError, match="language model is not known"):
        preflight(replace(MODELS["qwen3-vl-2b"], lm=None), ZOO)


def test_a_layout_names_everything_that_is_out_of_range() -> None:
    with pytest.raises(ConfigError) as caught:
        Layout(
            version=(0, 12, 0),
            lengths=(0,),
            max_seq_len=100,
            batch_size=0,
            decoder_batch_sizes=(0,),
            partition=1_024,
            devices=0,
            device_ids=(1, 1),
            visual_device_ids=(0, 1),
            blocks=-1,
        )
    assert len(caught.value.problems) == 8
    with pytest.raises(ConfigError, match="at most 1,024"):
        replace(ZOO, devices=100_000)


def test_the_lines_tell_every_term_and_change() -> None:
    plan = plan_of("qwen3-vl-2b", replace(ZOO, batch_size=8, npu=None))
    text = "\n".join(plan_lines(plan))
    assert all(term.name in text for pool in plan.pools for term in pool.terms)
    assert all(change.words in text for change in plan.changes)
    assert "17 is the fewest that compile and 128 the most ever used" in text


@given(names, layouts())
def test_terms_add_up_and_certain_is_never_above_what_is_there(
    name: str, layout: Layout
) -> None:
    plan = plan_of(name, layout)
    for pool in plan.pools:
        assert pool.device_bytes == sum(term.device_bytes for term in pool.terms)
        assert pool.fit.needed_bytes <= pool.device_bytes
    held = sorted(number for pool in plan.pools for number in pool.device_ids)
    assert held == sorted({*layout.language_model_ids, *layout.vit_ids})
    assert plan.blocks.num_min <= plan.blocks.num_full
    assert plan.blocks.most <= plan.blocks.num_full
    assert plan.verdict == "fits" or plan.lacks_bytes >= 0
    if plan.verdict == "fits":
        assert plan.lacks_bytes == 0


@given(names, layouts())
def test_more_devices_never_take_more_of_each(name: str, layout: Layout) -> None:
    fixed = replace(layout, blocks=layout.blocks or 7)
    more = replace(fixed, devices=2 * fixed.devices)
    if not fixed.flash:
        fixed, more = replace(fixed, blocks=0), replace(more, blocks=0)
    [one, *_] = plan_of(name, fixed).pools
    [other, *_] = plan_of(name, more).pools
    assert other.device_bytes <= one.device_bytes


@given(names, layouts(), st.integers(1, 300))
def test_one_more_length_never_takes_less(
    name: str, layout: Layout, added: int
) -> None:
    more = replace(layout, lengths=(*layout.lengths, 64 * added))
    before, after = (terms_bytes(name, each) for each in (layout, more))
    assert after > before


@given(soft_names, layouts(), st.sampled_from([70, 140, 280, 560, 1_120]))
def test_one_more_count_never_takes_less(name: str, layout: Layout, added: int) -> None:
    before = replace(layout, soft_tokens=(70,))
    more = replace(layout, soft_tokens=(70, added))
    assert terms_bytes(name, more) > terms_bytes(name, before)


@given(soft_names, st.integers(1, 9), st.integers(1, 20), st.integers(1, 16))
def test_the_cache_is_that_of_the_tensors_the_class_asks_for(
    name: str, batch_size: int, blocks: int, devices: int
) -> None:
    shape = MODELS[name].lm
    assert shape is not None
    full, sliding = (
        count * aligned(n * -(-heads // devices) * tokens * head_dim * 2)
        for (count, heads, tokens, head_dim), n in zip(
            CACHES[name], (blocks, batch_size), strict=True
        )
    )
    assert kv_bytes(shape, 16_384, blocks, devices) == full
    assert sliding_bytes(shape, batch_size, devices) == sliding


@pytest.mark.parametrize("name", ["gemma-4-26b-a4b", "gemma-4-31b"])
def test_the_zoos_layout_of_gemma4_fits(name: str) -> None:
    plan = plan_of(name, GEMMA)
    assert plan.verdict == "fits"
    assert plan.blocks.taken == plan.blocks.num_full == 16
    assert [(pool.name, len(pool.device_ids)) for pool in plan.pools] == [
        ("language model and ViT", 8),
        ("language model", 8),
    ]
    one = replace(GEMMA, devices=1, visual_devices=1, max_seq_len=32_768)
    assert plan_of(name, one).verdict == "does not fit"


def test_values_that_are_keys_are_copied_and_that_is_no_certainty() -> None:
    plan = plan_of("gemma-4-31b", GEMMA)
    [copied] = [each for each in plan.pools[0].terms if "copied" in each.name]
    assert copied.device_bytes == 10 * 5_376 * 4 * 512 * 2 // 16
    assert copied.status == "assumed"


@given(names, layouts())
def test_a_change_that_is_offered_makes_it_fit_better(
    name: str, layout: Layout
) -> None:
    plan = plan_of(name, layout)
    for change in plan.changes:
        if change.path == ("kvcache_num_blocks",):
            mended = replace(layout, blocks=change.value)
        elif change.path == ("max_seq_len",):
            mended = replace(layout, max_seq_len=change.value)
        elif change.path == ("visual", "device"):
            mended = replace(layout, visual_device_ids=tuple(change.value))
        else:
            continue
        assert plan_of(name, mended).lacks_bytes == 0
