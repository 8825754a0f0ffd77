"""The real Gemma4 classes take the lists bucketwise writes, and refuse what lint refuses."""

from __future__ import annotations

import json
import math
import os
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conformance.emitted import constants_of
from tests.conformance.sdk import RELEASE, rbln, rebel, torch, transformers

SINCE = (0, 11, 0)

pytestmark = pytest.mark.skipif(RELEASE.parsed < SINCE, reason="no class")

FOLDER = Path(os.environ["CONFORMANCE_EMITTED"])
TOLD: dict[str, Any] = json.loads((FOLDER / "soft_tokens.json").read_text("utf-8"))
RUNTIME = "optimum.rbln.transformers.models.gemma4.gemma4_runtime_utils"
CLASS = "RBLNGemma4ForConditionalGeneration"

plans = pytest.mark.parametrize(
    "folder",
    sorted(FOLDER.glob("gemma-4-26b-a4b.*")),
    ids=lambda folder: folder.name,
)


def config_of(folder: Path) -> dict[str, Any]:
    """Return the configuration that was written for the release."""
    file = folder / f"optimum-rbln-{RELEASE.dialect}" / "rbln_config.json"
    loaded: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return loaded


def built(config: dict[str, Any]) -> Any:
    """Return the configuration as the real classes take it, submodules and all."""
    whole = getattr(rbln, f"{CLASS}Config")(**config)
    tower = rbln.RBLNGemma4VisionModelConfig(**whole.vision_tower)
    language = rbln.RBLNGemma4ForCausalLMConfig(**whole.language_model)
    return SimpleNamespace(whole=whole, tower=tower, language=language)


@plans
def test_what_is_emitted_is_taken_by_all_three_classes(folder: Path) -> None:
    visual = json.loads((folder / "plan.json").read_text("utf-8"))["visual"]
    taken = built(config_of(folder))
    assert sorted(taken.tower.max_soft_tokens) == visual["soft_tokens"]
    assert sorted(taken.language.image_prefill_chunk_size) == visual["max_seq_lens"]
    assert not taken.whole.create_runtimes


@plans
def test_exporting_takes_it_with_the_dimensions_of_the_checkpoint(folder: Path) -> None:
    rebel.NPUS[:] = ["RBLN-CA22"]
    taken = built(config_of(folder))
    vision = transformers.Gemma4VisionConfig()
    rbln.RBLNGemma4VisionModel._update_rbln_config(  # noqa: SLF001 - exporting calls it
        None, None, vision, taken.tower
    )
    compiled = taken.tower.compile_cfgs[0].input_info
    assert sorted(info[0][1][1] for info in compiled) == [
        9 * count for count in sorted(taken.tower.max_soft_tokens)
    ]
    # What _update_submodule_config asks for before the language model is exported.
    taken.language.phases = ["prefill", "image_prefill", "decode"]
    text = transformers.Gemma4TextConfig(
        num_hidden_layers=12, hidden_size=2_560, num_attention_heads=8,
        num_key_value_heads=2, intermediate_size=10_240,
    )  # fmt: skip
    rbln.RBLNGemma4ForCausalLM._update_rbln_config(  # noqa: SLF001
        None, None, text, taken.language
    )
    names = [each.compiled_model_name for each in taken.language.compile_cfgs]
    chunks = sorted(taken.language.image_prefill_chunk_size, reverse=True)
    assert names[: 1 + len(chunks)] == [
        "prefill",
        *(f"image_prefill_{chunk}" for chunk in chunks),
    ]
    sizes = config_of(folder)["language_model"].get("decoder_batch_sizes", [1])
    assert names[1 + len(chunks) :] == [
        f"decoder_batch_{size}" for size in sorted(sizes, reverse=True)
    ]


@plans
def test_the_scripts_hold_the_configuration_and_the_count(folder: Path) -> None:
    held = constants_of(folder / f"optimum-rbln-{RELEASE.dialect}" / "compile.py")
    assert held["RBLN_CONFIG"] == config_of(folder)
    counts = config_of(folder)["vision_tower"]["max_soft_tokens"]
    assert held["MAX_SOFT_TOKENS"] in counts
    assert held["VIDEO_MAX_SOFT_TOKENS"] in counts


