"""What a measured cost is: curves that never fall, inside bands, as JSON and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.errors import ConfigError
from bucketwise.nouns.measured_cost import TERMS, MeasuredCost, MeasuredCurve
from bucketwise.read.measured_cost import read_cost

amounts = st.floats(1e-6, 1e6)


@st.composite
def measured_curves(draw: st.DrawFn, kind: str = "vit") -> MeasuredCurve:
    form = draw(st.sampled_from(["linear", "quadratic", "steps"]))
    sizes = sorted(draw(st.sets(st.integers(1, 100_000), min_size=3, max_size=8)))
    rises = draw(st.lists(amounts, min_size=len(sizes), max_size=len(sizes)))
    values = np.cumsum(rises)
    terms = tuple(draw(amounts) + 1e-9 for _ in range(TERMS.get(form, 0)))
    return MeasuredCurve(
        kind=kind,  # type: ignore[arg-type]
        form=form,  # type: ignore[arg-type]
        coefficients=terms,
        coefficient_lows=tuple(0.5 * each for each in terms),
        coefficient_highs=tuple(2 * each for each in terms),
        knots=() if terms else tuple(map(float, sizes)),
        knot_values=() if terms else tuple(values),
        band_sizes=tuple(map(float, sizes)),
        band_lows=tuple(0.9 * values),
        band_highs=tuple(1.1 * values),
        level=0.95,
        smallest=sizes[0],
        largest=sizes[-1],
        sizes=len(sizes),
        samples=5 * len(sizes),
        residual_share=0.01,
    )


@given(measured_curves(), st.lists(st.integers(1, 10**6), min_size=2))
def test_a_curve_never_falls_and_lies_in_its_band(
    curve: MeasuredCurve, sizes: list[int]
) -> None:
    at = np.sort(np.array(sizes))
    low, middle, high = curve.low(at), curve.at(at), curve.high(at)
    for values in (low, middle, high):
        assert (np.diff(values) >= -1e-9 * np.abs(values[1:])).all()
    assert ((low >= 0) & (low <= middle) & (middle <= high)).all()
    outside = (at < curve.smallest) | (at > curve.largest)
    assert (curve.beyond(at) == outside).all()


@given(
    measured_curves("vit"), measured_curves("decoder"), measured_curves("graph_bytes")
)
def test_a_cost_is_the_same_after_a_file(
    vit: MeasuredCurve, decoder: MeasuredCurve, graph: MeasuredCurve
) -> None:
    cost = MeasuredCost(device="RBLN-CA22", vit=vit, decoder=decoder, graph_bytes=graph)
    assert MeasuredCost.from_json(json.loads(cost.to_json()), "cost.json") == cost


@given(measured_curves(), st.data())
def test_what_is_no_cost_is_refused_with_its_name_and_never_crashes(
    curve: MeasuredCurve, data: st.DataObject
) -> None:
    told = json.loads(MeasuredCost(vit=curve).to_json())
    of = data.draw(st.sampled_from([told, told["vit"]]))
    free_text = {"source", "device", "engine", "release"}
    key = data.draw(st.sampled_from(sorted({*of} - free_text)))
    junk = ["x", -1, {}, True, 1e300, 10**400, [1, "a"]]
    of[key] = data.draw(st.sampled_from(junk))
    with pytest.raises(ConfigError) as refused:
        MeasuredCost.from_json(told, "cost.json")
    assert all(each.startswith("cost.json: ") for each in refused.value.problems)


def test_a_file_that_is_something_else_is_told_what_writes_one(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text('{"schema": "bucketwise.plan/2"}')
    with pytest.raises(ConfigError, match=r"plan\.json: .*bucketwise calibrate"):
        read_cost(file)
