"""Configurations are read wherever they are written, each value with its place."""

from __future__ import annotations

import io
import json
import os
import string
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.engines.rbln.base_config import Overrides, zoo_base
from bucketwise.engines.rbln.emit import emit
from bucketwise.engines.rbln.model_classes import MODEL_CLASSES, serves, within
from bucketwise.engines.rbln.targets import TARGETS
from bucketwise.errors import BucketwiseError, ConfigError
from bucketwise.nouns.document import Document, Unknown
from bucketwise.read.configs.documents import mapping_document, read_documents, text
from tests.test_emitters import MODELS, make_plan
from tests.test_sources_rbln_config import COMPILED

PLAIN = {"visual": {"max_seq_len": [1024, 4096]}, "batch_size": 8}


def write(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def one(source: str | Path) -> Document:
    [document] = read_documents(source)
    return document


def python(code: str) -> tuple[Document, ...]:
    return read_documents(f"from optimum.rbln import *\n{code}\n")


def first_line(document: Document, *path: str) -> int:
    return document.place(path).line


# --- one mapping, however it is written ---------------------------------------------

KEYS = st.text(string.ascii_lowercase + "_", min_size=1, max_size=6)
LEAVES = st.one_of(
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.text(string.printable.replace("\r", ""), max_size=12),
    st.lists(st.integers(0, 99_999), max_size=4),
)
CONFIGS = st.dictionaries(
    KEYS, LEAVES | st.dictionaries(KEYS, LEAVES, max_size=3), max_size=4
).map(lambda level: level | {"batch_size": 8})


def as_toml(level: dict[str, Any], before: str = "") -> str:
    # A JSON string is a TOML string.
    values = "".join(
        f"{key} = {json.dumps(value)}\n"
        for key, value in level.items()
        if not isinstance(value, dict)
    )
    tables = "".join(
        f"[{before}{key}]\n{as_toml(value, f'{before}{key}.')}"
        for key, value in level.items()
        if isinstance(value, dict)
    )
    return values + tables


@settings(max_examples=60, deadline=None)
@given(config=CONFIGS)
def test_json_yaml_toml_and_python_of_one_mapping_say_the_same(
    config: dict[str, Any],
) -> None:
    texts = {
        "json": json.dumps(config, indent=2),
        "yaml": yaml.safe_dump(config, sort_keys=False),
        "toml": f"# settings\n{as_toml(config)}",
        "python": f"import optimum.rbln\nrbln_config = {config!r}\n",
    }
    for form, content in texts.items():
        [document] = read_documents(content if "\n" in content else f"\n{content}")
        assert document.config == config, form
        lines = content.split("\n")
        for key in config:
            line = first_line(document, key)
            assert key in lines[line - 1], form


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ('{\n "visual": {\n  "max_seq_len": [\n1024,\n4096]},\n "batch_size": 8}', 3),
        ("visual:\n  # of the ViT\n  max_seq_len: [1024, 4096]\nbatch_size: 8\n", 3),
        ("batch_size = 8\n[visual]\nmax_seq_len = [1024,\n  4096]\n", 3),
        ("batch_size = 8\n\nvisual.max_seq_len = [1024, 4096]\n", 3),
        ("import x\nRBLN_CONFIG = {'visual':\n  {'max_seq_len': [1024, 4096]}}\n", 3),
    ],
)
def test_a_value_is_found_on_its_line(content: str, lines: int, tmp_path: Path) -> None:
    document = one(write(tmp_path, "any.txt", content))
    place = document.place(("visual", "max_seq_len"))
    assert (place.source, place.line) == ("any.txt", lines)
    assert document.place(("visual", "max_seq_len", "1")).line >= lines
    assert document.place(("visual", "nothing")) == document.place(("visual",))


def test_a_text_is_recognised_by_what_it_holds_not_by_its_name(tmp_path: Path) -> None:
    assert one(write(tmp_path, "a.toml", PLAIN)).config == PLAIN
    assert one(write(tmp_path, "a.json", yaml.safe_dump(PLAIN))).config == PLAIN
    assert one(write(tmp_path, "a.py", as_toml(PLAIN))).config == PLAIN


def test_a_line_that_only_looks_like_a_key_is_no_place() -> None:
    document = one('npu = """\nbatch_size = 1\nvisual.x = 2\n"""\nbatch_size = 8\n')
    assert first_line(document, "batch_size") == 5
    assert ("visual",) not in document.places
    assert document.place(("visual", "x")).line == 1


def test_a_line_and_standard_input_are_texts_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert one(json.dumps(PLAIN)).source == "the text given"
    stream = io.TextIOWrapper(io.BytesIO(yaml.safe_dump(PLAIN).encode()))
    monkeypatch.setattr(sys, "stdin", stream)
    document = one("-")
    assert document.config == PLAIN
    assert document.source == "stdin"


