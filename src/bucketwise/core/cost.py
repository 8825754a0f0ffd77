"""What a ViT run costs at a length, and what a list of buckets costs a demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.language_model import pair_flops, token_products
from bucketwise.errors import UsageError, raise_all
from bucketwise.nouns.encoder_profile import EncoderProfile
from bucketwise.nouns.measured_cost import MeasuredCost, MeasuredCurve
from bucketwise.nouns.profile import LmShape, ModelProfile
from bucketwise.nouns.traffic import FloatArray, IntArray
from bucketwise.words.numbers import NOISE, TIME_UNIT, less

CHANNELS = 3
POWERS = ("", " * S", " * S^2")
FLOP = "FLOP"

MEASURE = (
    "the script of `bucketwise measure` measures it, `bucketwise calibrate` makes "
    "cost.json of that, and --cost cost.json takes it"
)
"""How to come by a measured cost, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostCurve:
    """Cost of one run at length S: fixed + a*S + b*S^2, or as it was measured."""

    kind: str
    """A key of `COSTS`, or "measured"."""
    unit: str
    a: float
    b: float
    """Cost per patch or token, and per pair of them; neither negative, one positive."""
    source: str
    """Where the coefficients come from."""
    fixed: float = 0.0
    """What is done once a run, whatever its length."""
    measured: MeasuredCurve | None = None
    """What it is read from where it was measured; the coefficients are 0 then."""

    def __post_init__(self) -> None:
        """Check that cost grows with length."""
        grows = self.measured is not None or self.a + self.b > 0
        if min(self.a, self.b, self.fixed) < 0 or not grows:
            raise_all([f"cost: a={self.a}, b={self.b}; give positive coefficients"])

    def at(self, lengths: IntArray) -> FloatArray:
        """Return the cost of one run at each length."""
        if self.measured is not None:
            return self.measured.at(lengths)
        size = lengths.astype(np.float64)
        return self.fixed + self.a * size + self.b * size**2

    def in_unit(self, patches: int) -> CostCurve:
        """Return the same curve of lengths in a unit of so many ViT patches."""
        measured = self.measured and self.measured.in_unit(patches)
        a, b = self.a * patches, self.b * patches**2
        return replace(self, a=a, b=b, measured=measured)

    @property
    def formula(self) -> str:
        """What a run at length S takes, in words."""
        curve = self.measured
        if curve is None:
            return f"{self.a:.6g} * S + {self.b:.6g} * S^2 {self.unit}"
        ends = np.array([curve.smallest, curve.largest])
        low, high = curve.at(ends)
        terms = [
            f"{each:.6g}{power}"
            for each, power in zip(curve.coefficients, POWERS, strict=False)
            if each
        ]
        form = " + ".join(terms) or "steps"
        return (
            f"{form}, {low:.4g} ms at {curve.smallest:,} to {high:.4g} ms at "
            f"{curve.largest:,}"
        )


def vit_flops(profile: ModelProfile) -> CostCurve:
    """Return the FLOP of one run from the tower's dimensions.

    Matrix products and attention of the whole tower, 2 FLOP a multiply-add: patch
    embedding, every block's qkv, projection, MLP and attention, final and deepstack
    mergers. Windowed blocks attend inside padded windows of w^2 patches, which is
    linear in the padded length.

    Layers as in transformers 5.15.1, models/{qwen2_vl,qwen2_5_vl,qwen3_vl,
    exaone4_5}/modeling_*.py; the sums equal torch's FlopCounterMode with eager attention.
    """
    vit, merge = profile.tower, profile.patches_per_merged
    patch_dim = CHANNELS * profile.temporal_patch * profile.patch_px**2
    attention = vit.hidden * (vit.qkv_width + vit.hidden)
    block = 2 * (attention + vit.mlp_matrices * vit.hidden * vit.intermediate)
    merged_width = merge * vit.hidden
    merger = 2 * merged_width**2 + 2 * merged_width * vit.out_hidden
    windowed = vit.depth - vit.full_attention_blocks
    linear = (
        2 * patch_dim * vit.hidden
        + vit.depth * block
        + (1 + vit.deepstack_mergers) * merger / merge
        + 4 * vit.hidden * windowed * profile.window_patches**2
    )
    return CostCurve(
        kind="flops",
        unit=FLOP,
        a=float(linear),
        b=float(4 * vit.full_attention_blocks * vit.hidden),
        source=f"dimensions of {profile.name} ({profile.source})",
    )


