"""The decoder half of a plan."""

import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.core.decoder.decoder_plan import (
    Decided,
    decide_decoder,
    decide_pattern,
    suggest_batch_size,
)
from bucketwise.core.decoder.graphs import choose_graphs, mean_cost
from bucketwise.core.decoder.options import DecoderOptions
from bucketwise.core.decoder.pricing import Deployment
from bucketwise.core.decoder.sizing import (
    BATCH_SIZES,
    LARGER_BATCH_SIZES,
    QUEUEING_LIMIT,
    batch_size_options,
    context_length,
)
from bucketwise.core.decoder.step_cost import slot_costs
from bucketwise.core.decoder.timeline import sweep
from bucketwise.engines.rbln.attention import context_step
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.errors import InputError, UsageError
from bucketwise.nouns.activity import (
    Activity,
    Arrivals,
    Evidence,
    Requests,
    RequestTokens,
)
from bucketwise.nouns.profile import ModelProfile
from bucketwise.read.configs.profiles import built_in_profiles

PROFILES = built_in_profiles()
ATOM_8 = Deployment(
    engine=RBLN, n_devices=8, partition=16_384, mean_visual=400, high_visual=4_000
)


def load_of(pairs: list[tuple[int, int]]) -> Activity:
    start = np.array([begin for begin, _ in pairs], dtype=np.float64)
    length = np.array([each for _, each in pairs], dtype=np.float64)
    return sweep(
        Requests(
            start_s=start,
            end_s=start + length,
            replica=np.zeros(len(pairs), dtype=np.int64),
        )
    )


def decided(
    load: Activity | Arrivals,
    batch_size: int = 4,
    *,
    profile: ModelProfile | None = None,
    tokens: RequestTokens | None = None,
    **asked: object,
) -> Decided:
    evidence = Evidence(
        kind="arrivals" if isinstance(load, Arrivals) else "requests",
        load=load,
        samples=7,
        tokens=tokens,
    )
    question = DecoderOptions(batch_size=batch_size, **asked)  # type: ignore[arg-type]
    return decide_decoder(
        evidence, question, profile or PROFILES["qwen3-vl-2b"], ATOM_8
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(1, 30)), min_size=1, max_size=30
    ),
    st.integers(1, 8),
)
def test_shares_of_busy_time_add_up_and_every_size_has_one(
    pairs: list[tuple[int, int]], batch_size: int
) -> None:
    decoder = decided(load_of(pairs), batch_size).decoder
    assert sum(decoder.active_share.values()) == pytest.approx(1)
    assert list(decoder.active_share) == [str(b) for b in range(1, batch_size + 1)]
    assert decoder.decoder_batch_sizes[-1] == batch_size
    assert decoder.mean_step_cost <= decoder.one_graph_step_cost + 1e-12  # type: ignore[operator]
    assert 0 <= decoder.saving <= decoder.slots_saving + 1e-12  # type: ignore[operator]
    assert [point.k for point in decoder.frontier] == list(
        range(1, len(decoder.frontier) + 1)
    )


def test_idle_time_stays_out_of_the_shares_and_is_told() -> None:
    decoder = decided(load_of([(0, 1), (9, 1)])).decoder
    assert decoder.active_share["1"] == 1
    assert decoder.evidence.idle_share == pytest.approx(0.8)
    assert decoder.evidence.samples == 7


def test_what_does_not_fit_counts_as_full_and_as_clipped() -> None:
    decoder = decided(load_of([(0, 4), (0, 4), (0, 1)]), 2).decoder
    assert decoder.active_share == {"1": 0.0, "2": 1.0}
    assert decoder.evidence.clipped_share == pytest.approx(1 / 4)


