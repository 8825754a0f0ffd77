"""What to measure -> the script that has vLLM time its encoder, its steps and its prefill."""

from __future__ import annotations

from dataclasses import replace
from math import isqrt
from typing import Any

from bucketwise.engines.measure_script import measure_script
from bucketwise.engines.vllm.releases import BUDGETS, NEWEST, SWITCH, items_key
from bucketwise.nouns.engine import written
from bucketwise.nouns.measuring import ToMeasure
from bucketwise.nouns.profile import ModelProfile

CONTEXT = 2_048
"""Tokens that a sequence holds while decode steps are timed."""

ONE_IMAGE = 1
"""Images of a replay: each is timed by itself."""

STEPS = 64
"""Decode steps whose mean is one measurement."""

_TIMED = (
    "ms of the ViT is vLLM's own stopwatch around the encoder (encoder_forward_secs, as "
    "`vllm bench mm-processor` reads it), for an image that fills the one budget whose "
    "graph is captured. The table counts ViT patches, a budget merged tokens: IMAGES has "
    "tokens, width and height in pixels for each. peak_bytes is the most memory that torch "
    "held of the GPU; vLLM tells no compile_s and no graph_bytes of one graph. SERVER is "
    "what else yours is started with."
)
PROOF = (
    f"read, its options and calls are those of the wheel of vLLM {written(NEWEST)}; on a "
    "GPU it was not run"
)
"""What is known of the script of measurements."""
_LANGUAGE_TIMED = (
    "A decode step is the difference between answers of 1 and of 1 + STEPS tokens, with "
    "CONTEXT tokens in each sequence, an assumption: set yours. A prefill is a prompt of "
    "so many tokens up to its first token."
)


def measure_text(asked: ToMeasure) -> str:
    """Return measure.py for one target."""
    profile = asked.profile
    side_px = profile.factor_px
    grids = {
        rows * columns * profile.patches_per_merged: (rows, columns)
        for rows, columns in (_grid(profile, each) for each in asked.lengths)
    }
    constants: dict[str, Any] = {
        "IMAGES": {
            str(patches): [rows * columns, columns * side_px, rows * side_px]
            for patches, (rows, columns) in grids.items()
        },
    }
    if asked.batch_sizes:
        constants |= {"CONTEXT": CONTEXT, "STEPS": STEPS}
    remarks = [_TIMED]
    if asked.batch_sizes:
        remarks.append(_LANGUAGE_TIMED)
    return measure_script(
        replace(asked, lengths=tuple(grids)),
        remarks,
        (),
        {"SERVER": {}, **constants},
        _BODY.replace("SWITCH", SWITCH)
        .replace("BUDGETS", BUDGETS)
        .replace("ITEMS", items_key(asked.target.parsed))
        .replace("ONE_IMAGE", str(ONE_IMAGE))
        + (_LANGUAGE if asked.batch_sizes else ""),
    )


def _grid(profile: ModelProfile, length: int) -> tuple[int, int]:
    """Return rows and columns of merged patches, near a square and to a length."""
    merged = profile.merged(length)
    rows = isqrt(merged)
    return rows, merged // rows


_BODY = '''

def server(**options):
    """Start vLLM within this process; SERVER adds what yours is started with."""
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    from vllm import LLM

    return LLM(model=MODEL_ID, enable_prefix_caching=False, **options, **SERVER)


def vit(patches):
    """Capture the graph of one budget and time images that fill it."""
    import numpy as np
    from PIL import Image

    tokens, width_px, height_px = IMAGES[str(patches)]
    pixels = width_px * height_px
    llm = server(
        max_model_len=tokens + 1_024,
        limit_mm_per_prompt={"image": 1, "video": 0},
        mm_processor_cache_gb=0,
        mm_processor_kwargs={"min_pixels": pixels, "max_pixels": pixels},
        enable_mm_processor_stats=True,
        compilation_config={
            "SWITCH": True,
            "BUDGETS": [tokens],
            "ITEMS": ONE_IMAGE,
        },
    )
    drawn = np.random.default_rng(0)

    def run():
        noise = drawn.integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)
        image = {"type": "image_pil", "image_pil": Image.fromarray(noise)}
        asked = [{"role": "user", "content": [image, {"type": "text", "text": "?"}]}]
        llm.chat(asked, answer_of(1), use_tqdm=False)
        times = [
            request["encoder_forward_secs"]
            for worker in llm.collective_rpc("get_encoder_timing_stats")
            for request in worker.values()
        ]
        if not times:
            raise RuntimeError("vLLM told no time of its encoder")
        return max(times)

    return run, told


def answer_of(tokens):
    """Return what asks for an answer of so many tokens."""
    from vllm import SamplingParams

    return SamplingParams(max_tokens=tokens, ignore_eos=True, temperature=0)


def told():
    """Return what is known beside the time."""
    from importlib.metadata import version

    import torch

    return {
        "peak_bytes": torch.cuda.max_memory_allocated(),
        "device": torch.cuda.get_device_name(),
        "release": version(ENGINE),
    }
'''

_LANGUAGE = '''

def answer(llm, sequences, prompt, tokens):
    """Have vLLM answer equal prompts of so many tokens at once."""
    prompts = [{"prompt_token_ids": [1_000] * prompt} for _ in range(sequences)]
    llm.generate(prompts, answer_of(tokens), use_tqdm=False)


def decoder(batch):
    """Time decode steps of so many sequences."""
    llm = server(max_num_seqs=batch, max_model_len=CONTEXT + STEPS + 1)

    def run():
        first = seconds_of(answer, llm, batch, CONTEXT, 1)
        return (seconds_of(answer, llm, batch, CONTEXT, 1 + STEPS) - first) / STEPS

    return run, told


def prefill(tokens):
    """Time one prompt up to its first token."""
    llm = server(max_num_seqs=1, max_model_len=tokens + 1)
    return lambda: seconds_of(answer, llm, 1, tokens, 1), told
'''
