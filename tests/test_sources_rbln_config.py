from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bucketwise.engines.rbln.engine import RBLN
from bucketwise.errors import ConfigError
from bucketwise.nouns.document import GivenConfig
from bucketwise.read.configs.documents import read_documents
from bucketwise.read.configs.documents import text as texts
from bucketwise.read.configs.scenarios import (
    GivenLengths,
    config_in,
    read_lengths,
)

# As optimum-rbln 0.12.0 saves it (RBLNModelConfig.save), shortened.
COMPILED = {
    "cls_name": "RBLNQwen3VLForConditionalGenerationConfig",
    "dtype": "float32",
    "optimum_rbln_version": "0.12.0",
    "_compile_cfgs": [
        {"compiled_model_name": "prefill", "npu": None, "num_devices": 8}
    ],
    "batch_size": 1,
    "max_seq_len": 262_144,
    "lora_config": None,
    "kvcache_partition_len": 16_384,
    "kvcache_num_blocks": 17,
    "cache_metas": [{"name": "past_key_values_0"}],
    "_requires_batch_sort": False,
    "decoder_batch_sizes": [1],
    "visual": {
        "cls_name": "RBLNQwen3VLVisionModelConfig",
        "dtype": "float32",
        "optimum_rbln_version": "0.12.0",
        "_compile_cfgs": [{"compiled_model_name": "compiled_model", "num_devices": 8}],
        "batch_size": 1,
        "max_seq_len": [4096, 1024],
    },
}


def current_lengths(text: str) -> GivenLengths:
    return read_lengths(text, RBLN.vocabulary, "--current")


def write(folder: Path, content: Any, name: str = "rbln_config.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "1024,3136,16384",
        "16384 3136 1024",
        "[1024, 3136, 16384]",
        "(1024; 3136; 16384)",
        " 1024,\t3136, 16384 \n",
        "+1024,3136,16384",
    ],
)
def test_a_list_is_read_however_it_is_written(text: str) -> None:
    found = current_lengths(text)
    assert found.lengths == (1024, 3136, 16384)
    assert found.source == "given"
    assert found.notes == ()


def test_a_length_given_twice_counts_once_with_a_note() -> None:
    found = current_lengths("1024,4096,1024")
    assert found.lengths == (1024, 4096)
    assert "counted once" in found.notes[0]


@pytest.mark.parametrize(
    "text", ["0", "-5", "1024,-3", "9" * 30, "[]", ",", "1" * 9999]
)
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected "):
        current_lengths(text)


def test_more_lengths_than_anyone_compiles_are_refused() -> None:
    with pytest.raises(ConfigError, match="lengths, got 1001"):
        current_lengths(",".join(str(n) for n in range(1, 1002)))


@pytest.mark.parametrize(
    "text", ["", "nope.json", "1024.5", "1e3", "a" * 5000, "x\0y", "1024,4096.json"]
)
def test_neither_a_list_nor_a_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--current"):
        current_lengths(text)


@pytest.mark.parametrize(
    "content",
    [
        {"visual": {"max_seq_lens": [4096, 1024]}},
        {"visual": {"max_seq_len": [1024, 4096]}},
        {"visual": {"max_seq_len": [1024, 4096], "max_seq_lens": [7]}},
        {"vlm": {"visual": {"max_seq_lens": [1024, 4096]}}},
        {"rbln_config": {"visual": {"max_seq_lens": [1024, 4096]}}},
        {"optimum_overrides": {"visual": {"max_seq_len": [1024, 4096]}}},
        {"max_seq_lens": [1024, 4096]},
        {"cls_name": "RBLNQwen3VLVisionModelConfig", "max_seq_len": [1024, 4096]},
        [4096, 1024],
        COMPILED,
    ],
)
def test_lengths_are_found_wherever_they_stand(content: Any, tmp_path: Path) -> None:
    found = current_lengths(str(write(tmp_path, content)))
    assert found.lengths == (1024, 4096)
    assert found.source == "rbln_config.json"
    assert not found.is_list