def test_a_value_at_hand_is_a_configuration() -> None:
    config = {"visual": {"max_seq_len": (1024, 4096)}}
    assert mapping_document(config).config == config
    assert mapping_document({"rbln_config": PLAIN}).form == "serve"
    with pytest.raises(ConfigError, match="finite number"):
        mapping_document({"visual": {"max_seq_len": float("nan")}})


# --- wrapped, compiled, vLLM's own file ---------------------------------------------


@pytest.mark.parametrize("wrapper", ["rbln_config", "optimum_overrides"])
def test_a_wrapped_configuration_is_what_vllm_rbln_takes(wrapper: str) -> None:
    document = one(json.dumps({wrapper: PLAIN}, indent=1))
    assert document.config == PLAIN
    assert document.form == "serve"
    assert first_line(document) == 2
    assert first_line(document, "batch_size") == 9


def test_a_compiled_folder_tells_its_release_its_class_and_its_devices(
    tmp_path: Path,
) -> None:
    write(tmp_path, "rbln_config.json", json.dumps(COMPILED, indent=1))
    document = one(tmp_path)
    assert document.form == "compiled"
    assert document.version == (0, 12, 0)
    assert document.class_name == "RBLNQwen3VLForConditionalGeneration"
    assert document.family == "qwen3_vl"
    assert document.config["num_devices"] == 8
    assert document.config["visual"]["num_devices"] == 8
    assert "_compile_cfgs" not in document.config
    # Devices stand where the graphs tell them.
    assert first_line(document, "num_devices") == 5
    assert first_line(document, "visual", "num_devices") > 20
    assert document.model == ""
    write(tmp_path, "config.json", {"model_type": "qwen3_vl"})
    assert one(tmp_path).model == str(tmp_path)
    assert one(tmp_path / "rbln_config.json").model == str(tmp_path)


def test_the_file_of_the_vit_alone_tells_its_lengths_and_nothing_else() -> None:
    [document] = read_documents(json.dumps(COMPILED["visual"]))
    assert document.form == "list"
    assert document.config["visual"]["max_seq_len"] == [4096, 1024]


def test_files_of_other_tools_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none of its keys.*model_type"):
        read_documents(write(tmp_path, "config.json", {"model_type": "qwen3_vl"}))


def test_vllms_own_file_is_a_serve_line() -> None:
    document = one(
        "model: Qwen/Qwen3-VL-8B-Instruct\nmax_num_seqs: 8\nenforce-eager: true\n"
        "additional-config:\n  optimum_overrides:\n    visual: {max_seq_len: [64]}\n"
        "mm-processor-kwargs: {min_pixels: 1024, max_pixels: 2048}\n"
    )
    assert document.config == {"visual": {"max_seq_len": [64]}}
    assert first_line(document, "visual", "max_seq_len") == 6
    assert document.serve is not None
    assert document.serve.model == "Qwen/Qwen3-VL-8B-Instruct"
    assert document.serve.channel == "--additional-config optimum_overrides"
    assert document.serve.flags["max-num-seqs"] == "8"
    assert document.serve.flags["enforce-eager"] == ""
    assert document.limits[0].max_pixels == 2048


# --- YAML ----------------------------------------------------------------------------


def test_yaml_aliases_and_merges_are_followed() -> None:
    document = one(
        "batch_size: 0x10\nmax_seq_len: 32_768\nlora_config: ~\ntimeout: 1.5\n"
        "npu: !!str 12\nvisual:\n  <<: [{num_devices: 2, npu: a}, {npu: b}]\n"
        "  num_devices: 3\n  device: &d [0, 1]\ndevice: *d\n"
    )
    assert document.config == {
        "batch_size": 16,
        "max_seq_len": 32_768,
        "lora_config": None,
        "timeout": 1.5,
        "npu": "12",
        "visual": {"num_devices": 3, "device": [0, 1], "npu": "a"},
        "device": [0, 1],
    }
    assert first_line(document, "visual", "num_devices") == 8
    assert first_line(document, "visual", "npu") == 6


