"""Commands are read alike wherever they are written, and refused in fitting words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.api.linting import lint_config
from bucketwise.lint.report import LintReport
from bucketwise.lint.subject import Document
from bucketwise.sources.configs.documents import read_documents
from tests.command_forms import FORMS, TELLS_NO_COLUMN, Words

MODEL = "Qwen/Qwen2.5-VL-7B-Instruct"

CONFIGS = st.fixed_dictionaries(
    {
        "visual": st.fixed_dictionaries(
            {},
            optional={
                "max_seq_len": st.lists(st.integers(1, 20_000), max_size=3),
                "max_seq_lens": st.integers(1, 9_999),
                "num_devices": st.integers(1, 8),
            },
        )
    },
    optional={
        "batch_size": st.integers(1, 8),
        "decoder_batch_sizes": st.lists(st.integers(1, 8), max_size=3),
        "npu": st.sampled_from(["RBLN-CA25", "it's", "a  b", "é"]),
        "kvcache_partition_len": st.sampled_from([4096, 16384]),
    },
)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": ")])
SINGLES = st.lists(
    st.sampled_from(
        [
            ("--block-size", "16384"),
            ("--max-num-seqs", "8"),
            ("--max-model-len=32768",),
            ("--trust-remote-code",),
            ("--mm-processor-kwargs", '{"min_pixels": 200704, "max_pixels": 1003520}'),
            ("--served-model-name", "our model"),
            ("--host", "0.0.0.0"),  # noqa: S104 - text that is read, nothing listens
        ]
    ),
    unique=True,
    max_size=5,
)


@st.composite
def serve_words(draw: st.DrawFn) -> tuple[list[str], dict[str, Any]]:
    """Return the words of a line that serves, and the configuration on it."""
    config = draw(CONFIGS)
    key = draw(st.sampled_from(["rbln_config", "optimum_overrides"]))
    held = json.dumps(
        {key: config}, separators=draw(SEPARATORS), ensure_ascii=draw(st.booleans())
    )
    singles = draw(SINGLES)
    at = draw(st.integers(0, len(singles)))
    model = draw(st.sampled_from([MODEL, "/models/Qwen2.5-VL-7B-Instruct"]))
    options = [*singles[:at], ("--additional-config", held), *singles[at:]]
    return ["vllm", "serve", model, *(w for each in options for w in each)], config


def written(folder: Path | str, form: str, words: Words) -> Path:
    path = Path(folder) / form
    path.write_text(FORMS[form](words))
    return path


def bare(document: Document) -> Document:
    """Return what a document says without where it says it."""
    limits = tuple(replace(each, source="") for each in document.limits)
    return replace(document, source="", places={}, path="", limits=limits)


def told(report: LintReport) -> list[tuple[object, ...]]:
    return [
        (each.rule, each.finding.severity, each.finding.path, each.finding.found)
        for judged in report.judged
        for each in judged.reported
    ]


@settings(max_examples=12, deadline=None)
@given(case=serve_words(), data=st.data())
def test_the_same_words_say_the_same_in_every_form(
    case: tuple[list[str], dict[str, Any]], data: st.DataObject
) -> None:
    words, config = case
    with TemporaryDirectory() as folder:
        [one] = read_documents(written(folder, "line.sh", words))
        assert one.config == config
        assert one.serve is not None
        for form in FORMS:
            path = written(folder, form, words)
            [document] = read_documents(path)
            assert bare(document) == bare(one), form
            if form not in TELLS_NO_COLUMN:
                lines = path.read_text().split("\n")
                for key in config:
                    place = document.place((key,))
                    if form.endswith(".ipynb"):
                        source = json.loads(path.read_text())["cells"][0]["source"]
                        lines = "".join(source).split("\n")
                    line, follows = (*lines[place.line - 1 :], "")[:2]
                    # YAML in double quotes may go on within a key.
                    split = line.endswith('"\\') and key in follows
                    assert key in line or split, (form, key)
        form = data.draw(st.sampled_from(sorted(FORMS)))
        assert told(lint_config(Path(folder) / form)) == told(
            lint_config(Path(folder) / "line.sh")
        )


@pytest.mark.parametrize("form", FORMS)
def test_what_is_wrong_is_told_at_its_line_in_every_form(
    form: str, tmp_path: Path
) -> None:
    config = {"visual": {"max_seq_lens": [1280, 16384]}, "batch_size": 8}
    held = json.dumps({"optimum_overrides": config})
    words = ["vllm", "serve", f"/models/{MODEL.partition('/')[2]}"]
    words += ["--block-size", "16384", "--max-num-seqs", "4"]
    path = written(tmp_path, form, [*words, "--additional-config", held])
    report = lint_config(path)
    rules = {rule for rule, *_ in told(report)}
    assert {"keys/wrong-key", "serving/overruled-option"} <= rules
    assert not {"serving/missing-block-size", "keys/unknown-class"} & rules
    [judged] = report.judged
    assert judged.subject.profile is not None
    assert judged.subject.profile.name == "qwen2.5-vl-7b"
