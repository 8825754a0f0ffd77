"""What refusals.toml says of a faulty configuration is what the real classes do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance.families import FAMILIES
from tests.conformance.judge import judge
from tests.conformance.refusals import Refusal, Verdict, read_refusals
from tests.conformance.sdk import RELEASE, model_class
from tests.conformance.towers import load_tower

REFUSALS = [refusal for refusal in read_refusals() if refusal.concerns(RELEASE)]
SERVED = [name for name, family in FAMILIES.items() if family.served_by(RELEASE)]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.id)
def test_the_release_says_what_the_table_says(
    refusal: Refusal, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    said = judge(refusal, checkpoints[refusal.family], tmp_path / "compiled")
    table = refusal.verdict(RELEASE)
    assert (said.at, said.error) == (table.at, table.error), said.says
    assert table.says in said.says


def test_a_row_made_wrong_is_noticed(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    [row] = (each for each in REFUSALS if each.id == "unknown_key")
    accepted = Verdict(at="", error="", says="")
    wrong = replace(row, verdicts=dict.fromkeys(row.verdicts, accepted))
    with pytest.raises(AssertionError, match="Unexpected arguments"):
        test_the_release_says_what_the_table_says(wrong, checkpoints, tmp_path)


@pytest.mark.parametrize("family", SERVED)
def test_without_a_fault_every_family_goes_through(
    family: str, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    sound = Refusal(
        id="sound",
        family=family,
        change={},
        without=(),
        npus=0,
        loading={},
        grid=(1, 32, 32),
        prompts=(20_000,),
        active=0,
        verdicts={},
    )
    assert judge(sound, checkpoints[family], tmp_path / "compiled").at == ""


def test_a_folder_of_a_former_format_is_not_loaded(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "compiled"
    load_tower("qwen3_vl", checkpoints["qwen3_vl"], folder, [1_024])
    written = folder / "rbln_config.json"
    config = json.loads(written.read_text(encoding="utf-8"))
    written.write_text(json.dumps(config | {"_meta": {}}), encoding="utf-8")
    kind = model_class(FAMILIES["qwen3_vl"])
    with pytest.raises(RuntimeError, match="Please recompile the model"):
        kind.from_pretrained(str(folder), export=False)