def chunk_flops(shape: LmShape, source: str) -> CostCurve:
    """Return the FLOP of one chunk of image tokens in the language model.

    Matrix products, 2 FLOP a multiply-add, and attention of every token of the chunk to
    every other, as those of one image attend both ways. What the chunk attends of the
    cache before it grows in proportion to the chunk too, and is left out.

    Modules as in transformers 5.15.1, models/gemma4/modeling_gemma4.py. Without experts
    the sums equal those of the linear layers of Gemma4TextModel on torch's meta device.
    """
    return CostCurve(
        kind="prefill",
        unit=FLOP,
        a=2.0 * token_products(shape),
        b=float(sum(each.layers * pair_flops(each) for each in shape.attention)),
        source=source,
    )


def run_flops(profile: ModelProfile) -> CostCurve:
    """Return the cost of one run at what the lengths of a model are compiled for.

    In FLOP; in patches where the tower is not known, and in tokens where lengths are
    chunks of a language model that is not.
    """
    if profile.soft_tokens is None:
        return vit_flops(profile) if profile.vit else linear_cost(profile)
    if profile.lm is None:
        return linear_cost(profile)
    source = f"text_config of {profile.name}'s config.json"
    return chunk_flops(profile.lm, source)


def linear_cost(profile: ModelProfile) -> CostCurve:
    """Return a cost proportional to length: one unit a compiled patch."""
    return CostCurve(
        kind="linear",
        unit="patch",
        a=1.0,
        b=0.0,
        source=f"every patch of {profile.name} counts the same"
        + ("" if profile.vit else ", as its tower's dimensions are not known"),
    )


def encoder_flops(profile: EncoderProfile) -> CostCurve:
    """Return the FLOP of one text from the encoder's dimensions.

    Matrix products and attention, 2 FLOP a multiply-add: every layer's query, key,
    value and output, its MLP and its attention, and the head of the class that is
    compiled. Of a decoder also its cross attention: BART and Pegasus are compiled whole,
    and run over the same tokens.

    Layers as in transformers 5.15.1, models/{bert,roberta,xlm_roberta,distilbert,
    modernbert,t5,bart}/modeling_*.py; the sums equal torch's FlopCounterMode, but for
    the rotary angles of ModernBERT, which are the same for every text. Layers of
    ModernBERT that attend within a window count as whole squares: the graph is traced
    from scaled_dot_product_attention with a mask (optimum-rbln 0.12.0,
    transformers/models/modernbert/modeling_modernbert.py).
    """
    shape = profile.shape
    mlp = 2 * shape.mlp_matrices * shape.hidden
    linear = shape.layers * (
        8 * shape.hidden * shape.attention + mlp * shape.intermediate
    )
    linear += shape.decoder_layers * (
        16 * shape.hidden**2 + mlp * shape.decoder_intermediate
    )
    square = 4 * shape.attention * (shape.layers + 2 * shape.decoder_layers)
    per_token, fixed = _head(profile)
    return CostCurve(
        kind="flops",
        unit=FLOP,
        a=float(linear + per_token),
        b=float(square),
        fixed=float(fixed),
        source=f"dimensions of {profile.name} ({profile.source})",
    )


def _head(profile: EncoderProfile) -> tuple[int, int]:
    """Return the FLOP of what follows the layers: for each token, and once."""
    shape, name = profile.shape, profile.architecture
    dense = 2 * shape.hidden**2
    if name.endswith("ForMaskedLM"):
        return dense + 2 * shape.hidden * shape.vocab, 0
    if name.endswith("ForQuestionAnswering"):
        # A start and an end.
        return 4 * shape.hidden, 0
    if name.endswith("ForSequenceClassification"):
        return 0, dense + 2 * shape.hidden * shape.labels
    # The pooler.
    return 0, dense if name in ("BertModel", "XLMRobertaModel") else 0