def test_yaml_may_hold_several_documents() -> None:
    first, second = read_documents("batch_size: 1\n---\nbatch_size: 2\n")
    assert (first.config, second.config) == ({"batch_size": 1}, {"batch_size": 2})
    assert first_line(second, "batch_size") == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("visual: !!python/object:os.system {}\n", "expected plain values"),
        ("visual: !own [1]\n", "expected plain values"),
        ("visual: !own 1\n", "expected plain values"),
        ("visual: !!int x\n", "no int"),
        ("visual: .inf\nbatch_size: 1\n", "finite number"),
        (
            "batch_size: 1\nbatch_size: 2\n",
            "line 2: the key 'batch_size' appears twice",
        ),
        ("visual: {1: 2}\n\n", "expected a key that is text"),
        ("visual: *nothing\n", "names nothing"),
        ("visual: &a [*a]\n", "names nothing"),
        ("visual: {<<: 3}\n", "mappings alone"),
        ("visual: [\n\n", "neither JSON nor YAML"),
        ("batch_size: " + "[" * 90 + "]" * 90 + "\n", "nested too deeply"),
        ("- " * 200_000 + "\n", "nested too deeply"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(
                f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 10)}]\n"
                for n in range(9)
            ),
            "at most 100,000 values",
        ),
    ],
)
def test_yaml_that_is_none_of_ours_is_refused(content: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_documents(content)
    assert words in str(caught.value)


# --- Python --------------------------------------------------------------------------

CALL = "RBLNQwen3VLForConditionalGeneration.from_pretrained"


def test_a_call_tells_the_class_the_model_and_the_configuration() -> None:
    [document] = python(
        f"m = {CALL}(\n  'Qwen/Qwen3-VL-2B-Instruct', export=True,\n"
        "  rbln_config={'visual': {'max_seq_lens': [1024]}})"
    )
    assert document.config == {"visual": {"max_seq_lens": [1024]}}
    assert document.class_name == "RBLNQwen3VLForConditionalGeneration"
    assert document.family == "qwen3_vl"
    assert document.model == "Qwen/Qwen3-VL-2B-Instruct"
    assert document.form == "compile"
    assert first_line(document, "visual", "max_seq_lens") == 4


def test_single_settings_with_the_prefix_are_settings_and_win() -> None:
    [document] = python(
        f"{CALL}('m', rbln_config={{'batch_size': 1}}, rbln_batch_size=8,\n"
        "  rbln_visual={'max_seq_len': 64}, torch_dtype='auto')"
    )
    assert document.config == {"batch_size": 8, "visual": {"max_seq_len": 64}}
    assert first_line(document, "visual") == 3


def test_configuration_classes_are_read_with_what_is_nested_in_them() -> None:
    config = (
        "RBLNQwen3VLForConditionalGenerationConfig(\n"
        "  visual=RBLNQwen3VLVisionModelConfig(max_seq_len=[64]), batch_size=8)"
    )
    expected = {"visual": {"max_seq_len": [64]}, "batch_size": 8}
    [alone] = python(config)
    [given] = python(f"config = {config}\n{CALL}('m', rbln_config=config)")
    [auto] = python(f"RBLNAutoModel.from_pretrained('m', rbln_config={config})")
    for document in (alone, given):
        assert document.config == expected
        assert document.class_name == "RBLNQwen3VLForConditionalGeneration"
    assert auto.class_name == "RBLNAutoModel"
    assert auto.family == "qwen3_vl"
    [named] = python(f"config = {config}\npipeline('m', rbln_config=config)")
    assert (named.class_name, named.family) == ("", "qwen3_vl")
    assert first_line(alone, "visual", "max_seq_len") == 3


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2048*2048", 4_194_304),
        ("256 * 16 * 16", 65_536),
        ("1 << 14", 16_384),
        ("2**14 - 4", 16_380),
        ("-1", -1),
        ("+1", 1),
        ("9 // 2 % 3", 1),
        ("1 / 2", 0.5),
        ("(1024, 4096)", (1024, 4096)),
        ("[1024] + [4096]", [1024, 4096]),
        ("[0] * 3", [0, 0, 0]),
        ("list(range(4))", [0, 1, 2, 3]),
        ("range(0, 8, 4)", [0, 4]),
        ("tuple([1])", (1,)),
        ("sorted([2, 1])", [1, 2]),
        ("dict(a=1, **{'b': 2})", {"a": 1, "b": 2}),
        ("dict({'a': 1})", {"a": 1}),
        ("{**{'a': 1}, 'b': 2}", {"a": 1, "b": 2}),
        ("{'a': 1} | {'b': 2}", {"a": 1, "b": 2}),
        ("{'a': {'b': 3}}['a']['b']", 3),
        ("'a' 'b' + 'c'", "abc"),
        ("f'a{1}{2 * 3}'", "a16"),
        ("SIDE * SIDE", 16),
        ("True", True),
        ("None", None),
    ],
)
def test_plain_expressions_are_read(expression: str, value: object) -> None:
    [document] = python(f"SIDE = 4\nrbln_config = {{'batch_size': {expression}}}")
    assert document.config == {"batch_size": value}
    assert type(document.config["batch_size"]) is type(value)


