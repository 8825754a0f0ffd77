"""The configurations that the vendor's guides for 0.10.x print, judged.

Two guides: the troubleshooting of models with several modules, in five steps, and the
tutorial of Qwen3-VL-2B on eight devices.
"""

from typing import Any

import pytest

from bucketwise.engines.rbln.releases import NEWEST, Version
from bucketwise.engines.rbln.rules.case import RblnCase
from bucketwise.engines.rbln.rules.table import judge
from bucketwise.nouns.document import Document
from bucketwise.nouns.profile import PixelLimits
from bucketwise.read.configs.profiles import find_profile

GUIDE_RELEASE: Version = (0, 10, 3)

DEPLOYED = PixelLimits(min_pixels=65_536, max_pixels=4_194_304, source="2048 x 2048")
RIGHT_SIZED = PixelLimits(
    min_pixels=256 * 16 * 16, max_pixels=1_792 * 1_792, source="the guide"
)
CHECKPOINT = find_profile("qwen3-vl-2b").checkpoint

TUTORIAL: dict[str, Any] = {
    "visual": {"max_seq_lens": [1024, 3136, 16384], "tensor_parallel_size": 8},
    "tensor_parallel_size": 8,
    "kvcache_partition_len": 16_384,
    "max_seq_len": 262_144,
    "batch_size": 8,
    "decoder_batch_sizes": [1, 4, 8],
}

ONE_LENGTH = {**TUTORIAL, "visual": {"max_seq_lens": 16_384, "tensor_parallel_size": 8}}

COMPILE_HOST = {
    **ONE_LENGTH,
    "create_runtimes": False,
    "visual": {**ONE_LENGTH["visual"], "create_runtimes": False},
}

SPLIT = {
    **COMPILE_HOST,
    "device": list(range(8)),
    "visual": {**COMPILE_HOST["visual"], "device": list(range(8, 16))},
}

MANY_BLOCKS = {**COMPILE_HOST, "kvcache_num_blocks": 128}

SHORT_CONTEXT = {**COMPILE_HOST, "max_seq_len": 32_768}

RIGHT_SIZED_VIT = {
    **SPLIT,
    "visual": {**SPLIT["visual"], "max_seq_lens": [3136]},
}


def rules_for(
    config: dict[str, Any], limits: PixelLimits, version: Version = GUIDE_RELEASE
) -> dict[str, str]:
    """Return rule -> severity of everything worse than a note."""
    profile = find_profile("qwen3-vl-2b")
    document = Document(config=config, form="compile", source="guide.py", places={})
    subject = RblnCase(
        document=document,
        version=version,
        profile=profile,
        family=profile.family,
        limits=limits,
    )
    return {
        each.rule: each.finding.severity
        for each in judge(subject)
        if each.finding.severity != "info"
    }


@pytest.mark.parametrize(
    ("config", "limits", "found"),
    [
        # The tutorial: its lengths are right for the deployment's limit in ViT patches,
        # and hold no image above 2048 x 2048 though the text says 4096 x 4096.
        (
            TUTORIAL,
            DEPLOYED,
            {
                "memory/shared-devices-overfull": "warning",
                "memory/compile-loads-what-does-not-fit": "warning",
            },
        ),
        (
            TUTORIAL,
            CHECKPOINT,
            {
                # The script that loads the folder may set a lower limit.
                "buckets/merged-unit": "warning",
                "memory/shared-devices-overfull": "warning",
                "memory/compile-loads-what-does-not-fit": "warning",
            },
        ),
        # Step 1: both levels say that no runtime is created.
        (COMPILE_HOST, DEPLOYED, {"memory/shared-devices-overfull": "warning"}),
        # Step 2: the ViT on devices of its own.
        (SPLIT, DEPLOYED, {}),
        # Step 3: 128 blocks are 28 GiB on devices of 15.7.
        (MANY_BLOCKS, DEPLOYED, {"memory/blocks-beyond-memory": "error"}),
        # Step 4: a context of the workload's.
        (SHORT_CONTEXT, DEPLOYED, {}),
        # Step 5: 1792 x 1792 is 3,136 merged patches and 12,544 that are compared.
        (RIGHT_SIZED_VIT, RIGHT_SIZED, {"buckets/merged-unit": "error"}),
    ],
)
def test_the_guides_configurations_are_judged_for_their_release(
    config: dict[str, Any], limits: PixelLimits, found: dict[str, str]
) -> None:
    assert rules_for(config, limits) == found


@pytest.mark.parametrize(
    "config",
    [TUTORIAL, COMPILE_HOST, SPLIT, MANY_BLOCKS, SHORT_CONTEXT, RIGHT_SIZED_VIT],
)
def test_none_of_them_is_a_configuration_of_the_newest_release(
    config: dict[str, Any],
) -> None:
    found = rules_for(config, DEPLOYED, NEWEST)
    assert found["keys/wrong-key"] == "error"
    assert found["keys/renamed-key"] == "warning"


def test_with_one_sequence_only_the_full_pool_of_blocks_is_valid() -> None:
    one = {**COMPILE_HOST, "batch_size": 1, "decoder_batch_sizes": [1]}
    assert rules_for({**one, "kvcache_num_blocks": 16}, DEPLOYED) == {}
    assert "blocks/too-few-blocks" in rules_for(
        {**one, "kvcache_num_blocks": 15}, DEPLOYED
    )
