"""SDK dialects and bucket lists by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bucketwise.engines.rbln.keys import BOTH, standing
from bucketwise.engines.rbln.releases import parse_version
from bucketwise.engines.rbln.targets import TARGETS, Target, pick_targets
from bucketwise.errors import ConfigError, InputError, UsageError
from bucketwise.read.configs.profiles import built_in_profiles, find_profile
from bucketwise.read.configs.scenarios import read_bucket_list


def test_all_dialects_come_oldest_first_when_none_is_named() -> None:
    versions = [target.parsed for target in pick_targets(())]
    assert versions == sorted(versions)
    assert len(versions) == 4


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.version)
def test_releases_of_a_dialect_take_the_same_names(target: Target) -> None:
    for level in BOTH:
        for name in (target.bucket_key, target.devices_key):
            assert len({standing(name, level, v, "") for v in target.releases}) == 1


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("optimum-rbln==0.10.3", "0.10.3"),
        ("0.10.2", "0.10.3"),
        ("optimum-rbln==0.11.0.post1", "0.11.2"),
        ("OPTIMUM-RBLN==0.11.1", "0.11.2"),
        ("0.12.0", "0.12.0"),
    ],
)
def test_a_release_is_served_by_the_dialect_that_covers_it(
    name: str, version: str
) -> None:
    assert [target.version for target in pick_targets([name])] == [version]


def test_an_unknown_release_is_a_usage_error_that_names_the_known() -> None:
    with pytest.raises(UsageError, match=r"optimum-rbln==0\.12\.0"):
        pick_targets(["0.9.4"])


def test_versions_are_compared_as_numbers() -> None:
    assert parse_version("0.11.0.post1") == (0, 11, 0)
    assert parse_version("0.9.4") < TARGETS["0.10.3"].parsed


@pytest.mark.parametrize("text", ["1024,4096", "[4096, 1024]", "1024 4096 1024"])
def test_a_bucket_list_is_ascending_and_has_each_length_once(text: str) -> None:
    assert read_bucket_list(text).lengths == (1_024, 4_096)


def test_a_plan_is_a_bucket_list_and_anything_else_is_none(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(
        '{"schema": "bucketwise.plan/1", "model": {"name": "m"}, "visual": '
        '{"vit_max_seq_lens": [4, 8], "processor": {"min_pixels": 1, "max_pixels": 9}}}'
    )
    found = read_bucket_list(str(plan))
    assert (found.lengths, found.model, found.max_pixels) == ((4, 8), "m", 9)
    plan.write_text('{"schema": "bucketwise.plan/1"}')
    with pytest.raises(InputError, match="a damaged plan"):
        read_bucket_list(str(plan))
    plan.write_text("{}")
    with pytest.raises(InputError, match="not a plan of bucketwise"):
        read_bucket_list(str(plan))
    with pytest.raises(InputError, match="neither lengths"):
        read_bucket_list(str(tmp_path / "none.json"))
    with pytest.raises(UsageError, match="lengths start at 1"):
        read_bucket_list("0,4")


def test_models_are_found_by_short_name_and_by_hugging_face_id() -> None:
    for name, profile in built_in_profiles().items():
        assert find_profile(name) is profile
        assert find_profile(profile.hf_id) is profile
    with pytest.raises(ConfigError, match="qwen3-vl-30b-a3b"):
        find_profile("llava")
