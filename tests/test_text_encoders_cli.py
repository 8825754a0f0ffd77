"""Text encoders from the command line: every table, the files, the pages, lint."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from click.testing import CliRunner

import bucketwise
from bucketwise.cli import main
from bucketwise.errors import BucketwiseError, ConfigError, UsageError
from bucketwise.lint.case import Judged

ROWS = [(12, 400), (48, 300), (90, 200), (200, 80), (480, 20), (900, 3)]
MODEL = ("--lengths", "tokens", "--model", "bge-base-en-v1.5")


def frame() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=["tokens", "n"]).assign(kind="query")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "texts.csv"
    frame().to_csv(path, index=False)
    return path


def run(*words: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, [str(word) for word in words])
    if isinstance(done.exception, BucketwiseError):
        # The command line catches these outside of click.
        return done.exception.exit_code, done.stdout, str(done.exception)
    return done.exit_code, done.stdout, done.stderr


def analyzed(table: Path, *options: str | Path) -> dict[str, Any]:
    out = table.parent / "out"
    status, _, said = run("analyze", table, "--out", out, "--format", "none", *options)
    assert status == 0, said
    plan: dict[str, Any] = json.loads((out / "plan.json").read_text("utf-8"))
    return plan


def test_every_kind_of_table_gives_the_same_plan(table: Path) -> None:
    folder = table.parent
    frame().to_csv(folder / "texts.tsv", sep="\t", index=False)
    frame().to_json(folder / "texts.jsonl", orient="records", lines=True)
    parquet = folder / "texts.parquet"
    duckdb.execute(f"COPY (FROM '{table}') TO '{parquet}' (FORMAT parquet)")
    with gzip.open(folder / "texts.csv.gz", "wb") as packed:
        packed.write(table.read_bytes())
    first = analyzed(table, *MODEL)
    assert first["traffic"]["texts"] == 1_003
    assert first["traffic"]["weighted"]
    for name in ("texts.tsv", "texts.jsonl", "texts.parquet", "texts.csv.gz"):
        assert analyzed(folder / name, *MODEL)["encoder"] == first["encoder"], name
    # The histogram beside a plan is that traffic, too.
    again = analyzed(folder / "out" / "histogram.parquet", *MODEL)
    assert again["encoder"] == first["encoder"]


@pytest.mark.parametrize(("name", "texts"), [("occurrences", 9), ("num_images", 3)])
def test_what_counts_images_counts_no_texts(
    name: str, texts: int, tmp_path: Path
) -> None:
    table = tmp_path / "texts.csv"
    table.write_text(f"held,{name}\n12,4\n48,3\n12,2\n")
    plan = analyzed(table, "--lengths", "held", "--model", "bge-m3")
    assert plan["traffic"]["texts"] == texts


def test_a_query_may_tell_the_lengths(table: Path) -> None:
    query = f"SELECT tokens AS held, n FROM '{table}'"
    out = table.parent / "queried"
    status, _, said = run(
        *("analyze", table, "--sql", query, "--lengths", "held", *MODEL[2:]),
        *("--out", out, "--format", "none"),
    )
    assert status == 0, said
    plan = json.loads((out / "plan.json").read_text("utf-8"))
    assert plan["encoder"] == analyzed(table, *MODEL)["encoder"]


def test_requests_are_read_by_the_column_that_is_named(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    said = [{"role": "user", "content": "a"}]
    log.write_text(
        "".join(
            json.dumps({"messages": said, "usage": {"prompt_tokens": tokens}}) + "\n"
            for tokens in (20, 20, 70)
        )
    )
    column = ("--lengths", "usage.prompt_tokens", "--model", "bge-m3")
    plan = analyzed(log, *column)
    assert plan["encoder"]["max_seq_lens"] == [20, 70]


def test_rows_that_tell_no_length_are_counted_by_reason(tmp_path: Path) -> None:
    table = tmp_path / "texts.csv"
    table.write_text("id,tokens\n1,12\n2,0\n3,\n4,x\n5,1.5\n6,40\n7,-2\n8,2000000\n")
    out = tmp_path / "out"
    words = ("analyze", table, *MODEL, "--out", out, "--format", "none")
    status, _, said = run(*words)
    assert status == 1
    assert "6 of 8 rows (75.0%) unusable" in said
    assert run(*words, "--max-bad-rows", "80%")[0] == 0
    traffic = json.loads((out / "plan.json").read_text("utf-8"))["traffic"]
    assert traffic["rows_read"] == traffic["rows_used"] + traffic["rows_rejected"] == 8
    assert {each["reason"]: each["count"] for each in traffic["rejections"]} == {
        "absurd": 1,
        "missing": 1,
        "not a number": 2,
        "zero or negative": 2,
    }


def test_the_decision_is_told_in_tokens(table: Path) -> None:
    status, said, _ = run(
        *("analyze", table, *MODEL, "--current", "512"),
        *("--out", table.parent / "out", "--format", "none"),
    )
    assert status == 0
    lines = said.splitlines()
    assert lines[0].startswith("Verdict: go, once this is checked. vllm-rbln")
    assert lines[1] == (
        "Compile RBLNBertModel for max_seq_len [12, 90, 200, 512] tokens (optimum-rbln "
        "from 0.11.0; older releases take one length, 512)."
    )
    assert lines[2].startswith("Set truncation=True and max_length=512")
    assert "3 texts (0.3%) are longer than 512 tokens and cut there" in said
    assert "Against today's [512], on the 1,003 texts that both hold" in said
    assert not _foreign(said)


def test_json_is_the_decision_and_nothing_else(table: Path) -> None:
    out = table.parent / "out"
    status, said, _ = run(
        *("analyze", table, *MODEL, "--json", "--out", out, "--fail-on", "go_if")
    )
    assert status == 3
    told = json.loads(said)
    assert told["class_name"] == "RBLNBertModel"
    assert told["max_seq_lens"] == [12, 90, 200, 512]
    assert set(told["files"]) == {
        each.relative_to(out).as_posix() for each in out.rglob("*") if each.is_file()
    }


def test_no_page_speaks_of_images(table: Path) -> None:
    out = table.parent / "out"
    status, _, said = run(
        *("analyze", table, *MODEL, "--out", out, "--format", "html,md"),
        *("--current", "512", "--quiet"),
    )
    assert status == 0, said
    page = (out / "report.html").read_text("utf-8")
    body = re.sub(r"(?s)<(style|script).*?</\1>", "", page)
    text = re.sub(r"<[^>]+>", " ", body)
    for each in (text, (out / "summary.md").read_text("utf-8")):
        assert not _foreign(each)
        assert "[12, 90, 200, 512]" in each.replace("\\", "")
    for id_ in (
        "decision",
        "buckets",
        "how-many",
        "strategies",
        "configuration",
        "method",
    ):
        assert f'id="{id_}"' in page
    assert "://" not in body.replace("http://www.w3.org/", "")


def _foreign(text: str) -> list[str]:
    return re.findall(r"(?i)\bimages?\b|\bpatch(?:es)?\b|\bViT\b|pixels?", text)


def test_what_users_write_is_escaped_on_the_page(tmp_path: Path) -> None:
    table = tmp_path / "texts.csv"
    table.write_text("<script>alert(1)</script>,tokens\na,12\nb,40\n")
    out = tmp_path / "out"
    assert run("analyze", table, *MODEL, "--out", out)[0] == 0
    page = (out / "report.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--lengths", "tokens"), "--lengths tokens needs --model"),
        ((*MODEL, "--max-pixels", "1024"), "--max-pixels: of images or a decoder"),
        ((*MODEL, "--batch-size", "4"), "--batch-size: of images or a decoder"),
        (("--max-tokens", "9"), "--max-tokens: of texts"),
        ((*MODEL, "--max-tokens", "600"), "--max-tokens: expected 1 to 512"),
        ((*MODEL, "--current", "0"), "expected lengths from 1 up"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(
    options: tuple[str, ...], says: str, table: Path
) -> None:
    status, _, said = run("analyze", table, "--out", table.parent / "out", *options)
    assert status == 2
    assert says in said
    assert not (table.parent / "out").exists()


def test_a_text_encoder_without_lengths_says_what_to_type(table: Path) -> None:
    status, _, said = run("analyze", table, "--model", "bge-m3")
    assert status == 1
    assert "--lengths COLUMN names their column" in said


def test_a_column_that_is_not_there_is_refused(table: Path) -> None:
    status, _, said = run("analyze", table, "--lengths", "tok", "--model", "bge-m3")
    assert status == 1
    assert "length=tok: there is no such column; found 'tokens', 'n', 'kind'" in said


def test_a_release_too_old_for_the_class_is_refused(table: Path) -> None:
    status, _, said = run(
        *("analyze", table, "--lengths", "tokens", "--model", "modernbert-base"),
        *("--target", "optimum-rbln==0.10.4"),
    )
    assert status == 1
    assert "optimum-rbln==0.10.4 cannot compile modernbert; expected" in said


def test_older_releases_compile_the_longest_alone(table: Path) -> None:
    analyzed(table, *MODEL, "--target", "all")
    out = table.parent / "out"
    configs = {
        version: json.loads(
            (out / f"optimum-rbln-{version}" / "rbln_config.json").read_text()
        )
        for version in ("0.10.3", "0.10.4", "0.11.2", "0.12.0")
    }
    assert [each["max_seq_len"] for each in configs.values()] == [
        *(512, 512),
        *([12, 90, 200, 512], [12, 90, 200, 512]),
    ]
    assert "padding='max_length'" in (out / "optimum-rbln-0.10.4/load.py").read_text()
    assert "padding=False" in (out / "optimum-rbln-0.12.0/load.py").read_text()


def folders(out: Path) -> set[str]:
    return {each.name for each in out.iterdir() if each.is_dir()}


def test_the_newest_release_alone_has_a_folder_unless_others_are_named(
    table: Path,
) -> None:
    out = table.parent / "out"
    plan = analyzed(table, *MODEL)
    newest = {"optimum-rbln-0.12.0"}
    assert folders(out) == newest
    files = {each.name for each in (out / "optimum-rbln-0.12.0").iterdir()}
    assert files == {"rbln_config.json", "compile.py", "load.py"}
    assert plan["provenance"]["options"]["target"] == ["optimum-rbln==0.12.0"]
    analyzed(
        table, "--lengths", "tokens", "--model", "modernbert-base", "--target", "all"
    )
    # Those that came before its class have none.
    assert folders(out) == newest | {"optimum-rbln-0.11.2"}
    analyzed(table, *MODEL)
    assert folders(out) == newest


def test_a_plan_is_written_for_no_release_that_it_was_not_made_for(table: Path) -> None:
    traffic = bucketwise.read_traffic([table], columns={"length": "tokens"})
    made = bucketwise.analyze_lengths(traffic, model="bge-m3", target=["0.11.2"])
    out = table.parent / "out"
    with pytest.raises(UsageError, match=r"planned for \(optimum-rbln==0.11.2\), got"):
        bucketwise.write_encoder_plan(made, out, target=["0.12.0"], formats=())
    assert not out.exists()
    bucketwise.write_encoder_plan(made, out, formats=())
    assert folders(out) == {"optimum-rbln-0.11.2"}


def test_a_plan_may_be_todays_and_another_one_is_told_apart(table: Path) -> None:
    analyzed(table, *MODEL, "--buckets", "2")
    folder = table.parent
    before = folder / "before.json"
    before.write_text((folder / "out" / "plan.json").read_text("utf-8"))
    status, said, _ = run(
        *("analyze", table, *MODEL, "--current", before),
        *("--out", folder / "out", "--format", "none"),
    )
    assert status == 0
    assert "Against today's [90, 512]" in said
    assert "Against the plan that stood here: options changed." in said
    assert "max_seq_len: [90, 512] -> [12, 90, 200, 512]" in said


# Lint


def judged(config: Any, **asked: Any) -> Judged:
    [one] = bucketwise.lint_config(config, **asked).judged
    return one


def rules(config: Any, **asked: Any) -> dict[str, str]:
    return {
        each.rule: each.finding.severity for each in judged(config, **asked).reported
    }


def encoder(**config: Any) -> dict[str, Any]:
    return {"cls_name": "RBLNRobertaForMaskedLMConfig", "batch_size": 1} | config


def test_every_emitted_configuration_passes(table: Path) -> None:
    analyzed(table, *MODEL, "--target", "all")
    out = table.parent / "out"
    traffic = bucketwise.read_traffic([table], columns={"length": "tokens"})
    for name in ("rbln_config.json", "compile.py"):
        for version in ("0.10.3", "0.10.4", "0.11.2", "0.12.0"):
            found = rules(
                out / f"optimum-rbln-{version}" / name,
                target=version,
                model="bge-base-en-v1.5",
            )
            assert not found, (name, version)
    # Three texts are longer than the model takes: the tokenizer cuts them.
    found = rules(out / "optimum-rbln-0.12.0/compile.py", traffic=traffic)
    assert found == {"encoder/text-too-long": "warning"}
    assert not rules(out / "plan.json")


@pytest.mark.parametrize(
    ("value", "release", "expected"),
    [
        ([64, 512], "0.12.0", {}),
        (512, "0.10.4", {}),
        ([64, 512], "0.10.4", {"encoder/list-of-lengths-too-early": "error"}),
        ([64, 513], "0.12.0", {"encoder/length-beyond-positions": "error"}),
        (514, "0.11.2", {"encoder/length-beyond-positions": "error"}),
        (515, "0.10.4", {"encoder/length-beyond-positions": "error"}),
        ([512, 64, 64], "0.12.0", {"encoder/repeated-length": "info"}),
        ([], "0.12.0", {"encoder/no-token-lengths": "error"}),
        (["64"], "0.12.0", {"encoder/no-token-lengths": "error"}),
        ([64.0, 0], "0.12.0", {"encoder/no-token-lengths": "error"}),
    ],
)
def test_lengths_are_judged_as_the_class_takes_them(
    value: object, release: str, expected: dict[str, str]
) -> None:
    config = encoder(max_seq_len=value)
    assert rules(config, target=release, model="roberta-base") == expected


def test_the_default_length_of_roberta_is_one_that_fails() -> None:
    # The class takes max_position_embeddings, of which two serve no token.
    found = judged(encoder(), model="roberta-base").reported
    assert [each.rule for each in found] == ["encoder/length-beyond-positions"]
    assert "no max_seq_len, for which 514 tokens stand" in found[0].finding.found
    assert not rules({"cls_name": "RBLNBertModelConfig"}, model="bert-base")


def test_other_settings_and_releases_are_judged_too() -> None:
    found = rules(encoder(max_seq_len=64, decoder_batch_sizes=[1]), target="0.12.0")
    assert found == {"encoder/unknown-encoder-key": "error"}
    modern = {"cls_name": "RBLNModernBertForMaskedLMConfig", "max_seq_len": 64}
    assert rules(modern, target="0.11.0") == {"encoder/encoder-too-new": "error"}
    assert not rules(modern, target="0.12.0")


def test_what_is_not_judged_is_said() -> None:
    said = judged(encoder(max_seq_len=[64, 9_000])).not_judged
    assert said == (
        "memory, which bucketwise analyze --lengths estimates",
        "positions, because nothing names the model: --model would",
    )


def test_a_configuration_without_token_lengths_is_not_todays(tmp_path: Path) -> None:
    config = tmp_path / "rbln_config.json"
    config.write_text(json.dumps({"visual": {"max_seq_len": [1024]}}))
    table = tmp_path / "texts.csv"
    table.write_text("tokens\n12\n")
    traffic = bucketwise.read_traffic([table], columns={"length": "tokens"})
    with pytest.raises(ConfigError, match="sets no max_seq_len in tokens"):
        bucketwise.analyze_lengths(traffic, model="bge-m3", current=config)