@pytest.mark.parametrize(
    "expression",
    [
        "os.environ['X']",
        "args.batch_size",
        "int('8')",
        "8 if True else 9",
        "{1, 2}",
        "[*range(3)]",
        "{x: 1}",
        "{1: 2}",
        "{**x}",
        "dict(**x)",
        "dict([1])",
        "not 1",
        "-'a'",
        "1 // 0",
        "2 ** 10_000",
        "1 << 100_000",
        "9 ** 9 ** 9",
        "10 ** 60",
        "2.0 ** 0.5 ** -1 ** 2",
        "9" * 30,
        "1e999",
        "'a' * 10**9",
        "'%999999999d' % 1",
        "[0] * 10**9",
        "range(10**9)",
        "range(1, 2, 0)",
        "range('a')",
        "list(range(10**7))",
        "list(8)",
        "sorted(['a', 1])",
        "'a' + 1",
        "[1] - [1]",
        "1 @ 2",
        "b'x'",
        "1j",
        "...",
        "f'{x}'",
        "f'{1!r}'",
        "f'{1:3}'",
        "{'a': 1} + {}",
        "[1][0]",
        "TWICE",
        "ITSELF",
        "PARAMETER",
        "LOOP",
        "IMPORTED",
        "CAUGHT",
        "SHARED",
        "MATCHED",
        "PAIR",
        "FUNCTION",
        "+".join("1" * 500),
        "-" * 200 + "1",
        "lambda: 1",
        "(y := 1)",
    ],
)
def test_what_only_running_it_would_tell_is_marked(expression: str) -> None:
    [document] = python(
        "import IMPORTED\nTWICE = 1\nTWICE = 2\nITSELF = [ITSELF]\n"
        "def f(PARAMETER): pass\nfor LOOP in (1,): pass\n"
        "try: pass\nexcept OSError as CAUGHT: pass\n"
        "SHARED = 1\ndef g():\n    global SHARED\n"
        "match x:\n    case 1:\n        MATCHED = [y]\n"
        "PAIR = OTHER = 1\ndef FUNCTION(): pass\n"
        f"rbln_config = {{'max_seq_len': 64, 'batch_size': {expression}}}"
    )
    value = document.config["batch_size"]
    known = [value[0]] if isinstance(value, list) else [value]
    assert any(isinstance(each, Unknown) for each in known)
    assert document.config["max_seq_len"] == 64


def test_names_of_names_of_names_end() -> None:
    doubled = "\n".join(f"a{n} = [a{n - 1}, a{n - 1}]" for n in range(1, 60))
    [document] = python(f"a0 = 1\n{doubled}\nrbln_config = {{'device': a59}}")
    assert "device" in document.config


def test_a_mapping_of_anything_but_text_is_refused_as_a_value() -> None:
    with pytest.raises(ConfigError, match=r"visual\.a key: expected text, got '1\'"):
        mapping_document({"visual": {1: 2}})


def test_what_is_done_to_a_name_counts() -> None:
    [document] = python(
        "config = {'visual': {}, 'batch_size': 1, 'npu': 'a', 'timeout': 1}\n"
        "config['visual']['max_seq_len'] = [64]\n"
        "config.update({'batch_size': 8})\n"
        "if x:\n    config['npu'] = 'b'\n"
        "config['timeout'] += 1\nconfig.get('npu')\n"
        f"{CALL}('m', rbln_config=config)"
    )
    assert document.config["visual"] == {"max_seq_len": [64]}
    assert first_line(document, "visual", "max_seq_len") == 3
    assert document.config["batch_size"] == 8
    assert isinstance(document.config["npu"], Unknown)
    assert isinstance(document.config["timeout"], Unknown)


@pytest.mark.parametrize(
    "change",
    [
        "config.update(other)",
        "config.clear()",
        "config[key] = 1",
        "config['a']['b']['c'] = 1",
        "del config[key]",
    ],
)
def test_what_is_done_out_of_sight_leaves_nothing_known(change: str) -> None:
    with pytest.raises(ConfigError, match="only running it would tell"):
        python(
            f"config = {{'batch_size': 1}}\n{change}\n{CALL}('m', rbln_config=config)"
        )


def test_a_configuration_that_cannot_be_read_is_said_beside_one_that_can() -> None:
    [document] = python(
        f"{CALL}('m', rbln_config=args.config)\n{CALL}('m', rbln_config={PLAIN!r})"
    )
    assert document.config == PLAIN
    [note] = document.notes
    assert note.startswith("the text given:2: rbln_config: expected a mapping")
    assert "got args.config, which only" in note


@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        ("export=True, rbln_config={'device': [0]}", "compile"),
        ("export=False, rbln_config={'batch_size': 1}", "load"),
        ("rbln_config={'device': [0], 'visual': {'device': [1]}}", "load"),
        ("rbln_config={'device': [0], 'visual': {'max_seq_len': 64}}", "compile"),
        ("rbln_config={}", "compile"),
        ("export=True", "compile"),
        ("export=True, rbln_config=None", "compile"),
    ],
)
def test_what_is_given_to_load_is_told_from_what_is_given_to_compile(
    arguments: str, form: str
) -> None:
    [document] = python(f"{CALL}('m', {arguments})")
    assert document.form == form
    assert document.adds_to_folder == (form == "load")


def test_a_call_without_any_configuration_is_none() -> None:
    for code in (f"{CALL}('m')", f"{CALL}('m', rbln_config=None)", "x = 1"):
        with pytest.raises(ConfigError, match="no configuration found"):
            python(code)


def test_several_calls_are_told_in_their_order() -> None:
    documents = python(
        f"def a():\n  {CALL}('one', rbln_config={{'batch_size': 1}})\n"
        f"RBLN_CONFIG: dict = {{'batch_size': 2}}\n"
        f"{CALL}('three', rbln_config={{'batch_size': 3}})"
    )
    assert [each.config["batch_size"] for each in documents] == [1, 2, 3]


