"""What is emitted for a text encoder compiles, loads and runs as its plan says."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.check_scripts import module_of
from tests.conformance.sdk import RELEASE, rbln, rebel, torch, transformers
from tests.conformance.text_encoders import ARCHITECTURES, PLANS, POSITIONS

tokenizers: Any = import_module("tokenizers")
counting: Any = import_module("torch.utils.flop_counter")

FOLDER = Path(os.environ["CONFORMANCE_EMITTED"])
LISTS = RELEASE.parsed >= (0, 11)
SERVED = [name for name, each in ARCHITECTURES.items() if each.served_by(RELEASE)]
HOST = ["RBLN-CA25"]
UNKNOWN = "<unk>"


@pytest.fixture(scope="module", params=SERVED)
def architecture(request: pytest.FixtureRequest) -> str:
    """An architecture that the release compiles."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def checkpoint(architecture: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of random weights, and a tokenizer of one word."""
    folder: Path = tmp_path_factory.mktemp(architecture)
    model_of(architecture).save_pretrained(folder)
    words = {UNKNOWN: 3, "<pad>": 0}
    model = tokenizers.models.WordLevel(words, unk_token=UNKNOWN)
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": UNKNOWN,
        "pad_token": "<pad>",
        "model_input_names": ["input_ids", "attention_mask"],
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    return folder


@pytest.mark.parametrize("plan", PLANS)
def test_the_scripts_compile_the_plans_lengths_and_each_text_runs_on_the_smallest(
    architecture: str, plan: str, checkpoint: Path, tmp_path: Path
) -> None:
    emitted = FOLDER / f"encoder.{architecture}.{plan}"
    planned = json.loads((emitted / "plan.json").read_text("utf-8"))["encoder"]
    lengths = planned["max_seq_lens"] if LISTS else planned["max_seq_lens"][-1:]
    rebel.NPUS[:] = HOST
    compiled = compile_with(emitted, checkpoint, tmp_path / "compiled")
    assert compiled == [[1, length] for length in lengths]
    script: Any = module_of(emitted / f"optimum-rbln-{RELEASE.dialect}/load.py")
    model, tokenizer = script.load(str(tmp_path / "compiled"))
    assert tokenizer.model_max_length == lengths[-1]
    for words in sorted({1, *lengths, *(length - 1 for length in lengths), 400}):
        inputs = script.encode(tokenizer, "word " * words)
        run(model, inputs)
        cut = min(words, lengths[-1])
        smallest = min(length for length in lengths if length >= cut)
        assert model.model[0].shapes[-1] == (1, smallest), words


@pytest.mark.skipif(not LISTS, reason="the release takes one length")
def test_a_text_longer_than_every_length_raises(
    architecture: str, checkpoint: Path, tmp_path: Path
) -> None:
    emitted = FOLDER / f"encoder.{architecture}.several"
    rebel.NPUS[:] = HOST
    compile_with(emitted, checkpoint, tmp_path / "compiled")
    script: Any = module_of(emitted / f"optimum-rbln-{RELEASE.dialect}/load.py")
    model, _ = script.load(str(tmp_path / "compiled"))
    ids = torch.ones(1, script.MAX_TOKENS + 1, dtype=torch.long)
    with pytest.raises(ValueError, match="exceeds the largest `max_seq_len` bucket"):
        run(model, {"input_ids": ids, "attention_mask": ids})


def test_releases_refuse_what_lint_says_they_refuse(
    architecture: str, checkpoint: Path
) -> None:
    rebel.NPUS[:] = HOST
    refusals = [
        (POSITIONS + 1, ValueError, "less or equal than max_position_embeddings"),
        (
            [64, POSITIONS + 1],
            ValueError if LISTS else TypeError,
            "max_position_embeddings" if LISTS else "'>' not supported",
        ),
        ([], ValueError if LISTS else TypeError, ""),
        (["64"], TypeError, "'>' not supported"),
    ]
    if not LISTS:
        refusals.append(([64, 128], TypeError, "'list' and 'int'"))
    for lengths, error, says in refusals:
        with pytest.raises(error, match=says):
            class_of(architecture).from_pretrained(
                str(checkpoint), export=True, rbln_config={"max_seq_len": lengths}
            )


def test_the_longest_usable_length_runs_and_one_more_does_not(
    architecture: str,
) -> None:
    each = ARCHITECTURES[architecture]
    plan = json.loads(
        (FOLDER / f"encoder.{architecture}.several/plan.json").read_text("utf-8")
    )
    usable = plan["model"]["usable_positions"]
    assert usable == POSITIONS - each.reserved
    model = model_of(architecture)
    run_eager(model, usable)
    if each.reserved:
        # The SDK compares with all positions, and so lets these through.
        with pytest.raises((IndexError, RuntimeError), match="index"):
            run_eager(model, usable + 1)


def test_the_cost_is_what_torch_counts(architecture: str) -> None:
    plan = json.loads(
        (FOLDER / f"encoder.{architecture}.several/plan.json").read_text("utf-8")
    )
    cost = plan["encoder"]["cost"]
    model = model_of(architecture, attn_implementation="eager")
    for length in (16, 64, 100):
        with counting.FlopCounterMode(display=False) as counted:
            run_eager(model, length)
        flop = cost["fixed"] + cost["a"] * length + cost["b"] * length**2
        if architecture == "ModernBertForMaskedLM":
            # The angles of both kinds of layers, the same for every text.
            config = model.config
            flop += 2 * length * config.hidden_size // config.num_attention_heads
        assert counted.get_total_flops() == flop, length


def class_of(architecture: str) -> Any:
    """Return the class of the SDK that compiles an architecture."""
    return getattr(rbln, f"RBLN{architecture}")


def model_of(architecture: str, **loading: Any) -> Any:
    """Return a model of random weights."""
    each = ARCHITECTURES[architecture]
    torch.manual_seed(0)
    config = getattr(transformers, each.config_class)(**each.config)
    for name, value in loading.items():
        setattr(config, f"_{name}", value)
    return getattr(transformers, architecture)(config).eval()


def compile_with(emitted: Path, checkpoint: Path, folder: Path) -> list[list[int]]:
    """Run the compile script; return the shapes of the graphs asked for, ascending."""
    script: Any = module_of(emitted / f"optimum-rbln-{RELEASE.dialect}/compile.py")
    rebel.COMPILED.clear()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(script, "MODEL_ID", str(checkpoint))
        patched.setattr(sys, "argv", ["compile", str(folder)])
        script.main()
    (graph,) = rebel.COMPILED
    assert graph.npu == HOST[0]
    sets = graph.input_info
    # One length is a set of inputs, several are a list of such sets.
    sets = sets if isinstance(sets[0], list) else [sets]
    return [list(inputs[0][1]) for inputs in sets]


def run(model: Any, inputs: Any) -> None:
    """Run a loaded model; a decoder's inputs are as long as the text."""
    named = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    for name in model.rbln_config.model_input_names:
        if name not in named:
            named[name] = torch.zeros_like(named["input_ids"])
    with torch.no_grad():
        model(**named)


def run_eager(model: Any, length: int) -> None:
    """Run transformers' own model on tokens that are no padding."""
    ids = torch.full((1, length), 5)
    named = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if type(model).__name__ == "PegasusModel":
        named["decoder_input_ids"] = ids
    with torch.no_grad():
        model(**named)
