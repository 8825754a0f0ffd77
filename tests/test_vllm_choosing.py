"""Which budgets vLLM should capture: laws, and the numbers of traffic that ships."""

from __future__ import annotations

from itertools import combinations, combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.engines.vllm.choosing import (
    Range,
    choose,
    steps_of,
)
from bucketwise.engines.vllm.encoder_graphs import EncoderGraphs
from bucketwise.engines.vllm.packing import pack
from bucketwise.engines.vllm.releases import CHECKS_ITEMS, RELEASES
from bucketwise.engines.vllm.replay import Call, Calls, prices, replay
from bucketwise.errors import ConfigError

NEWEST = RELEASES[-1]
SPAN = Range()
images = st.integers(1, 2_000)
counts = st.integers(1, 50).map(float)
one_each = st.lists(
    st.builds(Call, tokens=st.tuples(images), count=counts), min_size=1, max_size=7
)
several = st.lists(
    st.builds(
        Call,
        tokens=st.lists(images, min_size=1, max_size=4).map(tuple),
        count=counts,
    ),
    min_size=1,
    max_size=4,
)
releases = st.sampled_from(RELEASES)


@given(calls=one_each, k=st.integers(1, 3))
def test_with_one_image_a_call_no_list_of_as_many_budgets_computes_less(
    calls: list[Call], k: int
) -> None:
    found = choose(calls, NEWEST, k, SPAN)
    assert found.how == "exact"
    needed = sorted({call.tokens[0] for call in calls})
    least = min(
        replay(
            calls,
            EncoderGraphs(release=NEWEST, budgets=(*lower, needed[-1]), max_items=1),
        ).computed
        for size in range(min(k, len(needed)))
        for lower in combinations(needed[:-1], size)
    )
    assert found.bill.computed == pytest.approx(least)


@given(calls=several, k=st.integers(1, 3), release=releases)
def test_every_chosen_list_is_one_that_the_release_takes_and_runs_no_image_eagerly(
    calls: list[Call], k: int, release: tuple[int, ...]
) -> None:
    found = choose(calls, release, k, SPAN)
    graphs = found.graphs
    assert len(graphs.budgets) <= k
    assert graphs.max_items <= graphs.budgets[0]
    assert all(budget % graphs.max_items == 0 for budget in graphs.budgets)
    assert found.bill.misses == 0
    assert found.bill.hits == sum(call.count * len(call.tokens) for call in calls)
    assert [graphs.rows(budget) for budget in graphs.budgets] == [*graphs.budgets]


@given(calls=several, k=st.integers(1, 3), release=releases)
def test_the_search_never_ends_above_the_list_it_began_with(
    calls: list[Call], k: int, release: tuple[int, ...]
) -> None:
    apart = [Call(tokens=(each,), count=c.count) for c in calls for each in c.tokens]
    begun = choose(apart, release, k, SPAN)
    assert choose(calls, release, k, SPAN).bill.computed <= begun.bill.computed


@given(calls=several, release=releases)
def test_a_bill_adds_up_what_packing_says_of_each_call(
    calls: list[Call], release: tuple[int, ...]
) -> None:
    graphs = EncoderGraphs(release=release, budgets=(64, 300, 1_000), max_items=2)
    bill = replay(calls, graphs)
    batches = [
        (batch, call.count) for call in calls for batch in pack(call.tokens, graphs)
    ]
    assert bill.hits == sum(count * batch.hits for batch, count in batches)
    assert bill.misses == sum(count * batch.misses for batch, count in batches)
    assert bill.hit_tokens + bill.miss_tokens == sum(
        call.count * sum(call.tokens) for call in calls
    )
    assert 0 <= bill.waste < 1
    if release >= CHECKS_ITEMS:
        assert bill.rows >= bill.budget_tokens


@given(calls=several, k=st.integers(1, 3), release=releases)
def test_no_order_of_calls_or_of_their_images_changes_what_is_chosen(
    calls: list[Call], k: int, release: tuple[int, ...]
) -> None:
    turned = [Call(tokens=c.tokens[::-1], count=c.count) for c in reversed(calls)]
    assert choose(turned, release, k, SPAN) == choose(calls, release, k, SPAN)


@given(
    calls=several, k=st.integers(1, 3), align=st.sampled_from([1, 8, 12]), pin=images
)
def test_pins_and_multiples_hold_whatever_shares_a_replay(
    calls: list[Call], k: int, align: int, pin: int
) -> None:
    span = Range(align=align, pins=(pin * align,))
    graphs = choose(calls, NEWEST, k, span).graphs
    assert span.pins[0] in graphs.budgets
    assert all(budget % align == 0 for budget in graphs.budgets)
    assert graphs.max_items <= graphs.budgets[0]
    # A pin below the top takes a place of its own where there is but one.
    assert len(graphs.budgets) <= max(k, 2)


