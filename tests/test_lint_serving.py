"""What lint says of serve lines and of loading, where no exception tells it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bucketwise
from bucketwise.engines.rbln.releases import RELEASES, Version, written
from bucketwise.engines.rbln.serve_line import compiled, number
from bucketwise.engines.rbln.serving import DERIVED
from bucketwise.lint.finding import Finding
from bucketwise.nouns.document import Line
from tests.conformance.serve_lines import COMPILED

MODEL = "Qwen/Qwen3-VL-2B-Instruct"
SOUND = (
    f"vllm serve {MODEL} --block-size 16384 --max-model-len 262144 --max-num-seqs 8 "
    '--mm-processor-kwargs \'{"min_pixels": 65536, "max_pixels": 4194304}\''
)
LENGTHS = '{"visual": {"max_seq_len": [4096, 16384]}}'
OLD = f"--additional-config '{{\"rbln_config\": {LENGTHS}}}'"


def found(
    text: str, version: Version = RELEASES[-1], **more: Any
) -> dict[str, Finding]:
    """Return the finding of every rule, of every configuration of a text."""
    target = f"optimum-rbln=={written(version)}"
    report = bucketwise.lint_config(f"{text}\n", target=target, **more)
    return {
        each.rule: each.finding for judged in report.judged for each in judged.reported
    }


def errors(findings: dict[str, Finding]) -> set[str]:
    """Return the rules that found an error."""
    return {rule for rule, each in findings.items() if each.severity == "error"}


@given(
    overrides=st.dictionaries(
        st.sampled_from([each.name for each in DERIVED if each.copied]),
        st.sampled_from([64, 256, 8_192, 16_384]),
    ),
    version=st.sampled_from(RELEASES),
    family=st.sampled_from(["", "qwen3_vl", "qwen3_5"]),
)
@settings(max_examples=60, deadline=None)
def test_what_is_copied_first_never_conflicts(
    overrides: dict[str, int], version: Version, family: str
) -> None:
    line = Line(flags={"block-size": "4096", "max-model-len": "32768"})
    spec = compiled(overrides, line, version, family=family, npu=None, unread=str)
    assert spec.conflicts == ()
    assert spec.config.items() >= overrides.items()


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("8", 8), ("0.9", 0.9), ("32k", 32_000), ("32K", 32_768), ("1.5k", 1_500),
        (8, 8), ("auto", None), ("$N", None), ("", None), (None, None), (True, None),
    ],
)  # fmt: skip
def test_numbers_are_read_as_vllm_reads_them(told: object, read: object) -> None:
    assert number(told) == read


def test_what_only_a_shell_would_know_is_no_conflict() -> None:
    line = (
        'vllm serve "$MODEL" --block-size "$BLOCK" --max-num-seqs "$N" -tp "$TP" '
        f"--rbln-num-devices-per-local-rank $D --rbln-optimum-overrides '{LENGTHS[:-1]}, "
        '"num_devices": 8, "decoder_batch_sizes": [1, 8], "attn_impl": "eager"}\''
    )
    assert errors(found(line)) == set()


def test_of_two_ways_the_one_that_loses_is_told_and_not_judged() -> None:
    bad = '{"visual": {"max_seq_len": [3]}, "nonsense": 1}'
    line = f"{SOUND} {OLD} --rbln-optimum-overrides '{bad}'"
    lost = found(line)
    assert "--rbln-optimum-overrides beside" in lost["serving/lost-channel"].found
    assert errors(lost) == set()


@pytest.mark.parametrize("version", [(0, 10, 3), (0, 11, 2)])
def test_an_option_that_came_later_is_refused_before(version: Version) -> None:
    line = f"{SOUND} --rbln-optimum-overrides '{LENGTHS}'"
    assert "serving/wrong-channel" in errors(found(line, version))


def test_decode_buckets_in_the_environment_are_told_to_be_ignored() -> None:
    line = f"VLLM_RBLN_DECODE_BATCH_BUCKET_LIMIT=4 {SOUND} {OLD}"
    assert found(line)["serving/ignored-variable"].severity == "warning"


@pytest.mark.parametrize("flag", ["--rbln-nothing 1", "--rbln-rbln-config '{}'"])
def test_an_option_that_no_release_has_is_refused(flag: str) -> None:
    assert "serving/foreign-field" in errors(found(f"{SOUND} {OLD} {flag}"))


def test_a_model_that_vllm_runs_itself_is_not_judged_by_this_configuration() -> None:
    bad = f'{LENGTHS[:-1]}, "nonsense": 1}}'
    line = f"{SOUND} --model-impl vllm --rbln-optimum-overrides '{bad}'"
    for npu in ("RBLN-CA25", "RBLN-CR13"):
        assert errors(found(line, npu=npu)) == {"serving/native-path"}
    bare = f"VLLM_RBLN_USE_VLLM_MODEL=1 {SOUND}"
    assert found(bare, npu="RBLN-CR13")["serving/native-path"].severity == "warning"


def test_old_releases_take_no_configuration_beside_a_checkpoint() -> None:
    early = found(f"{SOUND} {OLD}", (0, 10, 3))
    assert "serving/override-too-early" in errors(early)
    later = found(f"{SOUND} {OLD}", (0, 10, 4))
    assert "serving/override-too-early" not in later


@pytest.mark.parametrize(
    ("version", "severity"), [((0, 10, 4), "warning"), ((0, 11, 0), "error")]
)
def test_the_length_that_old_releases_fix_is_told(
    version: Version, severity: str
) -> None:
    assert found(SOUND, version)["serving/fixed-length"].severity == severity


def test_an_override_of_the_fixed_length_counts_where_the_release_merges_it() -> None:
    old = OLD.replace("max_seq_len", "max_seq_lens")
    assert errors(found(f"{SOUND} {old}", (0, 10, 4))) == set()
    assert errors(found(f"{SOUND} {OLD}", (0, 11, 1))) == set()
    assert "serving/fixed-length" in errors(found(f"{SOUND} {OLD}", (0, 11, 0)))


def test_up_to_0_10_3_an_override_beside_a_folder_raises() -> None:
    line = f"vllm serve ./compiled --served-model-name {MODEL} {OLD}"
    assert "serving/dropped-override" in errors(found(line, (0, 10, 3)))
    assert found(line)["serving/dropped-override"].severity == "warning"


def test_a_line_that_creates_no_runtimes_cannot_serve() -> None:
    line = f'{SOUND} {OLD[:-3]}, "create_runtimes": false}}}}\''
    assert found(line)["loading/no-runtimes-at-load"].path == ("create_runtimes",)


LOADS = """\
from optimum.rbln import RBLNQwen3VLForConditionalGeneration as Model
from optimum.rbln import RBLNQwen3VLForConditionalGeneration
RBLNQwen3VLForConditionalGeneration.from_pretrained(
    {folder!r}, export=False, rbln_config={loading})
