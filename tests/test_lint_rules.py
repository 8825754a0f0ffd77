"""What the rules say of configurations, release by release."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.cost import run_flops
from bucketwise.core.decoder.decoder_plan import decide_pattern
from bucketwise.core.patching import Preprocessing, count_patches
from bucketwise.engines.rbln.base_config import zoo_base
from bucketwise.engines.rbln.emit.context import EmitContext
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.model_classes import (
    MODEL_CLASSES,
    generates,
    serves,
    splits_visual,
)
from bucketwise.engines.rbln.releases import NEWEST, RELEASES, Version
from bucketwise.engines.rbln.rules.case import RblnCase
from bucketwise.engines.rbln.rules.table import RULES, judge
from bucketwise.engines.rbln.targets import TARGETS
from bucketwise.lint.case import TrafficUse
from bucketwise.lint.finding import Finding
from bucketwise.nouns.document import Document, Form, ServeLine, Unknown
from bucketwise.nouns.profile import PixelLimits
from bucketwise.nouns.traffic import Sizes
from bucketwise.read.configs.profiles import find_profile
from tests.test_emitters import MODELS, make_plan

DEPLOYED = PixelLimits(min_pixels=65_536, max_pixels=4_194_304, source="given")

GOOD: dict[str, Any] = {
    "visual": {
        "max_seq_len": [1024, 4096, 16384],
        "num_devices": 8,
        "create_runtimes": False,
    },
    "num_devices": 8,
    "create_runtimes": False,
    "kvcache_partition_len": 16_384,
    "max_seq_len": 65_536,
    "batch_size": 8,
    "decoder_batch_sizes": [1, 4, 8],
}
"""A configuration with nothing to say against it, for 0.12.0."""


def subject_of(
    config: Mapping[str, Any],
    version: Version = NEWEST,
    *,
    model: str | None = "qwen3-vl-2b",
    form: Form = "compile",
    **more: Any,
) -> RblnCase:
    profile = find_profile(model) if model else None
    document = Document(
        config=config,
        form=form,
        source="config.json",
        places={},
        serve=more.pop("serve", None),
        class_name=more.pop("class_name", ""),
    )
    return RblnCase(
        document=document,
        version=version,
        profile=profile,
        family=more.pop("family", profile.family if profile else ""),
        limits=more.pop("limits", DEPLOYED if profile else None),
        **more,
    )


def found_in(subject: RblnCase) -> dict[str, Finding]:
    return {each.rule: each.finding for each in judge(subject)}


def worse_than_info(subject: RblnCase) -> dict[str, Finding]:
    return {
        rule: finding
        for rule, finding in found_in(subject).items()
        if finding.severity != "info"
    }


def changed(visual: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    """Return the good configuration with some values changed; None removes one."""
    config = {**GOOD, **top, "visual": {**GOOD["visual"], **(visual or {})}}
    config["visual"] = {k: v for k, v in config["visual"].items() if v is not None}
    return {key: value for key, value in config.items() if value is not None}


def test_a_good_configuration_has_nothing_against_it() -> None:
    assert worse_than_info(subject_of(GOOD)) == {}


@pytest.mark.parametrize("version", TARGETS)
@pytest.mark.parametrize("family", sorted(MODELS))
@pytest.mark.parametrize("batch_size", [1, 8])
def test_what_is_emitted_has_nothing_against_it_for_its_releases(
    version: str, family: str, batch_size: int
) -> None:
    target = TARGETS[version]
    if not serves(target, family):
        pytest.skip("no class")
    plan = make_plan(family)
    if generates(family):
        plan = replace(plan, decoder=decide_pattern(batch_size, family, RBLN).decoder)
    profile = find_profile(MODELS[family])
    config = EmitContext.of(plan, zoo_base(family), target).config()
    for release in target.releases:
        if release < MODEL_CLASSES[family].since:
            continue
        # Limits that just fit the lengths: whether they do is the plan's own affair.
        subject = subject_of(config, release, model=MODELS[family], limits=None)
        worse = worse_than_info(subject)
        # A release of the dialect that splits no tower is told of in the files.
        splits = splits_visual(family, release) or not splits_visual(
            family, target.parsed
        )
        assert ("devices/vit-not-split" in worse) != splits
        # The published context for eight sequences does leave the ViT no room beside
        # the cache: that is for the operator to decide.
        others = set(worse) - {"devices/vit-not-split"}
        assert others <= {"memory/shared-devices-overfull"}, release
        assert batch_size > 1 or not others
        assert profile.family == family


VISUAL = ("visual", "max_seq_len")

CASES: list[tuple[str, str, dict[str, Any], Version]] = [
    ("keys/wrong-key", "error", changed({"max_seq_lens": [1024]}), (0, 12, 0)),
    ("keys/wrong-key", "error", changed({"max_seq_lens": [1024]}), (0, 11, 0)),
    ("keys/wrong-key", "error", GOOD, (0, 10, 3)),
    ("keys/wrong-key", "error", changed(visual_lengths=[1]), (0, 12, 0)),
    ("keys/wrong-key", "error", changed(memory_budget=0.5), (0, 11, 0)),
    ("keys/wrong-key", "error", changed({"batch_size": 1}), (0, 11, 1)),
    ("keys/renamed-key", "warning", changed(tensor_parallel_size=8), (0, 12, 0)),
    ("keys/renamed-key", "warning", changed({"max_seq_lens": [64]}), (0, 10, 4)),
    ("keys/missing-buckets", "error", changed({"max_seq_len": None}), (0, 12, 0)),
    ("keys/missing-buckets", "error", {"max_seq_len": 8192}, (0, 12, 0)),
    ("keys/visual-not-a-mapping", "error", {**GOOD, "visual": [1024]}, (0, 12, 0)),
    ("keys/wrong-submodule", "error", changed(vision_tower={}), (0, 12, 0)),
    ("keys/visual-batch-size", "error", changed({"batch_size": 2}), (0, 12, 0)),
    ("keys/create-runtimes", "info", changed(create_runtimes=None), (0, 12, 0)),
    (
        "keys/create-runtimes",
        "warning",
        changed({"create_runtimes": None}),
        (0, 11, 0),
    ),
    (
        "keys/inherited-devices",
        "warning",
        {
            "visual": {"max_seq_len": [1024], "create_runtimes": False},
            "tensor_parallel_size": 8,
            "max_seq_len": 32_768,
        },
        (0, 10, 4),
    ),
    ("buckets/no-lengths", "error", changed({"max_seq_len": []}), (0, 12, 0)),
    ("buckets/no-lengths", "error", changed({"max_seq_len": ["1024"]}), (0, 12, 0)),
    ("buckets/no-lengths", "error", changed({"max_seq_len": [True]}), (0, 12, 0)),
    ("buckets/no-lengths", "error", changed({"max_seq_len": [1024.0]}), (0, 12, 0)),
    ("buckets/no-lengths", "error", changed({"max_seq_len": -4}), (0, 12, 0)),
    (
        "buckets/no-lengths",
        "warning",
        changed({"max_seq_len": (16384, 1024)}),
        (0, 12, 0),
    ),
    (
        "buckets/unaligned-bucket",
        "error",
        changed({"max_seq_len": [1026, 16384]}),
        (0, 12, 0),
    ),
    (
        "buckets/overflow-possible",
        "error",
        changed({"max_seq_len": [2048]}),
        (0, 12, 0),
    ),
    (
        "buckets/overflow-possible",
        "warning",
        changed({"max_seq_len": [1024, 16320]}),
        (0, 12, 0),
    ),
    ("buckets/merged-unit", "error", changed({"max_seq_len": [4096]}), (0, 12, 0)),
    (
        "buckets/duplicate-bucket",
        "warning",
        changed({"max_seq_len": [1024, 16384, 1024]}),
        (0, 12, 0),
    ),
    (
        "buckets/dead-bucket",
        "warning",
        changed({"max_seq_len": [64, 16384]}),
        (0, 12, 0),
    ),
    ("buckets/oversized-top", "warning", changed({"max_seq_len": [65536]}), (0, 12, 0)),
    (
        "buckets/unpublished-length",
        "warning",
        changed({"max_seq_len": [65536]}),
        (0, 12, 0),
    ),
    (
        "buckets/many-buckets",
        "info",
        changed({"max_seq_len": [1024, 2048, 4096, 8192, 16384]}),
        (0, 12, 0),
    ),
    ("decoder/no-batch-sizes", "error", changed(decoder_batch_sizes=8), (0, 12, 0)),
    ("decoder/no-batch-sizes", "error", changed(decoder_batch_sizes=[]), (0, 12, 0)),
    (
        "decoder/no-batch-sizes",
        "error",
        changed(decoder_batch_sizes=[0, 8]),
        (0, 12, 0),
    ),
    (
        "decoder/batch-size-not-among-graphs",
        "error",
        changed(decoder_batch_sizes=[4]),
        (0, 12, 0),
    ),
    (
        "decoder/batch-size-not-among-graphs",
        "error",
        changed(decoder_batch_sizes=[16]),
        (0, 10, 3),
    ),
    (
        "decoder/batch-size-exceeded",
        "error",
        changed(decoder_batch_sizes=[8, 16]),
        (0, 12, 0),
    ),
    ("decoder/batch-size-exceeded", "error", changed(batch_size=None), (0, 12, 0)),
    (
        "decoder/batch-size-appended",
        "warning",
        changed(decoder_batch_sizes=[1, 4]),
        (0, 12, 0),
    ),
    (
        "decoder/batch-size-appended",
        "error",
        changed(decoder_batch_sizes=(1, 4)),
        (0, 12, 0),
    ),
    (
        "decoder/tuple-of-batch-sizes",
        "warning",
        changed(decoder_batch_sizes=(1, 8)),
        (0, 12, 0),
    ),
    (
        "decoder/duplicate-batch-size",
        "warning",
        changed(decoder_batch_sizes=[8, 8, 4]),
        (0, 12, 0),
    ),
    ("decoder/graphs-never-used", "info", GOOD, (0, 12, 0)),
    ("attention/missing-context", "warning", changed(max_seq_len=None), (0, 12, 0)),
    (
        "attention/partition-does-not-divide",
        "error",
        changed(max_seq_len=100_000),
        (0, 12, 0),
    ),
    (
        "attention/partition-does-not-divide",
        "error",
        changed(max_seq_len=16_384),
        (0, 12, 0),
    ),
    (
        "attention/partition-out-of-range",
        "error",
        changed(kvcache_partition_len=2_048),
        (0, 11, 0),
    ),
    (
        "attention/partition-out-of-range",
        "error",
        changed(kvcache_partition_len=65_536),
        (0, 12, 0),
    ),
    (
        "attention/context-too-long-for-eager",
        "error",
        changed(kvcache_partition_len=None),
        (0, 12, 0),
    ),
    (
        "attention/wrong-block-size",
        "error",
        changed(kvcache_block_size=8_192),
        (0, 12, 0),
    ),
    ("attention/wrong-attention", "error", changed(attn_impl="sdpa"), (0, 12, 0)),
    ("attention/wrong-attention", "warning", changed(attn_impl="eager"), (0, 12, 0)),
    (
        "attention/odd-prefill-chunk",
        "error",
        changed(prefill_chunk_size=100),
        (0, 12, 0),
    ),
    ("attention/unknown-npu", "error", changed(npu="H100"), (0, 12, 0)),
    ("attention/unknown-npu", "error", changed(npu="H100"), (0, 10, 4)),
    ("devices/wrong-device-count", "error", changed(num_devices=0), (0, 12, 0)),
    (
        "devices/device-list-length",
        "error",
        changed({"create_runtimes": True}, device=[0, 1], create_runtimes=True),
        (0, 12, 0),
    ),
    ("devices/device-list-length", "info", changed(device=[0, 1]), (0, 12, 0)),
    ("devices/wrong-device", "warning", changed(device=[0] * 8), (0, 12, 0)),
    ("devices/wrong-device", "warning", changed(device=["npu:0"] * 8), (0, 12, 0)),
    (
        "devices/wrong-device",
        "error",
        changed(device=["npu:0"] * 8, create_runtimes=True),
        (0, 12, 0),
    ),
    ("devices/no-split-on-rebel", "error", changed(npu="RBLN-CR13"), (0, 12, 0)),
]


@pytest.mark.parametrize(("rule", "severity", "config", "version"), CASES)
def test_a_fault_is_found_by_its_rule(
    rule: str, severity: str, config: dict[str, Any], version: Version
) -> None:
    found = found_in(subject_of(config, version))
    assert rule in found
    assert found[rule].severity == severity
    assert found[rule].found
    assert found[rule].why
    assert found[rule].right


def test_every_rule_has_an_id_of_its_own_and_says_what_it_is() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.summary.endswith(".") for rule in RULES)


@given(
    st.dictionaries(
        st.sampled_from(["max_seq_len", "batch_size", "decoder_batch_sizes", "npu",
                         "device", "num_devices", "kvcache_partition_len", "attn_impl",
                         "kvcache_num_blocks", "memory_budget", "visual", "junk"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3)
            | st.tuples(inner, inner)
            | st.dictionaries(st.text(max_size=12), inner, max_size=3),
            max_leaves=5,
        ),
        max_size=6,
    ),
    st.sampled_from(RELEASES),
)  # fmt: skip
def test_no_configuration_breaks_a_rule(
    config: dict[str, Any], version: Version
) -> None:
    for known in (True, False):
        judge(subject_of(config, version, model="qwen3-vl-2b" if known else None))


def test_what_only_running_the_text_would_tell_is_no_fault() -> None:
    names = ["max_seq_len", "kvcache_partition_len", "batch_size", "npu", "device",
             "decoder_batch_sizes", "attn_impl", "prefill_chunk_size", "num_devices"]  # fmt: skip
    config = {**GOOD, **{name: Unknown("SOMETHING") for name in names}}
    config["visual"] = {**GOOD["visual"], "max_seq_len": [Unknown("A"), 16_384]}
    assert worse_than_info(subject_of(config)) == {}
    one = changed(kvcache_partition_len=Unknown("PARTITION"))
    assert "attention/context-too-long-for-eager" not in found_in(subject_of(one))


def test_a_folder_knows_for_how_many_devices_it_was_compiled() -> None:
    asked = {"device": list(range(8)), "visual": {"device": [8]}}
    assert worse_than_info(subject_of(asked, form="load")) == {}


def test_windowed_towers_take_whole_windows() -> None:
    config = changed({"max_seq_len": [1028, 16384], "num_devices": 1})
    found = found_in(subject_of(config, model="qwen2.5-vl-7b"))
    assert "64" in found["buckets/unaligned-bucket"].found
    assert found["buckets/unaligned-bucket"].fixes[0].value == [1088, 16384]


def test_a_tower_that_cannot_be_split_says_so() -> None:
    found = found_in(subject_of(GOOD, model="qwen2.5-vl-7b"))
    assert found["devices/vit-not-split"].fixes[0].value == 1


def test_a_release_that_splits_no_tower_says_so_and_asks_for_no_split() -> None:
    visual = {"max_seq_lens": [1024, 4096], "create_runtimes": False}
    top = {"tensor_parallel_size": 8, "max_seq_len": 32_768, "create_runtimes": False}
    eight = visual | {"tensor_parallel_size": 8}
    split, named = top | {"visual": eight}, eight | {"cls_name": "RBLNQwen3VLVision"}
    rule = "devices/vit-not-split"
    assert rule in found_in(subject_of(split, (0, 10, 2)))
    assert rule not in found_in(subject_of(split, (0, 10, 3)))
    assert rule not in found_in(subject_of(top | {"visual": named}, (0, 10, 2)))
    alone, rule = top | {"visual": visual}, "keys/inherited-devices"
    assert rule in found_in(subject_of(alone, (0, 10, 3)))
    assert rule not in found_in(subject_of(alone, (0, 10, 2)))


@pytest.mark.parametrize(
    ("model", "version", "partition", "severity"),
    [
        ("qwen3-vl-2b", (0, 10, 4), 16_384, "error"),
        ("qwen2-vl-7b", (0, 10, 4), 16_384, "warning"),
        ("qwen2-vl-7b", (0, 11, 0), 16_384, "error"),
        ("qwen2-vl-7b", (0, 12, 0), None, "warning"),
        ("qwen2.5-vl-7b", (0, 12, 0), None, "error"),
    ],
)
def test_a_context_that_is_left_out_fails_where_the_release_needs_it(
    model: str, version: Version, partition: int | None, severity: str
) -> None:
    config = {"visual": {"max_seq_len": [1024]}, "kvcache_partition_len": partition}
    subject = subject_of(config, version, model=model)
    assert found_in(subject)["attention/missing-context"].severity == severity


def test_qwen3_5_never_runs_its_smaller_decoder_graphs() -> None:
    found = found_in(subject_of(GOOD, model="qwen3.5-4b"))
    assert found["decoder/graphs-never-used"].severity == "warning"


@pytest.mark.parametrize(
    ("version", "is_gone"), [((0, 10, 4), False), ((0, 11, 0), True), (NEWEST, True)]
)
def test_the_old_automatic_class_is_gone_from_0_11_0(
    version: Version, is_gone: bool
) -> None:
    subject = subject_of(GOOD, version, class_name="RBLNAutoModelForVision2Seq")
    assert ("keys/auto-class" in found_in(subject)) == is_gone


def test_a_model_newer_than_the_release_is_told() -> None:
    found = found_in(subject_of(GOOD, (0, 10, 4), model="qwen3.5-4b"))
    assert "0.11.1" in found["keys/class-too-new"].right


def test_a_device_list_of_the_top_level_reaches_visual_from_0_11_1() -> None:
    config = changed({"num_devices": 4, "create_runtimes": True}, device=list(range(8)))
    found = found_in(subject_of(config))
    assert "of the top level" in found["devices/device-list-length"].found
    older = changed(
        {"num_devices": None, "tensor_parallel_size": 4},
        num_devices=None,
        tensor_parallel_size=8,
        device=list(range(8)),
    )
    assert "devices/device-list-length" not in found_in(subject_of(older, (0, 10, 4)))


def use_of(*sides: tuple[int, int, float]) -> TrafficUse:
    profile = find_profile("qwen3-vl-2b")
    height, width, count = (np.array(column) for column in zip(*sides, strict=True))
    zeros = np.zeros(len(sides), dtype=np.int64)
    sizes = Sizes(
        height_px=height.astype(np.int64),
        width_px=width.astype(np.int64),
        frames=zeros,
        fps=zeros.astype(np.float64),
        visual_tokens=zeros,
        count=count.astype(np.float64),
    )
    preprocessing = Preprocessing(image=DEPLOYED, video=None, video_fps=None)
    return TrafficUse(
        counts=count_patches(sizes, profile, preprocessing), curve=run_flops(profile)
    )


def test_traffic_says_which_images_raise_and_which_lengths_idle() -> None:
    use = use_of((512, 512, 9.0), (2048, 2048, 1.0))
    config = changed({"max_seq_len": [1024, 4096]})
    found = found_in(subject_of(config, use=use))
    assert found["buckets/image-too-long"].severity == "error"
    assert "1 of 10 images (10.0%)" in found["buckets/image-too-long"].found
    # The top holds what the limits let through, though nothing has needed it yet.
    assert "buckets/bucket-never-hit" not in found
    idle = found_in(subject_of(changed({"max_seq_len": [1024, 2048, 16384]}), use=use))
    assert idle["buckets/bucket-never-hit"].fixes[0].value == [1024, 16384]


def test_the_share_of_every_length_is_told() -> None:
    use = use_of((512, 512, 9.0), (1024, 1024, 1.0))
    found = found_in(subject_of(changed({"max_seq_len": [1024, 4096]}), use=use))
    assert "1,024: 90.0%, 4,096: 10.0%" in found["buckets/bucket-use"].found


def test_lengths_that_pad_the_traffic_more_than_they_need_are_told() -> None:
    use = use_of((512, 512, 9.0), (1024, 1024, 1.0))
    found = found_in(subject_of(changed({"max_seq_len": [8192, 16384]}), use=use))
    assert found["buckets/wasteful-lengths"].right == "[4096, 16384]"
    good = found_in(subject_of(changed({"max_seq_len": [1024, 4096]}), use=use))
    assert "buckets/wasteful-lengths" not in good


def test_a_context_that_cannot_hold_an_image_is_told() -> None:
    use = use_of((2048, 2048, 1.0))
    config = changed(max_seq_len=2_048, kvcache_partition_len=1_024)
    found = found_in(subject_of(config, use=use))
    assert (
        "4,096 visual tokens" in found["attention/context-too-short-for-traffic"].found
    )


def serve(*, is_folder: bool = False, channel: str = "", **flags: str) -> ServeLine:
    return ServeLine(
        model="Qwen/Qwen3-VL-2B-Instruct",
        is_folder=is_folder,
        flags={name.replace("_", "-"): value for name, value in flags.items()},
        channel=channel,
    )


def served(config: dict[str, Any], line: ServeLine, version: Version = NEWEST) -> Any:
    return found_in(subject_of(config, version, form="serve", serve=line))


def test_buckets_on_a_line_that_serves_a_folder_change_nothing() -> None:
    found = served({"visual": {"max_seq_len": [1024]}}, serve(is_folder=True))
    assert found["serving/dropped-override"].path == VISUAL
    kept = served({"visual": {"device": [0]}}, serve(is_folder=True))
    assert "serving/dropped-override" not in kept


SERVED = {"visual": {"max_seq_len": [1024, 16384]}}


@pytest.mark.parametrize(
    ("rule", "more", "line", "version"),
    [
        (
            "serving/derived-conflict",
            {"num_devices": 4},
            serve(block_size="16384"),
            NEWEST,
        ),
        (
            "serving/derived-conflict",
            {"memory_budget": 0.5},
            serve(block_size="1"),
            NEWEST,
        ),
        ("serving/blocks-beside-budget", {"kvcache_num_blocks": 8}, serve(), NEWEST),
        ("serving/dtype-override", {"dtype": "bfloat16"}, serve(), NEWEST),
        ("serving/missing-block-size", {}, serve(), NEWEST),
        ("serving/fixed-length", {}, serve(), (0, 11, 0)),
        (
            "serving/wrong-channel",
            {},
            serve(channel="--rbln-optimum-overrides"),
            (0, 11, 1),
        ),
        (
            "serving/wrong-channel",
            {},
            serve(channel="--additional-config rbln_config"),
            NEWEST,
        ),
        (
            "serving/one-pixel-limit",
            {},
            serve(mm_processor_kwargs='{"max_pixels": 802816}'),
            NEWEST,
        ),
        (
            "serving/overruled-option",
            {"batch_size": 4},
            serve(max_num_seqs="8"),
            NEWEST,
        ),
    ],
)
def test_what_vllm_rbln_makes_of_a_line_is_told(
    rule: str, more: dict[str, Any], line: ServeLine, version: Version
) -> None:
    assert rule in served({**SERVED, **more}, line, version)


def test_a_folder_or_an_old_release_needs_no_lengths_on_the_line() -> None:
    assert "keys/missing-buckets" not in served({}, serve(is_folder=True))
    assert "keys/missing-buckets" not in served({}, serve(), (0, 11, 1))
    assert "keys/missing-buckets" in served({}, serve(block_size="16384"))


def test_what_is_decided_at_compile_time_is_told_at_load() -> None:
    config = {"device": [0], "batch_size": 8, "create_runtimes": False}
    found = found_in(subject_of(config, form="load"))
    assert found["loading/compiled-setting-at-load"].path == ("batch_size",)
    assert "loading/no-runtimes-at-load" in found


def test_folders_too_old_to_load_are_told() -> None:
    old = {**GOOD, "_meta": {"version": "0.7.2"}}
    assert "loading/old-folder" in found_in(subject_of(old, form="compiled"))


def test_a_line_that_agrees_with_itself_has_nothing_against_it() -> None:
    line = serve(
        block_size="16384",
        max_num_seqs="8",
        mm_processor_kwargs='{"min_pixels": 65536, "max_pixels": 4194304}',
        channel="--additional-config optimum_overrides",
    )
    found = served({**SERVED, "decoder_batch_sizes": [1, 8], "batch_size": 8}, line)
    assert {rule for rule in found if rule.startswith("serving/")} == set()