def test_a_model_that_always_runs_the_whole_batch_gets_one_graph() -> None:
    load = load_of([(0, 50), (1, 2)])
    decoder = decided(load, 8, profile=PROFILES["qwen3.5-4b"]).decoder
    assert decoder.decoder_batch_sizes == (8,)
    assert decoder.decision.rule == "whole_batch"
    assert any("whole batch" in note for note in decoder.notes)
    assert decide_pattern(8, "qwen3_5", RBLN).decoder.decoder_batch_sizes == (8,)


@pytest.mark.parametrize(
    ("batch_size", "sizes"), [(8, (1, 4, 8)), (2, (1, 2)), (1, (1,)), (5, (1, 2, 5))]
)
def test_without_evidence_the_vendor_s_pattern_is_told_as_assumed(
    batch_size: int, sizes: tuple[int, ...]
) -> None:
    found = decide_pattern(batch_size, "qwen3_vl", RBLN)
    assert found.decoder.decoder_batch_sizes == sizes
    assert found.decoder.evidence.kind == "none"
    assert found.decoder.active_share == {}
    assert [row.status for row in found.assumptions] == ["assumed"]


def test_arrivals_are_replayed_until_graphs_and_load_fit() -> None:
    random = np.random.default_rng(3)
    arrivals = Arrivals(
        arrival_s=np.cumsum(random.exponential(1.6, 4_000)),
        prompt=random.integers(200, 2_000, 4_000),
        output=random.integers(1, 300, 4_000),
    )
    found = decided(arrivals, 16, step_cost={1: 8.0, 16: 60.0})
    decoder = found.decoder
    assert decoder.evidence.measured_with == "a replay"
    assert any("converged in" in note for note in decoder.notes)
    assert 1 < len(decoder.decoder_batch_sizes) <= 4
    assert found.activity is not None
    sizes = [option.batch_size for option in decoder.batch_sizes]
    assert sizes == [4, 8, 16, 32]
    queueing = [option.queueing_share for option in decoder.batch_sizes]
    assert queueing == sorted(queueing, reverse=True)


def test_a_choice_from_few_records_says_so() -> None:
    assert "only 7 records" in decided(load_of([(0, 5)])).decoder.notes[0]


def test_a_load_without_a_busy_second_is_refused() -> None:
    idle = replace(
        load_of([(0, 5)]), running=np.array([0] * load_of([(0, 5)]).slot.size)
    )
    with pytest.raises(InputError, match="nothing was ever active"):
        decided(idle)


def test_a_model_whose_language_model_is_unknown_needs_another_price() -> None:
    unknown = replace(PROFILES["qwen3-vl-2b"], lm=None)
    with pytest.raises(UsageError, match="--step-cost slots"):
        decided(load_of([(0, 5)]), profile=unknown)
    decoder = decided(load_of([(0, 5)]), profile=unknown, step_cost="slots").decoder
    assert decoder.step_cost is not None
    assert decoder.step_cost.at == (1.0, 2.0, 3.0, 4.0)


def test_the_smallest_batch_size_that_hardly_queues_is_suggested() -> None:
    # Ten at once for a twentieth of the time, three for the rest.
    pairs = [(0, 100)] * 3 + [(0, 5)] * 7
    decoder = decided(load_of(pairs)).decoder
    assert decoder.suggested_batch_size == 16
    assert decided(load_of(pairs[:3])).decoder.suggested_batch_size == 4
    assert decided(load_of([(0, 10)] * 40)).decoder.suggested_batch_size is None


def test_batch_sizes_are_compared_on_the_same_load() -> None:
    load = load_of([(0, 10)] * 6 + [(10, 10)])
    options = {
        option.batch_size: option for option in batch_size_options(lambda _: load)
    }
    assert options[4].full_share == pytest.approx(0.5)
    assert options[4].queueing_share == pytest.approx(0.5)
    assert options[8].queueing_share == 0
    assert options[8].mean_active == pytest.approx(3.5)


def tokens_of(*totals: int, with_images: bool = True) -> RequestTokens:
    prompt = np.array(totals) - 1
    return RequestTokens.of(prompt, np.ones_like(prompt), with_images=with_images)