"""
COMPILES = """\
from optimum.rbln import RBLNQwen3VLForConditionalGeneration
model = RBLNQwen3VLForConditionalGeneration.from_pretrained(
    "Qwen/Qwen3-VL-2B-Instruct", export=True, rbln_config={compiling})
"""
COMPILING = {
    "visual": {"max_seq_len": [4_096, 16_384], "create_runtimes": False},
    "max_seq_len": 262_144,
    "kvcache_partition_len": 16_384,
    "batch_size": 8,
    "num_devices": 8,
    "create_runtimes": False,
}
AT_LOAD = "loading/compiled-setting-at-load"


@pytest.mark.parametrize(
    ("loading", "severity"),
    [
        ({"batch_size": 4}, "error"),
        ({"batch_size": 8}, ""),
        ({"max_seq_len": 262_144}, ""),
        ({"max_seq_len": 131_072}, "error"),
        ({"attn_impl": "flash_attn"}, ""),
        ({"attn_impl": "eager"}, "error"),
        ({"num_devices": 8}, "error"),
        ({"npu": "RBLN-CA25"}, "error"),
        ({"memory_budget": 0.5}, ""),
    ],
)
def test_loading_is_compared_with_what_the_text_compiles(
    loading: dict[str, Any], severity: str
) -> None:
    text = COMPILES.format(compiling=COMPILING)
    text += LOADS.format(folder="out", loading=loading)
    finding = found(text).get(AT_LOAD)
    assert (finding.severity if finding else "") == severity


def test_loading_is_compared_with_the_folder_that_is_there(tmp_path: Path) -> None:
    config = json.dumps(COMPILED)
    (tmp_path / "rbln_config.json").write_text(config, encoding="utf-8")
    other = LOADS.format(folder=str(tmp_path), loading={"batch_size": 4})
    assert found(other)[AT_LOAD].severity == "error"
    same = LOADS.format(folder=str(tmp_path), loading={"batch_size": 8})
    assert AT_LOAD not in found(same)
    nowhere = LOADS.format(folder="nowhere", loading={"batch_size": 8})
    assert found(nowhere)[AT_LOAD].severity == "warning"


def test_settings_of_the_tower_are_dropped_at_load_without_a_word() -> None:
    for name, value in (("max_seq_len", [1_024]), ("num_devices", 4)):
        text = LOADS.format(folder="out", loading={"visual": {name: value}})
        findings = found(text)
        assert findings["loading/ignored-at-load"].path == ("visual", name)
        assert errors(findings) == set()


def test_a_limit_that_another_file_may_set_makes_a_caution() -> None:
    tutorial = COMPILES.format(compiling=COMPILING)
    for text in (tutorial, LOADS.format(folder="out", loading={})):
        assert "buckets/merged-unit" not in errors(found(text))
    unit = found(tutorial)["buckets/merged-unit"]
    assert "if nothing else sets max_pixels" in unit.why
    assert "buckets/merged-unit" in errors(found(tutorial, max_pixels=16_777_216))
    line = SOUND.partition(" --mm-processor")[0]
    assert "buckets/merged-unit" in errors(found(f"{line} {OLD}"))


GEMMA = """\
from optimum.rbln import RBLNGemma3ForConditionalGeneration
RBLNGemma3ForConditionalGeneration.from_pretrained(
    "google/gemma-3-4b-it", export=True, rbln_config={config})
"""


def test_a_class_that_no_table_is_about_is_never_passed_in_silence() -> None:
    language = {"max_seq_len": 32_768, "image_prefill_chunk_size": 256}
    config = {"language_model": language, "create_runtimes": False}
    findings = found(GEMMA.format(config=config))
    assert errors(findings) == set()
    told = findings["keys/unknown-class"]
    assert told.severity == "warning"
    assert "language_model.image_prefill_chunk_size" in told.why


@pytest.mark.parametrize(
    ("setting", "rule"),
    [
        (
            {"decoder_batch_sizes": [1, 16], "batch_size": 8},
            "decoder/batch-size-exceeded",
        ),
        ({"kvcache_partition_len": 3_000}, "attention/partition-does-not-divide"),
        ({"attn_impl": "flash"}, "attention/wrong-attention"),
        ({"decoder_batch_size": [1]}, "keys/wrong-key"),
    ],
)
def test_the_language_model_of_such_a_class_is_judged_where_it_stands(
    setting: dict[str, Any], rule: str
) -> None:
    config = {"language_model": {"max_seq_len": 32_768} | setting}
    finding = found(GEMMA.format(config=config))[rule]
    assert finding.severity == "error"
    assert finding.path[0] == "language_model"
