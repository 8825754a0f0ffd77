"""Curves out of measurements: they hold the truth, or say what to measure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.core.calibration import calibrated, curve_of
from bucketwise.errors import ConfigError
from bucketwise.nouns.measured_cost import Measurements, Points
from bucketwise.nouns.traffic import FloatArray

SIX = (256, 1_024, 2_048, 4_096, 8_192, 16_384)
FORMS = ("linear", "quadratic", "steps")


def true_ms(form: str, terms: FloatArray, size: FloatArray) -> FloatArray:
    a, b, c = terms
    if form == "steps":
        size = 1_024 * np.ceil(size / 1_024)
    bends = c * size**2 if form == "quadratic" else 0.0
    return np.asarray(a + b * size + bends, dtype=np.float64)


def drawn(
    seed: int,
    form: str = "quadratic",
    sizes: tuple[int, ...] = SIX,
    noise: float = 0.02,
) -> tuple[Points, FloatArray]:
    """Return runs of a curve, one in twenty held up, and the terms of the curve."""
    random = np.random.default_rng(seed)
    terms = np.array([2.0, 2e-3, 2e-7]) * random.uniform(0.5, 1.5, 3)
    size = np.repeat(np.array(sizes), random.integers(4, 12))
    ms = true_ms(form, terms, size) * (1 + noise * random.standard_normal(size.size))
    held_up = random.random(size.size) < 0.05
    ms = np.where(held_up, ms * random.uniform(1.3, 5, size.size), ms)
    return Points("vit", size, np.maximum(ms, 1e-6)), terms


@pytest.mark.parametrize("form", FORMS)
def test_the_band_holds_the_curve_that_runs_were_drawn_from_and_the_form_is_its_own(
    form: str,
) -> None:
    at = np.geomspace(SIX[0], SIX[-1], 200).round()
    held, forms = 0, []
    for seed in range(60):
        points, terms = drawn(seed, form)
        curve, true = curve_of(points), true_ms(form, terms, at)
        held += bool(((curve.low(at) <= true) & (true <= curve.high(at))).all())
        forms.append(curve.form)
    # Of bands of 95 %, 52 of 60 or fewer hold once in a hundred times.
    assert held >= 53
    assert forms.count(form) >= 45  # type: ignore[arg-type]


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from(FORMS), st.floats(1e-3, 1e3))
def test_a_device_so_many_times_as_slow_has_the_same_curve_so_many_times(
    seed: int, form: str, times: float
) -> None:
    points, _ = drawn(seed, form)
    slower = Points("vit", points.sizes, points.values * times)
    one, other = curve_of(points), curve_of(slower)
    assert one.form == other.form
    at = np.array(SIX)
    for name in ("low", "at", "high"):
        assert getattr(other, name)(at) == pytest.approx(times * getattr(one, name)(at))


@settings(max_examples=25)
@given(
    st.lists(st.floats(0.1, 1e4), min_size=4, max_size=12, unique=True),
    st.integers(0, 10**6),
)
def test_whatever_was_measured_the_curve_never_falls(
    means: list[float], seed: int
) -> None:
    random = np.random.default_rng(seed)
    sizes = np.repeat(np.array([64 * 2**each for each in range(len(means))]), 6)
    ms = np.repeat(means, 6) * (1 + 0.01 * random.standard_normal(sizes.size))
    curve = curve_of(Points("vit", sizes, ms))
    at = np.geomspace(1, 10**6, 300)
    assert (np.diff(curve.at(at)) >= 0).all()
    assert (curve.at(at) >= 0).all()


@pytest.mark.parametrize(
    ("sizes", "repeats", "noise", "said"),
    [
        (
            (1_024, 4_096),
            9,
            0.02,
            "got 1,024 and 4,096; measure 2,048 and 8,192 patches",
        ),
        ((4_096, 4_160, 4_224, 4_288), 9, 0.02, "twice the smallest"),
        (SIX, 1, 0.02, "with two repeats or more"),
        (SIX, 5, 0.0, "every repeat is the same"),
        (SIX[:4], 2, 0.02, None),
    ],
)
def test_what_tells_no_curve_is_refused_with_what_to_measure(
    sizes: tuple[int, ...], repeats: int, noise: float, said: str | None
) -> None:
    size = np.repeat(np.array(sizes), repeats)
    wavers = np.random.default_rng(0).standard_normal(size.size)
    points = Points("vit", size, 0.01 * size * (1 + noise * wavers))
    if said is None:
        assert curve_of(points).samples == 8
        return
    with pytest.raises(ConfigError, match=said):
        calibrated(Measurements(points=(points,)))


def test_a_size_that_no_curve_through_the_others_has_is_set_aside_and_told() -> None:
    points, terms = drawn(0, sizes=(*SIX, 12_000, 14_000))
    busy = points.sizes == 4_096
    found = calibrated(
        Measurements(
            points=(
                Points("vit", points.sizes, np.where(busy, 1.4, 1) * points.values),
            )
        )
    )
    assert found.advice["vit"].startswith("4,096 patches again")
    curve, at = found.cost.vit, np.array([4_096.0])
    assert curve is not None
    assert curve.at(at) == pytest.approx(true_ms("quadratic", terms, at), rel=0.05)


def test_steps_between_the_sizes_measured_have_room_in_the_band() -> None:
    points, _ = drawn(0, "steps")
    curve = curve_of(points)
    at = np.array([4_096, 4_097, 6_000, 8_191, 8_192])
    assert curve.low(at)[:-1] == pytest.approx(curve.low(at)[0])
    assert curve.high(at)[1:] == pytest.approx(curve.high(at)[-1])


def test_a_kind_that_tells_no_curve_leaves_the_others() -> None:
    vit, _ = drawn(0)
    few = Points("decoder", np.array([1, 1, 2, 2]), np.array([9.0, 9.1, 9.2, 9.4]))
    compiled = Points("compile_s", np.array(SIX), 10 + 0.002 * np.array(SIX))
    found = calibrated(Measurements(points=(vit, few, compiled), device="RBLN-CA22"))
    assert found.cost.curves().keys() == {"vit", "compile_s"}
    assert "batch sizes" in found.left_out["decoder"]
    assert found.cost.compile_s is not None
    assert found.cost.compile_s.coefficients == pytest.approx((10, 0.002))
