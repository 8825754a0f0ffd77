"""Planning for AWS Neuron end to end: lists, files, words, and lint of what is emitted."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bucketwise
from bucketwise.app.planning import write_plan
from bucketwise.core.analysis import Analysis
from bucketwise.core.patching import count_patches
from bucketwise.engines.neuron.base_config import NeuronBase
from bucketwise.engines.neuron.blocks import Encoder
from bucketwise.engines.neuron.nxdi import bucket_for
from bucketwise.errors import ConfigError, UsageError
from bucketwise.nouns.traffic import Traffic
from tests.budget import drawn
from tests.commands import bucketwise as run
from tests.strategies import clips_of, requests_of, traffic_of

ROOT = Path(__file__).parent.parent
PHOTOS = ROOT / "sample_traffic" / "web_photos.csv"
NXDI = "neuronx-distributed-inference==0.10.18399"
VLLM = "vllm-neuron==0.24.0.1.1.0"
BOTH = (NXDI, VLLM)
MODEL = "qwen3-vl-8b"

TRAFFIC = traffic_of((640, 480, 600), (1_080, 1_920, 300), (2_048, 2_048, 150))


def planned(target: str, traffic: Traffic = TRAFFIC, **more: Any) -> Analysis:
    options = {"model": MODEL, "target": [target]} | more
    return bucketwise.analyze(traffic, **options)


def flags_of(script: str) -> dict[str, str]:
    """Return the options of a serve line."""
    [line] = re.findall(r"^exec (?:.*\\\n)*.*$", script, re.MULTILINE)
    words = shlex.split(line)
    starts = [place for place, word in enumerate(words) if word.startswith("--")]
    return {
        words[at].removeprefix("--"): ""
        if words[at + 1].startswith(("--", "$"))
        else words[at + 1]
        for at in starts
    }


def emitted(analysis: Analysis, folder: Path) -> tuple[Any, dict[str, str], str]:
    """Return the configuration, the options of the serve line, and its comment."""
    out = folder / "out"
    write_plan(analysis, out, formats=())
    [target] = [each for each in out.iterdir() if each.is_dir()]
    script = (target / "serve.sh").read_text("utf-8")
    config = json.loads((target / "additional_config.json").read_text("utf-8"))
    flags = flags_of(script)
    # The two files say the same.
    assert json.loads(flags["additional-config"]) == config
    return config, flags, script


def vision(config: Any) -> Any:
    return config.get("override_neuron_config", config)["vision_neuron_config"]


def said(analysis: Analysis) -> dict[str, str]:
    return {each.id: each.words for each in analysis.plan.verdict.reasons}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (
            NXDI,
            {
                "enable_bucketing": True,
                "buckets": [1_040, 1_200, 1_600],
                "seq_len": 1_600,
            },
        ),
        (
            VLLM,
            {
                "vision_attention_block_size": 1_600,
                "num_vision_tokens_buckets": [16 * 1_600],
            },
        ),
    ],
)
def test_the_command_writes_what_a_server_takes(
    target: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    done = run(
        *("analyze", PHOTOS, "--model", MODEL, "--target", target, "--out", "out"),
        cwd=tmp_path,
    )
    assert done.returncode == 0
    folder = tmp_path / "out" / target.replace("==", "-")
    config = json.loads((folder / "additional_config.json").read_text("utf-8"))
    assert vision(config) == expected
    for file in ("serve.sh", "additional_config.json"):
        judged = run(
            *("lint", folder / file, "--traffic", PHOTOS),
            *("--model", MODEL, "--target", target),
            cwd=tmp_path,
        )
        assert judged.returncode == 0
        assert "0 errors, 0 warnings, 0 notes" in judged.stdout
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    shown = re.sub(r"<(style|script).*?</\1>", "", page, flags=re.DOTALL)
    assert "rbln" not in shown.lower()


@pytest.mark.parametrize("target", BOTH)
def test_neuron_and_rbln_are_answered_on_one_page(target: str, tmp_path: Path) -> None:
    done = run(
        *("analyze", PHOTOS, "--model", MODEL, "--out", "out"),
        *("--target", target, "--target", "optimum-rbln==0.12.0"),
        cwd=tmp_path,
    )
    assert done.returncode == 0
    ours, others = done.stdout.split("On RBLN:")
    lengths = "[1040, 1200, 1600]" if target == NXDI else "[1600]"
    assert f"Compile {lengths} ViT patches" in ours
    assert "Compile [1040, 1200, 1600] ViT patches" in others
    folders = {each.name for each in (tmp_path / "out").iterdir() if each.is_dir()}
    assert folders == {target.replace("==", "-"), "optimum-rbln-0.12.0"}


def test_targets_tells_what_was_run_and_what_was_read(tmp_path: Path) -> None:
    told = run("targets", cwd=tmp_path).stdout
    assert "NxD Inference: lists in ViT patches; a larger input fails" in told
    assert "vLLM Neuron: lists in ViT patches; a larger input fails" in told
    assert re.search(r"vLLM Neuron: .* read, not run", told)
    assert NXDI in told
    assert VLLM in told


def test_requests_are_the_items_of_nxd_inference_and_one_image_each(
    tmp_path: Path,
) -> None:
    analysis = planned(NXDI)
    assert "all images of a request together" in said(analysis)["requests"]
    _, flags, script = emitted(analysis, tmp_path)
    assert json.loads(flags["limit-mm-per-prompt"]) == {"image": 1, "video": 0}
    assert "all images of a request together" in script.replace("\n# ", " ")


shot = st.tuples(st.integers(56, 1_500), st.integers(56, 1_500))


@settings(max_examples=drawn(12, 200))
@given(
    groups=st.lists(st.lists(shot, min_size=1, max_size=4), min_size=1, max_size=5),
    data=st.data(),
)
def test_a_bucket_holds_the_images_of_a_request_and_whatever_limits_let_one_have(
    groups: list[list[tuple[int, int]]], data: st.DataObject
) -> None:
    traffic = requests_of(*groups, times=3)
    analysis = planned(NXDI, traffic, cost="linear")
    visual, counts = analysis.plan.visual, analysis.counts
    sides = zip(counts.sizes.height_px, counts.sizes.width_px, strict=True)
    patches = dict(zip(sides, counts.vit_patches.tolist(), strict=True))
    ran_on = [
        bucket_for(visual.vit_max_seq_lens, sum(patches[shape] for shape in group))
        for group in groups
    ]
    assert 3 * sum(ran_on) == pytest.approx(visual.padded_compute)
    most = max(len(group) for group in groups)
    # Nothing that --limit-mm-per-prompt and max_pixels let through is refused.
    largest = data.draw(st.lists(shot, min_size=1, max_size=most))
    sent = traffic_of(*((h * 4, w * 4) for h, w in largest)).sizes()
    needed = count_patches(sent, analysis.profile, analysis.preprocessing).vit_patches
    assert bucket_for(visual.vit_max_seq_lens, int(sent.count @ needed))
    assert visual.overflow_possible <= visual.vit_max_seq_lens[-1]


def test_requests_of_several_images_are_served_and_said_to_be(tmp_path: Path) -> None:
    shots = [[(640, 480)] * 3, [(1_080, 1_920), (640, 480)], [(640, 480)]]
    analysis = planned(NXDI, requests_of(*shots, times=50))
    assert "have up to 3" in said(analysis)["requests"]
    [told] = [each for each in analysis.plan.assumptions if each.name == "a request"]
    assert (told.value, told.status) == ("3 images", "measured")
    config, flags, script = emitted(analysis, tmp_path)
    assert vision(config)["buckets"][-1] >= 8_160 + 1_200
    assert json.loads(flags["limit-mm-per-prompt"]) == {"image": 3, "video": 0}
    assert "of the requests" in script
    assert "up to 3 images" in script


sizes = st.tuples(
    st.integers(56, 2_500), st.integers(56, 2_500), st.sampled_from([1.0, 20.0, 1e3])
)


@settings(max_examples=drawn(15, 300))
@given(rows=st.lists(sizes, min_size=1, max_size=6, unique=True))
def test_the_plan_costs_what_running_each_image_alone_costs(
    rows: list[tuple[int, int, float]],
) -> None:
    analysis = planned(NXDI, traffic_of(*rows), cost="linear")
    counts, visual = analysis.counts, analysis.plan.visual
    ran_on = [
        bucket_for(visual.vit_max_seq_lens, int(each)) for each in counts.vit_patches
    ]
    computed = sum(ran_on * counts.sizes.count)
    assert computed == pytest.approx(visual.padded_compute)


@settings(max_examples=drawn(10, 200))
@given(
    rows=st.lists(sizes, min_size=1, max_size=4, unique=True),
    cores=st.sampled_from([1, 2, 4, 16]),
    requests=st.sampled_from([1, 3, 8]),
    data=st.data(),
)
def test_whatever_comes_together_fits_the_blocks_of_vllm_neuron(
    rows: list[tuple[int, int, float]], cores: int, requests: int, data: st.DataObject
) -> None:
    traffic = traffic_of(*rows)
    engine = bucketwise.engines.engine_for([VLLM])
    base = engine.base_of("qwen3_vl", None, {"devices": cores})
    analysis = planned(VLLM, traffic, base=base, batch_size=requests)
    own = analysis.base
    assert isinstance(own, NeuronBase)
    block = analysis.plan.visual.vit_max_seq_lens[-1]
    encoder = Encoder(
        buckets=tuple(each * block for each in own.counts), block=block, dp=own.dp
    )
    images = [int(each) for each in analysis.counts.vit_patches]
    call = data.draw(st.lists(st.sampled_from(images), min_size=1, max_size=requests))
    assert encoder.run(call).blocks >= len(call)


@pytest.mark.parametrize("target", BOTH)
def test_what_is_emitted_passes_lint_with_and_without_a_decoder(
    target: str, tmp_path: Path
) -> None:
    load = tmp_path / "load.csv"
    busy = [1] * 200 + [2] * 60 + [3] * 30 + [12] * 20
    load.write_text(
        "timestamp,num_running\n"
        + "".join(f"{at},{each}\n" for at, each in enumerate(busy))
    )
    evidence = bucketwise.read_evidence([load])
    both: tuple[tuple[str, dict[str, Any]], ...] = (
        ("plain", {}),
        ("decoder", {"evidence": evidence, "batch_size": 12, "step_cost": "slots"}),
    )
    for name, more in both:
        analysis = planned(target, **more)
        config, flags, _ = emitted(analysis, tmp_path / name)
        out = tmp_path / name / "out"
        for file in (out / target.replace("==", "-")).iterdir():
            [judged] = bucketwise.lint_config(
                file, model=MODEL, traffic=TRAFFIC, target=target
            ).judged
            assert not judged.reported
        if not more:
            continue
        assert analysis.plan.decoder is not None
        sizes_ = list(analysis.plan.decoder.decoder_batch_sizes)
        assert len(sizes_) > 1
        assert flags["max-num-seqs"] == "12"
        if target == NXDI:
            assert config["override_neuron_config"]["text_neuron_config"] == {
                "tkg_batch_size": 12,
                "token_generation_batches": sizes_,
            }
            assert "no-enable-prefix-caching" in flags
        else:
            assert config["neuron_config"] == {"num_seqs_buckets": sizes_}


def test_one_decode_graph_asks_for_nothing_to_be_switched_off(tmp_path: Path) -> None:
    load = tmp_path / "load.csv"
    load.write_text(
        "timestamp,num_running\n" + "".join(f"{at},8\n" for at in range(90))
    )
    evidence = bucketwise.read_evidence([load])
    config, flags, _ = emitted(planned(NXDI, evidence=evidence, batch_size=8), tmp_path)
    assert config["override_neuron_config"]["text_neuron_config"] == {
        "tkg_batch_size": 8
    }
    assert "no-enable-prefix-caching" not in flags


def test_few_ranks_leave_out_the_list_that_small_images_would_break(
    tmp_path: Path,
) -> None:
    engine = bucketwise.engines.engine_for([VLLM])
    base = engine.base_of("qwen3_vl", None, {"devices": 1})
    wide = planned(VLLM, base=base, batch_size=4)
    block = wide.plan.visual.vit_max_seq_lens[-1]
    config, _, _ = emitted(wide, tmp_path / "wide")
    assert vision(config)["num_vision_tokens_buckets"] == [4 * block]
    assert "[1] would compute less and is left out" in said(wide)["block-counts"]
    # Where all images are nearly as large as a block none goes two to a bucket of one.
    narrow = planned(
        VLLM,
        traffic_of((3_072, 3_072, 9)),
        base=base,
        batch_size=4,
        min_pixels=3_072**2 - 64 * 3_072,
        max_pixels=3_072**2,
    )
    block = narrow.plan.visual.vit_max_seq_lens[-1]
    config, _, _ = emitted(narrow, tmp_path / "narrow")
    assert vision(config)["num_vision_tokens_buckets"] == [block, 4 * block]


def test_a_clip_takes_a_block_a_frame_and_nxd_inference_takes_none(
    tmp_path: Path,
) -> None:
    traffic = clips_of((448, 448, 8, 50.0), (640, 480, 0, 50.0))
    _, flags, _ = emitted(planned(VLLM, traffic), tmp_path)
    assert json.loads(flags["limit-mm-per-prompt"]) == {"image": 1, "video": 1}
    # 8 requests with an image and the 4 temporal patches of a clip each.
    assert (
        "Up to 40 images may come together"
        in said(planned(VLLM, traffic))["block-counts"]
    )
    refused = planned(NXDI, traffic)
    assert refused.plan.verdict.call == "no"
    assert "images alone" in said(refused)["clips"]


def test_a_given_configuration_stays_around_the_lists(tmp_path: Path) -> None:
    given_ = tmp_path / "additional_config.json"
    given_.write_text(
        json.dumps(
            {
                "neuron_config": {"quantization": "bf16", "num_seqs_buckets": [4]},
                "vision_neuron_config": {"tp_size": 4},
            }
        )
    )
    done = run(
        *("analyze", PHOTOS, "--model", MODEL, "--target", VLLM, "--out", "out"),
        *("--base", given_, "--devices", "4", "--batch-size", "3"),
        cwd=tmp_path,
    )
    assert done.returncode == 0
    folder = tmp_path / "out" / VLLM.replace("==", "-")
    config = json.loads((folder / "additional_config.json").read_text("utf-8"))
    assert config["neuron_config"] == {"quantization": "bf16"}
    # All four ranks share the weights, so that none is left to deal blocks out to.
    assert config["vision_neuron_config"] == {
        "tp_size": 4,
        "vision_attention_block_size": 1_600,
        "num_vision_tokens_buckets": [3 * 1_600],
    }


def test_what_runs_today_is_read_in_its_words(tmp_path: Path) -> None:
    _, _, script = emitted(planned(NXDI), tmp_path)
    analysis = planned(
        NXDI, current=tmp_path / "out" / NXDI.replace("==", "-") / "serve.sh"
    )
    today = analysis.plan.visual.current
    assert script
    assert today is not None
    assert today.max_seq_lens == analysis.plan.visual.vit_max_seq_lens
    assert analysis.plan.verdict.call == "keep"


@pytest.mark.parametrize(
    ("model", "target", "words"),
    [
        ("qwen2-vl-7b", NXDI, "numbers of images"),
        ("qwen2.5-vl-7b", NXDI, "no class for qwen2_5_vl"),
        ("qwen2-vl-7b", VLLM, "no class for qwen2_vl"),
    ],
)
def test_a_model_without_lists_is_refused_in_words(
    model: str, target: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        planned(target, model=model)


def test_what_neuron_cannot_do_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="every image runs in a block of one size"):
        planned(VLLM, buckets=(2, 3))
    with pytest.raises(UsageError, match=r"expected vllm-neuron==0\.24\.0\.1\.1\.0"):
        planned("vllm-neuron==0.29.0")
    engine = bucketwise.engines.engine_for([NXDI])
    with pytest.raises(ConfigError, match="--npu: no setting of AWS Neuron"):
        engine.base_of("qwen3_vl", None, {"npu": "RBLN-CA25"})
    base = engine.base_of("qwen3_vl", None, {"max_seq_len": 100})
    small = planned(NXDI, base=base)
    assert small.plan.verdict.call == "no"
    assert "context-below-image" in said(small)


def test_the_worst_of_scenarios_is_not_sought_over_requests() -> None:
    sent = requests_of([(640, 480)] * 2, [(1_080, 1_920)])
    label = np.arange(sent.count.size) % 2
    traffic = replace(sent, labels=("chat", "docs"), label=label)
    with pytest.raises(UsageError, match="requests of one image each"):
        planned(NXDI, traffic, strategy="robust")
    # Without it, requests are planned for, and no scenario is told of.
    assert planned(NXDI, traffic).plan.scenarios == ()
