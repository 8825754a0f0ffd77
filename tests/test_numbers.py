"""Numbers as the report prints them: rounding never lies, plurals agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.report.figures.spans import Span, check_bins
from bucketwise.words.numbers import (
    change,
    compared,
    compute,
    duration,
    joined,
    less,
    memory,
    number,
    percent,
    plural,
    share_in_words,
    significant,
)

shares = st.floats(0, 1)
counts = st.floats(0, 1e15)
positive = st.floats(1e-6, 1e24)


@given(shares)
def test_only_nothing_is_0_percent_and_only_all_is_100(share: float) -> None:
    text = percent(share)
    assert text not in {"0.0%", "100.0%"}
    if text == "0%":
        assert share == 0
    if text == "100%":
        assert share > 1 - 1e-12


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=50))
def test_equal_sums_in_another_order_differ_by_nothing(parts: list[float]) -> None:
    assert less(sum(parts), sum(reversed(parts))) == 0
    assert less(0, sum(parts)) == 0
    assert less(2 * sum(parts), sum(parts)) == pytest.approx(0.5)


@given(shares)
def test_a_percentage_is_within_half_of_its_last_digit(share: float) -> None:
    text = percent(share)
    if text[0] not in "<>":
        assert float(text.rstrip("%")) == pytest.approx(share * 100, abs=0.0501)


@given(counts)
def test_a_count_is_0_only_when_it_is_nothing(count: float) -> None:
    assert (number(count) in {"0", "0.0"}) == (count == 0)


@given(st.integers(0, 10**15))
def test_whole_counts_keep_every_digit(count: int) -> None:
    assert int(number(float(count)).replace(",", "")) == count


@given(positive)
def test_compute_reads_back_within_its_digits(value: float) -> None:
    digits, unit = compute(value, "FLOP").split(" ")
    scale = 1000.0 ** ["", "k", "M", "G", "T", "P", "E", "Z", "Y"].index(unit[:-4])
    assert float(digits.replace(",", "")) * scale == pytest.approx(value, rel=5.1e-3)


@given(positive, positive)
def test_less_and_more_say_the_truth(before: float, after: float) -> None:
    said = change(before, after)
    if said.endswith("less"):
        assert after < before
    elif said.endswith(("more", "times")):
        assert after > before
    else:
        assert after == pytest.approx(before)


@given(st.floats(1e-3, 1e6), st.floats(1.0, 1e6))
def test_spans_hold_their_data_and_bins_cut_them(low: float, factor: float) -> None:
    for span in (Span.over((low, low * factor)), Span.from_zero([low * factor])):
        assert span.low < low * factor <= span.high
        bounds = span.bins(36)
        assert bounds[0] == pytest.approx(span.low)
        assert bounds[-1] == pytest.approx(span.high)
        assert (bounds[1:] > bounds[:-1]).all()


@pytest.mark.parametrize(
    ("low", "high", "log"),
    [(1, 1, False), (2, 1, False), (0, 1, True), (0, float("nan"), False)],
)
def test_a_span_that_no_axis_can_show_is_refused(
    low: float, high: float, log: bool
) -> None:
    with pytest.raises(ValueError, match=r"^expected .*, got \("):
        Span(low, high, log=log)


@pytest.mark.parametrize("bounds", [[0, 1, 1], [0, 2, 1], [0, 1]])
def test_bins_that_overlap_or_hold_other_values_are_refused(
    bounds: list[float],
) -> None:
    with pytest.raises(ValueError, match=r"^expected .*, got "):
        check_bins(np.array(bounds), np.ones(2))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (percent(0.0004), "<0.1%"),
        (percent(0.9996), ">99.9%"),
        (percent(0.0816), "8.2%"),
        (percent(-0.05), "\N{MINUS SIGN}5.0%"),
        (percent(1.2), "120.0%"),
        (plural(1, "image"), "1 image"),
        (plural(1.5, "image"), "1.5 images"),
        (plural(2, "ViT patch"), "2 ViT patches"),
        (plural(3, "image or clip"), "3 images or clips"),
        (plural(2, "query"), "2 queries"),
        (plural(2, "day"), "2 days"),
        (number(0.0001), "<0.001"),
        (number(0.25), "0.25"),
        (share_in_words(1 / 13), "7.7%, about 1 in 13"),
        (share_in_words(0), "0%"),
        (compute(4.4e15, "FLOP"), "4.40 PFLOP"),
        (compute(999.9e12, "FLOP"), "1.00 PFLOP"),
        (compute(0, "FLOP"), "0 FLOP"),
        (compute(6_123, "patch"), "6,123 patches"),
        (memory(512 * 2**20), "512 MiB"),
        (memory(8 * 2**30), "8.00 GiB"),
        (memory(32), "32 bytes"),
        (significant(0.99999, 3), "1.00"),
        (significant(0, 3), "0"),
        (change(0, 1), "not comparable"),
        (change(2, 5), "2.50 times"),
        (compared(2, 5, "work", "today"), "2.50 times the work of today"),
        (compared(2, 2, "work", "today"), "as much work as today"),
        (compared(4, 3, "work", "today"), "25.0% less work than today"),
        (joined((1_040,)), "1,040"),
        (joined((512, 1_040, 1_600)), "512, 1,040 and 1,600"),
        (duration(59), "59 seconds"),
        (duration(60), "1 minute"),
        (duration(7_200), "2 hours"),
        (duration(3 * 86_400), "3 days"),
        (duration(1_000 * 86_400), "2.7 years"),
    ],
)
def test_numbers_read_as_written(said: str, expected: str) -> None:
    assert said == expected