@pytest.mark.parametrize(
    ("code", "limits"),
    [
        ("AutoProcessor.from_pretrained('m', min_pixels=4, max_pixels=8)", (4, 8)),
        ("p = Qwen2VLProcessor(max_pixels=2 * 4)", (None, 8)),
        ("p.image_processor.max_pixels = 8", (None, 8)),
        ("p.size = {'shortest_edge': 4, 'longest_edge': 8}", (4, 8)),
        ("AutoProcessor.from_pretrained('m', size={'longest_edge': 8})", (None, 8)),
        ("MIN_PIXELS = 4\nMAX_PIXELS = 8", (4, 8)),
        ("MAX_PIXELS = 8\np.max_pixels = MAX_PIXELS", (None, 8)),
        ("c = [{'type': 'image', 'max_pixels': 8}]", (None, 8)),
        ("video_processor.max_pixels = 8", None),
        ("c = [{'type': 'video', 'video': 'x', 'max_pixels': 8}]", None),
        ("model.size = 3", None),
        ("p.max_pixels = args.max_pixels", None),
        ("p.max_pixels = True", None),
    ],
)
def test_image_limits_are_read_where_the_text_sets_them(
    code: str, limits: tuple[int | None, int | None] | None
) -> None:
    [document] = python(f"{code}\nrbln_config = {{'batch_size': 1}}")
    told = [(each.min_pixels, each.max_pixels) for each in document.limits]
    assert told == ([limits] if limits else [])
    assert all(each.source.endswith((":2", ":3")) for each in document.limits)


def test_limits_with_several_values_are_left_out_and_said() -> None:
    [document] = python("a.max_pixels = 8\nb.max_pixels = 9\nrbln_config = {}")
    assert not document.limits
    assert "max_pixels is set to 8, 9" in document.notes[0]