@given(
    st.lists(st.integers(1, 200_000), min_size=1, max_size=50),
    st.sampled_from([None, 1_024, 8_192, 16_384]),
    st.booleans(),
)
def test_a_suggested_context_holds_every_request(
    totals: list[int], partition: int | None, with_images: bool
) -> None:
    found = context_length(
        tokens_of(*totals, with_images=with_images),
        visual=300,
        step=context_step(partition),
    )
    added = 0 if with_images else 300
    assert found.largest == max(totals) + added
    assert found.p999 <= found.largest <= found.max_seq_len
    assert found.max_seq_len % found.partition == 0
    if partition:
        assert found.max_seq_len >= 2 * partition
        assert found.max_seq_len < max(found.largest + partition, 2 * partition + 1)


def test_the_context_counts_visual_tokens_once() -> None:
    told = decided(load_of([(0, 5)]), tokens=tokens_of(500)).decoder
    text = decided(load_of([(0, 5)]), tokens=tokens_of(500, with_images=False)).decoder
    assert told.context_length is not None
    assert text.context_length is not None
    assert (told.context_length.largest, text.context_length.largest) == (500, 4_500)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 260), st.integers(0, 30))
def test_a_batch_size_that_nobody_gave_is_the_smallest_that_hardly_queues(
    often: int, beyond: int
) -> None:
    """The plan is that of the same size given, and the size is marked as assumed."""
    load = load_of([(0, 100)] * often + [(0, 1)] * beyond)
    asked, assumed = suggest_batch_size(
        Evidence(kind="requests", load=load, samples=500),
        DecoderOptions(batch_size=1),
        PROFILES["qwen3-vl-2b"],
        ATOM_8,
    )
    size = asked.batch_size
    assert (assumed.value, assumed.status) == (str(size), "assumed")
    queues = {
        each: load.queueing_s(each) / load.clipped(each)[1:].sum()
        for each in (*BATCH_SIZES, *LARGER_BATCH_SIZES)
    }
    fit = [each for each, share in queues.items() if share < QUEUEING_LIMIT]
    assert size == (fit[0] if fit else BATCH_SIZES[-1])
    if fit:
        assert decided(load, size).decoder.suggested_batch_size == size


@given(
    steps=st.lists(st.floats(0.01, 100), min_size=2, max_size=10),
    pins=st.sets(st.integers(1, 10), max_size=3),
    most=st.integers(1, 5),
)
def test_pinned_graphs_are_compiled_and_the_others_are_the_best_beside_them(
    steps: list[float], pins: set[int], most: int
) -> None:
    batch_size, weights = len(steps), np.array(steps)
    held = {size for size in pins if size < batch_size}
    curve = slot_costs(batch_size)
    found = choose_graphs(
        weights, curve, k_range=(1, most), min_saving=0.0, pins=tuple(sorted(held))
    )
    assert held <= set(found.sizes)
    for point in found.frontier:
        free = set(range(1, batch_size)) - held
        tried = [
            mean_cost(tuple(sorted({*held, *more, batch_size})), weights, curve)
            for more in combinations(sorted(free), point.k - 1 - len(held))
        ]
        assert point.mean_step_cost == pytest.approx(min(tried))


@pytest.mark.parametrize(
    ("model", "pin", "said"),
    [
        ("qwen3-vl-2b", 12, "expected at most batch_size (8), got [12]"),
        ("qwen3-vl-2b", 0, "expected 1 to 4,096, got [0]"),
        ("qwen3.5-4b", 2, "runs the whole batch in every step"),
    ],
)
def test_a_pin_that_no_step_could_run_on_is_refused(
    model: str, pin: int, said: str
) -> None:
    load = load_of([(0, 5), (1, 5), (2, 5)])
    with pytest.raises(UsageError, match=re.escape(said)):
        decided(load, 8, profile=PROFILES[model], pins=(pin,))