def encoder_tokens(profile: EncoderProfile) -> CostCurve:
    """Return a cost proportional to length: one unit a compiled token."""
    return CostCurve(
        kind="linear",
        unit="token",
        a=1.0,
        b=0.0,
        source=f"every token of {profile.name} counts the same",
    )


ENCODER_COSTS: dict[str, Callable[[EncoderProfile], CostCurve]] = {
    "flops": encoder_flops,
    "linear": encoder_tokens,
}

COSTS: dict[str, Callable[[ModelProfile], CostCurve]] = {
    "flops": run_flops,
    "linear": linear_cost,
}


def measured_run(cost: MeasuredCost, profile: ModelProfile) -> CostCurve:
    """Return the milliseconds of one run of what lengths are compiled for."""
    kind = "vit" if profile.soft_tokens is None else "prefill"
    curve = cost.curves().get(kind)
    if curve is None:
        message = (
            f"--cost: {cost.source or 'the measured cost'} has no curve of {kind}, which "
            f"the lengths of {profile.name} are priced by; measure some and run "
            "bucketwise calibrate again"
        )
        raise UsageError(message)
    if not curve.at(np.ones(1))[0] > 0:
        raise UsageError("--cost: expected runs that take more than 0 ms each")
    return CostCurve(
        kind="measured",
        unit=TIME_UNIT,
        a=0.0,
        b=0.0,
        source=f"measured with {cost.said}"
        if cost.said
        else "measured, nobody says where",
        measured=curve,
    )


def cost_of(asked: str | MeasuredCost, profile: ModelProfile) -> CostCurve:
    """Return what one run costs, by a key of `COSTS` or as it was measured."""
    if isinstance(asked, MeasuredCost):
        return measured_run(asked, profile)
    return COSTS[asked](profile)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a demand costs on a list of buckets.

    Arrays have the shape (n_buckets,).
    """

    useful: FloatArray
    padded: FloatArray
    """Cost at needed lengths and at the bucket, of the runs each bucket serves."""
    runs: FloatArray
    """Weighted runs each bucket serves."""
    overflow_runs: float
    """Runs that no bucket holds; they are in no other number."""

    @property
    def useful_compute(self) -> float:
        """Cost at needed lengths, all buckets."""
        return float(self.useful.sum())

    @property
    def padded_compute(self) -> float:
        """Cost at compiled lengths, all buckets."""
        return float(self.padded.sum())

    @property
    def waste(self) -> float:
        """1 - useful / padded, 0 to 1."""
        return waste_of(self.useful_compute, self.padded_compute)


def waste_of(useful: float, padded: float) -> float:
    """Return 1 - useful / padded; 0 when nothing runs."""
    return less(padded, useful)


def price(buckets: Buckets, demand: Demand, curve: CostCurve) -> Bill:
    """Price a list of buckets: the one arithmetic every solver is judged by."""
    position = buckets.assign(demand.needed)
    n_buckets = len(buckets.lengths)
    served = position < n_buckets
    where, runs = position[served], demand.runs[served]
    per_bucket = np.bincount(where, weights=runs, minlength=n_buckets)
    useful = np.bincount(
        where,
        weights=runs * curve.at(demand.needed[served]),
        minlength=n_buckets,
    )
    padded = per_bucket * curve.at(np.asarray(buckets.lengths, dtype=np.int64))
    # Equal costs summed in another order differ by float noise, which is no padding.
    is_padded = padded - useful > NOISE * padded
    return Bill(
        useful=np.where(is_padded, useful, padded),
        padded=padded,
        runs=per_bucket.astype(np.float64),
        overflow_runs=float(demand.runs[~served].sum()),
    )