def test_keywords_of_vllms_classes_are_a_serve_line() -> None:
    [document] = python(
        "llm = LLM('Qwen/Qwen3-VL-2B-Instruct', max_num_seqs=8, enforce_eager=True,\n"
        "  dtype=args.dtype, seed=None, mm_processor_kwargs={'max_pixels': 8},\n"
        "  additional_config={'rbln_config': {'visual': {'max_seq_len': [64, x]}}})"
    )
    assert document.serve is not None
    assert document.serve.flags["max-num-seqs"] == "8"
    assert document.serve.flags["enforce-eager"] == ""
    assert not {"dtype", "seed"} & set(document.serve.flags)
    assert document.serve.model == document.model == "Qwen/Qwen3-VL-2B-Instruct"
    assert document.config["visual"]["max_seq_len"] == [64, Unknown("x")]
    assert first_line(document, "visual") == 4
    [unread] = python("LLM('m', additional_config=config)")
    assert unread.config == {}
    assert "which only running it would tell" in unread.notes[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("import x\nrbln_config = {\n", "line 2: not Python"),
        ("import x\nrbln_config = \0\n", "not Python"),
        ("import x\nrbln_config = " + "(" * 300 + ")" * 300, "not Python"),
        ("import x\nrbln_config = " + "-" * 100_000 + "1", "nested too deeply"),
    ],
)
def test_what_is_no_python_is_refused(content: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_documents(content)


def test_nothing_in_a_text_is_ever_run(tmp_path: Path) -> None:
    mark = tmp_path / "run"
    touch = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    python(f"{touch}\nrbln_config = {{'batch_size': {touch}}}")
    read_documents(f"touch {mark}\nvllm serve $(touch {mark}) --x `touch {mark}`\n")
    assert not mark.exists()


# --- notebooks -----------------------------------------------------------------------


def notebook(*cells: str | list[str]) -> str:
    return json.dumps(
        {
            "nbformat": 4,
            "cells": [
                {"cell_type": "markdown", "source": "rbln_config = {'a': 1}"},
                7,
                *({"cell_type": "code", "source": cell} for cell in cells),
            ],
        }
    )


def test_a_notebook_is_one_text_whose_places_name_the_cell(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "n.ipynb",
        notebook(
            ["!pip install \\\n", "  optimum-rbln==0.11.2\n", "%time 1\n", "B = 8"],
            f"\n{CALL}('m',\n  rbln_config={{'batch_size': B}})",
            "not = python",
            "%%bash\nexport A=1\nvllm serve Qwen/Qwen3-VL-2B-Instruct",
            "1\n!vllm serve a/b \\\n  --max-num-seqs 3",
            "%%writefile x\nnot python",
        ),
    )
    compiled, bash, line = read_documents(path)
    assert compiled.config == {"batch_size": 8}
    assert compiled.source == "n.ipynb"
    assert str(compiled.place(("batch_size",))) == "n.ipynb[cell 4]:3"
    assert compiled.version == (0, 11, 2)
    assert compiled.notes == ("n.ipynb[cell 5]: line 1: not Python (invalid syntax)",)
    assert str(bash.place(())) == "n.ipynb[cell 6]:3"
    assert bash.serve is not None
    assert bash.serve.environment == {"A": "1"}
    assert str(line.place(())) == "n.ipynb[cell 7]:2"
    assert line.serve is not None
    assert line.serve.flags == {"max-num-seqs": "3"}


def test_a_notebook_without_configuration_is_refused() -> None:
    with pytest.raises(ConfigError, match="no configuration found"):
        read_documents(notebook("x = 1"))
    with pytest.raises(ConfigError, match=r"cell 3.*not Python"):
        read_documents(notebook("not = python"))
    with pytest.raises(ConfigError, match="only running it would tell"):
        read_documents(notebook(f"{CALL}('m', rbln_config=x)"))
    found = read_documents(notebook(f"{CALL}('m', rbln_config=x)\n!vllm serve a/b"))
    assert len(found) == 1


# --- shell ---------------------------------------------------------------------------

SCRIPT = r"""#!/usr/bin/env bash
# it's a comment: vllm serve nothing
set -euo pipefail
MODEL=${1:-Qwen/Qwen3-VL-2B-Instruct}
export VLLM_RBLN_TP_SIZE=8 OTHER
ARGS=(--block-size 16384  # partition
      --trust-remote-code)
ARGS+=(--max-model-len 262144)
python - <<'END'
it's Python
END
CONFIG='{
  "rbln_config": {"visual": {"max_seq_len": [1024, 4096]}}
}'
if true; then
  LOG=1 exec vllm serve "$MODEL" "${ARGS[@]}" --max_num_seqs=8 \
    --additional-config "$CONFIG" \
    --mm-processor-kwargs '{"min_pixels": 4, "max_pixels": 8}' "$@" > log 2>&1 &
fi
"""


def test_a_script_is_read_as_its_shell_would_read_it(tmp_path: Path) -> None:
    document = one(write(tmp_path, "serve.sh", SCRIPT.replace("\n", "\r\n")))
    serve = document.serve
    assert serve is not None
    assert serve.model == document.model == "Qwen/Qwen3-VL-2B-Instruct"
    assert not serve.is_folder
    assert serve.environment == {"VLLM_RBLN_TP_SIZE": "8", "LOG": "1"}
    assert serve.channel == "--additional-config rbln_config"
    assert serve.flags["block-size"] == "16384"
    assert serve.flags["max-model-len"] == "262144"
    assert serve.flags["max-num-seqs"] == "8"
    assert serve.flags["trust-remote-code"] == ""
    assert document.config == {"visual": {"max_seq_len": [1024, 4096]}}
    assert first_line(document, "visual", "max_seq_len") == 13
    assert (document.limits[0].min_pixels, document.limits[0].max_pixels) == (4, 8)
    assert document.limits[0].source.endswith(":18")


def test_dotted_options_are_put_together_as_vllm_does() -> None:
    [document] = read_documents(
        "python3 -m vllm.entrypoints.openai.api_server --model=Qwen/Qwen3-VL-2B-Instruct "
        "--additional_config.rbln_config.batch_size 8 \\\n"
        "--additional-config.rbln_config.visual.max_seq_len '[1024]' "
        "--additional-config.rbln_config.visual.max_seq_len=[4096] "
        "--additional-config.rbln_config.visual.npu RBLN-CA25 "
        "--additional-config.rbln_config.device+ 0,1 "
        "--additional-config.rbln_config.max_seq_len 256K "
        '--additional-config \'{"rbln_config": {"batch_size": 1}}\' '
        "--mm-processor-kwargs.max_pixels 1k --mm-processor-kwargs.x $X"
    )
    assert document.config == {
        "batch_size": 8,
        "visual": {"max_seq_len": [1024, 4096], "npu": "RBLN-CA25"},
        "device": ["0", "1"],
        "max_seq_len": 262_144,
    }
    assert first_line(document, "batch_size") == 1
    assert first_line(document, "visual", "max_seq_len") == 2
    assert document.limits[0].max_pixels == 1_000
    assert "overtaken" in document.notes[0]


def test_every_way_to_hand_a_configuration_over_is_named() -> None:
    line = (
        "vllm serve a/b --rbln-optimum-overrides '{}' --rbln-config '{\"npu\": \"x\"}'"
    )
    overrides, direct = read_documents(line)
    assert overrides.serve is not None
    assert overrides.serve.channel == "--rbln-optimum-overrides"
    assert direct.serve is not None
    assert direct.serve.channel == "--rbln-config"
    assert direct.config == {"npu": "x"}


@pytest.mark.parametrize(
    ("line", "model", "is_folder"),
    [
        ("vllm serve Qwen/Qwen3-VL-2B-Instruct", "Qwen/Qwen3-VL-2B-Instruct", False),
        ("vllm serve --enforce-eager a/b -tp 8", "a/b", False),
        ("/opt/bin/vllm serve ./compiled", "./compiled", True),
        ("vllm serve /models/compiled", "/models/compiled", True),
        (
            "vllm serve /models/Qwen3-VL-2B-Instruct",
            "/models/Qwen3-VL-2B-Instruct",
            False,
        ),
        ("docker run -e A=1 image vllm serve mine", "mine", True),
        ('vllm serve "$FOLDER"', "$FOLDER", True),
        ("vllm serve ${MODEL}", "${MODEL}", False),
        ("vllm serve $(cat model)", "$(cat model)", False),
        ("OPTIONS='x/y --seed 1'; vllm serve $OPTIONS", "x/y", False),
        ("vllm serve --config file.yaml", "", False),
        ('vllm serve "a\\"b" \'c\'', 'a"b', True),
    ],
)
def test_what_is_served_is_told_as_far_as_the_line_tells(
    line: str, model: str, *, is_folder: bool
) -> None:
    [document] = read_documents(f"{line}\n")
    assert document.serve is not None
    assert (document.serve.model, document.serve.is_folder) == (model, is_folder)


def test_a_folder_that_is_here_is_looked_into(tmp_path: Path) -> None:
    [checkpoint] = read_documents(f"vllm serve {tmp_path}\n")
    write(tmp_path, "rbln_config.json", COMPILED)
    [compiled] = read_documents(f"vllm serve {tmp_path}\n")
    assert checkpoint.serve is not None
    assert compiled.serve is not None
    assert (checkpoint.serve.is_folder, compiled.serve.is_folder) == (False, True)


def test_what_only_the_shell_knows_is_marked() -> None:
    [document] = read_documents(
        'vllm serve a/b --additional-config "{\\"rbln_config\\": {\\"batch_size\\": '
        '$BATCH, \\"npu\\": \\"$NPU\\", \\"max_seq_len\\": 64}}"\n'
    )
    assert document.config["max_seq_len"] == 64
    assert document.config["batch_size"] == Unknown("$BATCH")
    assert document.config["npu"] == Unknown("$NPU")
    for option in ("additional-config", "rbln-config"):
        [unread] = read_documents(f'vllm serve a/b --{option} "$CONFIG" "${{X[@]}}"\n')
        assert unread.config == {}
        assert f"--{option} is $CONFIG" in unread.notes[0]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("vllm serve 'a/b", "line 1: a quote is not closed"),
        ("vllm serve a/b --additional-config {", "--additional-config: not JSON"),
        ("vllm serve a/b --additional-config 7", "expected a JSON object, got '7'"),
        ("vllm serve a/b --mm-processor-kwargs x", "--mm-processor-kwargs: not JSON"),
        ("# vllm serve a/b\n", "no configuration found"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused(line: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_documents(line)


# --- releases ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "version"),
    [
        ("# optimum-rbln==0.10.3\n", (0, 10, 3)),
        ("# pip install 'vllm-rbln[x]==0.11.2.post1'\n", (0, 11, 2)),
        ("# optimum-rbln==0.10.3, once optimum-rbln==0.10.4\n", None),
        ("# optimum-rbln>=0.10.3\n", None),
        ("# made by compile.optimum-0.10.4.py\n", (0, 10, 4)),
        ("", None),
    ],
)
def test_the_release_a_text_is_for_is_read_where_it_says_one(
    content: str, version: tuple[int, ...] | None
) -> None:
    [document] = python(f"{content}rbln_config = {{}}")
    assert document.version == version
    assert bool(document.version_source) == (version is not None)


# --- bounds --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"a": ' + "[" * 70 + "]" * 70 + "}", "nested too deeply"),
        ("{" + '"a":{' * 100_000, "nested too deeply|not JSON"),
        ('{"batch_size": 1, "batch_size": 2}', "appears twice"),
        ('{"batch_size": NaN}', "NaN"),
        ('{"batch_size": 1e999}', "finite number"),
        ("batch_size = 2020-01-01\n", "finite number"),
        ("batch_size = inf\n", "finite number"),
        ("batch_size = \n", "not TOML"),
        ("batch_size = " + "9" * 5_000 + "\n", "not TOML|no int"),
        ("a = " + "[" * 90 + "]" * 90 + "\n", "nested too deeply"),
        ("[a" + ".a" * 90 + "]\nb = 1\n", "nested too deeply"),
        ("[a" + ".a" * 40 + "]\nb" + ".b" * 40 + " = 1\n", "nested too deeply"),
        ("a = " + "[" * 9_000 + "]" * 9_000 + "\n", "nested too deeply"),
        (
            "A=a\n" + "A=$A$A\n" * 60 + "vllm serve $A\n",
            "expected what is set to stay within",
        ),
        (
            "A=(a)\n" + 'A=("${A[@]}" "${A[@]}")\n' * 60 + "vllm serve x\n",
            "expected what is set to stay within",
        ),
        ("vllm serve x\n" * 201, "at most 200 configurations"),
        ("batch_size: 1\n---\n" * 201, "at most 200 configurations"),
        ("import x\n" + "f(rbln_config={})\n" * 201, "at most 200 configurations"),
        ("plain words\n", "no configuration found"),
        ("\n", "no configuration found"),
    ],
)
def test_what_is_no_configuration_ends_in_a_clear_message(
    content: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        read_documents(content)


def test_files_that_are_too_large_or_no_text_or_not_there_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"nope\.json'?: no such file"):
        read_documents(tmp_path / "nope.json")
    with pytest.raises(ConfigError, match=r"a folder without rbln_config\.json"):
        read_documents(tmp_path)
    with pytest.raises(ConfigError, match="no such file"):
        read_documents("a" * 5_000)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="pipe: not a file"):
        read_documents(pipe)
    (tmp_path / "bytes").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ConfigError, match="byte 7 is no UTF-8"):
        read_documents(tmp_path / "bytes")
    for content in ("rbln_config = {}\n", "vllm serve x\n", "a: b\n", "a = 1\n"):
        with pytest.raises(ConfigError, match="at most 1,048,576 characters"):
            read_documents(content + "#" * text.MAX_CODE_CHARACTERS)
    cell = "#" * text.MAX_CODE_CHARACTERS
    with pytest.raises(ConfigError, match="at most 1,048,576 characters"):
        read_documents(notebook(cell, cell))
    monkeypatch.setattr(text, "MAX_BYTES", 3)
    with pytest.raises(ConfigError, match="at most 3 bytes"):
        read_documents(write(tmp_path, "large.json", PLAIN))


