"""The chosen decoder graphs beside those that an engine has where nobody says."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bucketwise.core.decoder.graphs import graph_uses
from bucketwise.core.plan import KEPT, Decoder, DecoderDecision, Reason
from bucketwise.nouns.traffic import FloatArray
from bucketwise.words.numbers import less, literal, percent, plural


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSizes:
    """What an engine captures where nobody says, up to the sequences decoded at once."""

    key: str
    """What it calls the list."""
    sizes: tuple[int, ...]
    """Ascending; the sequences decoded at once are the last."""
    one_more: str
    """What one more size costs, in words."""
    stays: str = ""
    """What stays of them beside a list of ours, in words; "" for nothing."""


def beside_own(
    decoder: Decoder, steps: FloatArray | None, own: OwnSizes, min_saving: float
) -> tuple[Decoder, Reason]:
    """Return the sizes to set: the engine's own where others save too little."""
    key, sizes = own.key, own.sizes
    if decoder.step_cost is None or decoder.mean_step_cost is None or steps is None:
        words = "No load was given: the engine's own sizes of steps stay."
        return _kept(decoder, sizes, words), _of_sizes(words)
    at = np.array(decoder.step_cost.at)
    active = np.arange(1, steps.size + 1)
    ran_on = np.array(sizes)[np.searchsorted(sizes, active)]
    cost = float((steps * at[ran_on - 1]).sum() / steps.sum())
    saving = less(cost, decoder.mean_step_cost)
    if saving >= min_saving:
        words = (
            f"{key} {literal(decoder.decoder_batch_sizes)} save {percent(saving)} of a "
            "decode step with the engine's own sizes"
            f"{f'; {own.stays}' if own.stays else ''}."
        )
        return decoder, _of_sizes(words)
    saved = f"save {percent(saving)}" if saving > 0 else "save nothing"
    words = (
        f"Leave {key} alone: {literal(decoder.decoder_batch_sizes)} would {saved} of a "
        f"decode step with the engine's own {plural(len(sizes), 'size')}, and "
        f"{own.one_more}."
    )
    one_graph = decoder.one_graph_step_cost or cost
    kept = replace(
        _kept(decoder, sizes, words),
        graphs=graph_uses(sizes, steps),
        mean_step_cost=cost,
        saving=less(one_graph, cost),
        slots_saving=less(
            float(decoder.batch_size), float((steps * ran_on).sum() / steps.sum())
        ),
    )
    return kept, _of_sizes(words)


def _kept(decoder: Decoder, sizes: tuple[int, ...], words: str) -> Decoder:
    reason = words.removesuffix(".")
    return replace(
        decoder,
        decoder_batch_sizes=sizes,
        decision=DecoderDecision(k=len(sizes), rule=KEPT, reason=reason),
    )


def _of_sizes(words: str) -> Reason:
    return Reason(id="capture-sizes", severity="note", words=words)