def test_the_class_refuses_exactly_the_lists_that_lint_does() -> None:
    kind = getattr(rbln, f"{CLASS}Config")
    refused = 0
    for row in TOLD["lists"]:
        config = {
            "vision_tower": {"max_soft_tokens": row["counts"]},
            "language_model": {"image_prefill_chunk_size": row["lengths"]},
        }
        if row["refused"]:
            refused += 1
            with pytest.raises(ValueError, match=r"[Ii]mage-prefill chunk size"):
                kind(**config)
        else:
            kind(**config)
    assert 0 < refused < len(TOLD["lists"])


def test_the_runtime_puts_a_run_on_the_length_that_bucketwise_says() -> None:
    kind: Any = import_module(RUNTIME).RBLNGemma4RuntimeModel
    asked = SimpleNamespace(
        rbln_config=SimpleNamespace(image_prefill_chunk_size=[384, 256])
    )
    assert TOLD["runs"]
    for row in TOLD["runs"]:
        # Text, the tokens of one image, and its end mark.
        types = torch.tensor([[0] * 5 + [1] * row["run"] + [0] * 3])
        run, chunk = kind._resolve_image_chunk(asked, types, 5, 1)  # noqa: SLF001 - what the prefill asks
        assert (run, chunk) == (row["run"], row["bucket"])


@pytest.mark.parametrize("told", TOLD["caches"], ids=lambda told: told["model"])
def test_the_cache_takes_what_bucketwise_counts(told: dict[str, Any]) -> None:
    rebel.NPUS[:] = ["RBLN-CA22"]
    language = language_of(transformers.Gemma4TextConfig(**told["text"]))
    held = dict.fromkeys(("full_attention", "sliding_attention"), 0)
    # Before 0.12.0 the class calls them so.
    metas = getattr(language, "cache_metas", None) or language.kvcache_metas
    assert metas
    for each in metas:
        # 16 bits, in multiples of 2 MiB.
        held[each.layer_type] += -(-2 * math.prod(each.shape) // 2**21) * 2**21
    assert held == {kind: told[kind] for kind in held}


@pytest.mark.parametrize("borrowing", [0, 6])
def test_layers_that_borrow_keys_and_values_cannot_be_wrapped(borrowing: int) -> None:
    rebel.NPUS[:] = ["RBLN-CA22"]
    text = transformers.Gemma4TextConfig(
        num_hidden_layers=12, hidden_size=64, intermediate_size=64, head_dim=16,
        num_attention_heads=2, num_key_value_heads=1, global_head_dim=32, vocab_size=100,
        vocab_size_per_layer_input=100, hidden_size_per_layer_input=8, sliding_window=64,
        num_kv_shared_layers=borrowing,
    )  # fmt: skip
    model = transformers.Gemma4ForCausalLM(text).eval()
    wrap = rbln.RBLNGemma4ForCausalLM._wrap_model_if_needed  # noqa: SLF001
    if not borrowing:
        assert wrap(model, language_of(text))
        return
    with pytest.raises(AttributeError, match="'k_proj'"):
        wrap(model, language_of(text))


def language_of(text: Any) -> Any:
    """Return a configuration completed for a language model, as exporting does it."""
    language = rbln.RBLNGemma4ForCausalLMConfig(
        max_seq_len=8 * TOLD["block"], kvcache_partition_len=TOLD["block"],
        kvcache_num_blocks=TOLD["blocks"], batch_size=TOLD["sequences"],
        use_inputs_embeds=True, phases=["prefill", "image_prefill", "decode"],
        image_prefill_chunk_size=[384],
    )  # fmt: skip
    return rbln.RBLNGemma4ForCausalLM._update_rbln_config(  # noqa: SLF001
        None, None, text, language
    )