def test_a_file_that_cannot_be_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path, "x.json", PLAIN)
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(ConfigError, match="Permission denied"):
        read_documents(path)


SEEDS = (
    SCRIPT,
    json.dumps(COMPILED, indent=1),
    yaml.safe_dump({"additional-config": {"rbln_config": PLAIN}}),
    as_toml(PLAIN),
    notebook(f"{CALL}('m', rbln_config={PLAIN!r})", "!vllm serve a/b --x '{}'"),
    f"from x import y\nA = 1\n{CALL}('m', rbln_config={PLAIN!r}, rbln_npu=A)\n",
)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), seed=st.sampled_from(SEEDS))
def test_damaged_text_is_read_or_refused_and_nothing_else(
    data: st.DataObject, seed: str
) -> None:
    start = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(start, min(len(seed), start + 40)))
    put = data.draw(st.text("{}[]()'\"\\$`#\n\t =:,-&*!%<>|;ax1é\x00", max_size=6))
    damaged = f"{seed[:start]}{put}{seed[end:]}"
    try:
        documents = read_documents(f"\n{damaged}")
    except BucketwiseError:
        return
    assert documents
    for document in documents:
        for path in document.places:
            assert document.place(path).source


# --- what bucketwise itself writes ----------------------------------------------------

EVERYWHERE = [
    (version, family)
    for version, target in TARGETS.items()
    for family in MODELS
    if serves(target, family)
]


