"""What a request takes by measured times: its image, its prompt, its tokens."""

from __future__ import annotations

import numpy as np

from bucketwise.core.buckets import Buckets
from bucketwise.core.plan import Decoder, Part, RequestBudget, RequestPart
from bucketwise.nouns.activity import RequestTokens
from bucketwise.nouns.measured_cost import MeasuredCurve
from bucketwise.nouns.traffic import FloatArray

SMALL_SHARE = 0.05
"""A part of a request below this share is small: halving it saves less than what a
recompile is asked to save by default."""

TOKENS = "--activity with the tokens of requests tells them"


def request_budget(
    image_ms: float,
    prefill: MeasuredCurve | None,
    decoder: Decoder | None,
    steps: FloatArray | None,
    tokens: RequestTokens | None,
    visual_tokens: float,
) -> RequestBudget | None:
    """Return the parts of a request with one image; None where no other part is known.

    Parameters
    ----------
    image_ms : float
        What the ViT takes of an image in the mean.
    prefill : MeasuredCurve or None
        Milliseconds of a prompt by its tokens.
    decoder : Decoder or None
        The decoder half; its steps count where they were measured.
    steps : ndarray of float64, shape (batch_size,), or None
        Decode steps with 1, 2, ... active sequences.
    tokens : RequestTokens or None
        Tokens of the requests.
    visual_tokens : float
        Those of an image in the mean.
    """
    taken: dict[Part, tuple[float, float]] = {"vit": (image_ms, image_ms)}
    left_out, assumed = [], ["one image a request"]
    prompt = visual_tokens
    if tokens is None:
        assumed.append(f"a prompt of its visual tokens alone: {TOKENS}")
    else:
        prompt = tokens.mean_prompt + (0.0 if tokens.with_images else visual_tokens)
    if prefill is None:
        left_out.append("prefill: not measured")
    else:
        prefill_ms = float(prefill.at(np.array([prompt]))[0])
        taken["prefill"] = prefill_ms, prefill_ms
    cost = decoder.step_cost if decoder else None
    if decoder is None or cost is None or cost.status != "measured" or steps is None:
        left_out.append("decode: its steps, or the load they carry, are not measured")
    elif tokens is None:
        left_out.append(f"decode: output tokens are not known; {TOKENS}")
    else:
        # The first token is that of the prefill.
        decoded = max(tokens.mean_output - 1.0, 0.0)
        waited, charged = _token_ms(decoder.decoder_batch_sizes, cost.at, steps)
        taken["decode"] = decoded * waited, decoded * charged
    if len(taken) == 1:
        return None
    waits, busy = (sum(each) for each in zip(*taken.values(), strict=True))
    return RequestBudget(
        parts=tuple(
            RequestPart(
                name=name,
                ms=ms,
                share=ms / waits if waits else 0.0,
                device_ms=device_ms,
                device_share=device_ms / busy if busy else 0.0,
            )
            for name, (ms, device_ms) in taken.items()
        ),
        prompt_tokens=prompt,
        output_tokens=tokens.mean_output if tokens else None,
        left_out=tuple(left_out),
        assumed=tuple(assumed),
    )


def _token_ms(
    sizes: tuple[int, ...], step_ms: tuple[float, ...], steps: FloatArray
) -> tuple[float, float]:
    """Return what a token waits for, and what of a step it is charged.

    Of every step with n active sequences each waits for all of it and takes an n-th.
    """
    active = np.arange(1, steps.size + 1)
    ran_on = np.array(sizes)[Buckets(sizes).assign(active)]
    took = np.array(step_ms)[ran_on - 1]
    made = float((steps * active).sum())
    return float((steps * active * took).sum()) / made, float(
        (steps * took).sum()
    ) / made
