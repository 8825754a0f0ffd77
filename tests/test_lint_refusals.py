"""What lint says raises is what the real classes of the SDK raise.

tests/conformance/refusals.toml is what those classes were seen to do, release by
release (`make conformance` runs it again).
"""

from dataclasses import replace
from typing import Any

import pytest

from bucketwise.engines.rbln import keys
from bucketwise.engines.rbln.releases import parse_version
from bucketwise.engines.rbln.rules.case import RblnCase
from bucketwise.engines.rbln.rules.table import judge
from bucketwise.nouns.document import Document, Form
from bucketwise.read.configs.profiles import find_profile
from tests.conformance.refusals import Refusal, read_refusals
from tests.conformance.releases import RELEASES, Release
from tests.test_emitters import MODELS

REFUSALS = {refusal.id: refusal for refusal in read_refusals()}

OUTSIDE = {
    # What the host has, and what is asked of the model once it runs, stands in no
    # configuration.
    "device_not_there",
    "more_devices_than_there_are",
    "npu_of_another_family",
    "no_npu_named_on_a_host_without",
    "runtimes_on_a_host_without",
    "visual_runtimes_on_a_host_without",
    "image_above_the_buckets",
    "side_above_the_buckets",
    "image_above_a_window_less",
    "fewer_sequences_than_the_batch",
    "more_sequences_than_the_batch",
    "prompts_above_the_pool",
    "pool_without_a_spare_block",
    "memory_budget_above_the_device",
}


def errors_for(refusal: Refusal, release: Release) -> list[tuple[str, str]]:
    """Return (rule, what it says raises) of every error, and of warnings at load.

    Whether a setting at load differs from the folder's is not known, and memory is that
    of the real model, not of the small one that the classes were shown.
    """
    at_load = bool(refusal.loading)
    config: dict[str, Any] = (
        refusal.asked_at_load(release) if at_load else refusal.config(release)
    )
    form: Form = "load" if at_load else "compile"
    profile = find_profile(MODELS[refusal.family])
    npu = config.get("npu")
    subject = RblnCase(
        document=Document(config=config, form=form, source="x.json", places={}),
        version=parse_version(release.version),
        profile=profile,
        family=refusal.family,
        npu=npu if isinstance(npu, str) else None,
    )
    return [
        (each.rule, each.finding.raises)
        for each in judge(subject)
        if each.finding.severity == "error"
        or (at_load and each.finding.severity == "warning")
        if not each.rule.startswith("memory/")
    ]


CASES = [
    (refusal, release)
    for refusal in REFUSALS.values()
    for release in RELEASES.values()
    if refusal.concerns(release) and refusal.id not in OUTSIDE
]


@pytest.mark.parametrize(
    ("refusal", "release"),
    [pytest.param(*case, id=f"{case[0].id}-{case[1].version}") for case in CASES],
)
def test_an_error_that_names_an_exception_is_one_the_release_raises(
    refusal: Refusal, release: Release
) -> None:
    verdict = refusal.verdict(release)
    errors = errors_for(refusal, release)
    named = [raises for _, raises in errors if raises]
    if not verdict.error:
        assert named == [], errors
        return
    assert errors, verdict
    for raises in named:
        kind, _, message = raises.partition(": ")
        assert kind == verdict.error, (raises, verdict)
        plain = message.strip().replace("`", "")
        assert verdict.says.strip().replace("`", "").startswith(plain), (
            raises,
            verdict,
        )


def test_a_row_of_our_own_tables_made_wrong_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = tuple(
        replace(key, until=None) if key.name == keys.OLD_BUCKETS else key
        for key in keys.KEYS
    )
    monkeypatch.setattr(keys, "KEYS", kept)
    with pytest.raises(AssertionError):
        test_an_error_that_names_an_exception_is_one_the_release_raises(
            REFUSALS["old_bucket_key"], RELEASES["0.12.0"]
        )