@pytest.mark.parametrize(("version", "family"), EVERYWHERE)
def test_every_emitted_file_is_read_back_as_what_it_says(
    version: str, family: str, tmp_path: Path
) -> None:
    plan = make_plan(family)
    limits = plan.visual.processor
    target = TARGETS[version]
    base = zoo_base(family, Overrides(batch_size=8))
    files = emit(plan, base, [target])
    found = {
        name: one(write(tmp_path, name, content)) for name, content in files.items()
    }
    config, compiling, loading, *served = found.values()
    assert len(served) == MODEL_CLASSES[family].generates
    written = json.loads(files[f"optimum-rbln-{version}/rbln_config.json"])
    assert config.config == compiling.config == written
    for document in found.values():
        assert document.version == target.parsed, document.source
        assert document.notes == ()
    assert config.form == compiling.form == "compile"
    assert loading.form == "load"
    level: Any = loading.config
    for key in within(family, loading.config):
        level = level[key]
    assert set(level) == {"device", "visual"}
    for document in (compiling, loading):
        assert document.class_name == MODEL_CLASSES[family].name
        assert document.family == family
    assert compiling.model == plan.model.hf_id
    for serving in served:
        assert serving.form == "serve"
        assert serving.serve is not None
        assert serving.serve.is_folder
        assert serving.adds_to_folder
        assert serving.config == {}
        assert serving.serve.flags["served-model-name"] == plan.model.hf_id
        assert serving.serve.flags["max-num-seqs"] == "8"
        assert bool(serving.serve.environment) == bool(target.devices_env)
    for document in (compiling, loading, *served):
        assert document.limits[0].min_pixels == limits.min_pixels
        assert document.limits[0].max_pixels == limits.max_pixels


def test_devices_that_an_emitted_line_places_are_read_back(tmp_path: Path) -> None:
    base = zoo_base()
    placed = json.loads(base.text) | {"device": [0, 1]}
    files = emit(
        make_plan(), replace(base, text=json.dumps(placed)), list(TARGETS.values())
    )
    for version in TARGETS:
        name = f"optimum-rbln-{version}/serve.sh"
        document = one(write(tmp_path, name, files[name]))
        assert document.config == {"device": [0, 1]}
        assert document.serve is not None
        assert document.serve.channel.startswith("--additional-config ")