def test_one_length_may_be_a_bare_number(tmp_path: Path) -> None:
    path = write(tmp_path, {"visual": {"max_seq_lens": 6400}})
    assert current_lengths(str(path)).lengths == (6400,)


def read_rbln_config(source: Path) -> GivenConfig:
    found = config_in(read_documents(source), RBLN.vocabulary)
    assert found is not None
    return found


def test_lengths_alone_are_no_base() -> None:
    assert config_in(read_documents("1024,4096"), RBLN.vocabulary) is None


def test_a_compiled_folder_is_read_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, COMPILED)
    assert current_lengths(str(tmp_path)).lengths == (1024, 4096)
    assert read_rbln_config(tmp_path).mapping["visual"]["max_seq_len"] == [4096, 1024]


@pytest.mark.parametrize(
    "content",
    [{}, {"max_seq_len": 262_144}, {"visual": {}}, {"visual": {"device": 1}}],
)
def test_a_file_without_lengths_is_a_base_but_not_current(
    content: Any, tmp_path: Path
) -> None:
    path = write(tmp_path, content)
    assert read_rbln_config(path).mapping == content
    with pytest.raises(ConfigError, match=r"no visual\.max_seq_len"):
        current_lengths(str(path))


@pytest.mark.parametrize(
    "lengths",
    [[], [0], [True], [1.0], ["x"], ["1024", 4096], [None], {}, "1024,4096", [[1]]],
)
def test_lengths_of_the_wrong_kind_are_refused(lengths: Any, tmp_path: Path) -> None:
    path = write(tmp_path, {"visual": {"max_seq_len": lengths}})
    with pytest.raises(
        ConfigError, match=r"rbln_config\.json:1: visual\.max_seq_len: expected"
    ):
        current_lengths(str(path))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ("", "no configuration found"),
        ('{"a": 1, "a": 2}', "appears twice"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('"text"', "no configuration found"),
    ],
)
def test_a_bad_file_is_refused_with_its_name(
    content: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"rbln_config\.json") as caught:
        read_rbln_config(write(tmp_path, content))
    assert words in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ConfigError, match="no UTF-8"):
        read_rbln_config(path)


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "MAX_BYTES", 10)
    with pytest.raises(ConfigError, match="at most 10 bytes"):
        read_rbln_config(write(tmp_path, {"visual": {"max_seq_len": 6400}}))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a folder without rbln_config\.json"):
        read_rbln_config(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="not a file"):
        read_rbln_config(pipe)


def test_a_file_that_cannot_be_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path, {})
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(ConfigError, match="Permission denied"):
        read_rbln_config(path)


def test_a_written_configuration_is_kept_as_it_is(tmp_path: Path) -> None:
    content = {"visual": {"max_seq_len": 64, "cls_name": "X"}, "dtype": "x", "y": None}
    found = read_rbln_config(write(tmp_path, content))
    assert found.mapping == content
    assert found.notes == ()


def test_a_compiled_folder_loses_what_compiling_makes(tmp_path: Path) -> None:
    found = read_rbln_config(write(tmp_path, COMPILED))
    assert found.mapping == {
        "batch_size": 1,
        "max_seq_len": 262_144,
        "kvcache_partition_len": 16_384,
        "kvcache_num_blocks": 17,
        "decoder_batch_sizes": [1],
        "num_devices": 8,
        "visual": {"batch_size": 1, "max_seq_len": [4096, 1024], "num_devices": 8},
    }
    assert any("kvcache_num_blocks 17 is kept" in note for note in found.notes)


def test_graphs_of_another_shape_are_only_left_out(tmp_path: Path) -> None:
    shapes: tuple[Any, ...] = ({}, [], [7], [{"tensor_parallel_size": "8"}])
    for graphs in shapes:
        found = read_rbln_config(write(tmp_path, {"_compile_cfgs": graphs}))
        assert found.mapping == {}