@given(calls=several, release=releases, items=st.integers(1, 4))
def test_many_lists_are_priced_as_each_alone(
    calls: list[Call], release: tuple[int, ...], items: int
) -> None:
    table = Calls.of(calls)
    lists = np.array([[4, 200, 900], [300, 300, 2_000], [64, 1_000, 1_500]])
    graphs = [
        EncoderGraphs(
            release=release, budgets=tuple(sorted(set(each))), max_items=items
        )
        for each in lists.tolist()
    ]
    bills = [replay(table, each) for each in graphs]
    expected = [(bill.computed, bill.replays) for bill in bills]
    assert prices(table, lists, graphs[0]) == pytest.approx(np.array(expected))


def fewest_rows(calls: Calls, release: tuple[int, ...], k: int) -> float:
    """Return the fewest rows of any list of k budgets, by trying each."""
    most, found = int(calls.tokens.sum(axis=1).max()), []
    for items in range(1, calls.most_images + 1):
        budgets = range(items, most + items, items)
        lists = np.array([*combinations_with_replacement(budgets, k)])
        lists = lists[lists[:, -1] >= calls.tokens.max()]
        graphs = EncoderGraphs(release=release, budgets=(most,), max_items=items)
        found.append(prices(calls, lists, graphs)[:, 0].min())
    return float(min(found))


def test_the_search_comes_close_to_the_best_of_all_lists_of_small_calls() -> None:
    random = np.random.default_rng(1)
    gaps = []
    for nth in range(40):
        drawn = [
            Call(tokens=tuple(random.integers(4, 31, random.integers(1, 5)).tolist()))
            for _ in range(random.integers(2, 6))
        ]
        calls, release = Calls.of(drawn), (NEWEST, (0, 23, 0))[nth % 2]
        found = choose(calls, release, 2, Range(most=130))
        gaps.append(found.bill.computed / fewest_rows(calls, release, 2) - 1)
    assert min(gaps) > -1e-9
    assert np.mean(gaps) < 0.01
    assert np.mean(np.array(gaps) < 1e-9) > 0.75


def test_of_many_calls_some_are_searched_on_and_all_are_priced() -> None:
    random = np.random.default_rng(2)
    drawn = [
        Call(tokens=tuple(random.integers(50, 3_000, random.integers(1, 7)).tolist()))
        for _ in range(2_000)
    ]
    found = choose(drawn, NEWEST, 4, SPAN)
    assert found.bill == replay(drawn, found.graphs)
    alone = choose(
        [Call(tokens=(each,)) for call in drawn for each in call.tokens],
        NEWEST,
        4,
        SPAN,
    )
    assert found.graphs.max_items > 1
    assert found.bill.computed < 0.98 * alone.bill.computed


def test_two_small_images_that_come_together_are_worth_packing() -> None:
    calls = [Call(tokens=(100, 100), count=10), Call(tokens=(200,), count=10)]
    found = choose(calls, NEWEST, 1, SPAN)
    assert found.how == "local search"
    assert (found.graphs.max_items, found.graphs.budgets) == (2, (200,))
    assert found.bill.padded_rows == 0
    alone = EncoderGraphs(release=NEWEST, budgets=(200,), max_items=1)
    assert replay(calls, alone).padded_rows == 2_000


def test_what_vllm_would_infer_is_priced_on_the_same_calls() -> None:
    calls = [Call(tokens=(65,), count=3.0), Call(tokens=(300,))]
    found = choose(calls, NEWEST, 2, SPAN)
    assert found.graphs.budgets == (65, 300)
    assert found.bill.waste == 0
    assert found.default.budgets == (64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192)
    # 65 tokens take a replay of 128 rows, 300 one of 512.
    assert found.default_bill.rows == 3 * 128 + 512


def test_images_of_a_request_are_cut_into_calls_where_a_step_is_full() -> None:
    tokens = (400, 400, 400, 1_500, 200, 1_300)
    assert [*steps_of((0, 1, 2), tokens, 1_000)] == [[0, 1], [2]]
    assert [*steps_of((3, 4, 5), tokens, 1_500)] == [[3], [4, 5]]


def test_nothing_to_run_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected one at least"):
        choose([], NEWEST, 2, SPAN)
