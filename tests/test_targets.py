"""SDK dialects and bucket lists by name."""

from __future__ import annotations

import pytest

from bucketwise.engines.rbln.keys import BOTH, standing
from bucketwise.engines.rbln.releases import parse_version
from bucketwise.engines.rbln.targets import TARGETS, RblnTarget, pick_targets
from bucketwise.errors import ConfigError, UsageError
from bucketwise.read.configs.profiles import built_in_profiles, find_profile


def test_all_dialects_come_oldest_first_when_none_is_named() -> None:
    versions = [target.parsed for target in pick_targets(())]
    assert versions == sorted(versions)
    assert len(versions) == 4


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.version)
def test_releases_of_a_dialect_take_the_same_names(target: RblnTarget) -> None:
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


def test_models_are_found_by_short_name_and_by_hugging_face_id() -> None:
    for name, profile in built_in_profiles().items():
        assert find_profile(name) is profile
        assert find_profile(profile.hf_id) is profile
    with pytest.raises(ConfigError, match="qwen3-vl-30b-a3b"):
        find_profile("llava")
