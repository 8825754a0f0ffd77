"""What a plan saves in device-hours and money, where runs were measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.budgets import GraphMinutes
from bucketwise.core.limits import Case, weight_of
from bucketwise.core.optimize.choose import MS_A_SECOND, SECONDS_A_MINUTE
from bucketwise.core.options import Service
from bucketwise.core.plan import GraphMore, Range, Savings, Visual
from bucketwise.nouns.measured_cost import MeasuredCurve
from bucketwise.nouns.traffic import FloatArray, IntArray

DAYS_A_MONTH = 30
MS_AN_HOUR = 3_600_000.0

HOURS = (
    "device-hours a month = milliseconds saved an image x images a day x 30 days / "
    "3,600,000"
)
MONEY = "money a month = device-hours a month x price of a device-hour"
PAID_BACK = "images until compiling is paid back = seconds of compiling all graphs x 1,000 / milliseconds saved an image"


@dataclass(frozen=True, slots=True)
class _Net:
    """Runs by the length they are on, fewer where they left it: shape (n_lengths,).

    Runs that stay on a length cancel, whatever it is measured to take.
    """

    lengths: IntArray
    runs: FloatArray

    @classmethod
    def of(cls, demand: Demand, *lists: tuple[tuple[int, ...], float]) -> _Net:
        """Add up lists of lengths, each with its sign."""
        found: dict[int, float] = {}
        for lengths, sign in lists:
            held = np.array(lengths)[Buckets(lengths).assign(demand.needed)]
            for length, runs in zip(held.tolist(), demand.runs.tolist(), strict=True):
                found[length] = found.get(length, 0.0) + sign * runs
        return cls(np.array([*found]), np.array([*found.values()]))

    def range(self, curve: MeasuredCurve, images: float) -> Range:
        """Return what an image takes, each length at the end of its band."""
        low, high = curve.low(self.lengths), curve.high(self.lengths)
        adds = self.runs > 0
        return Range(
            low=float((self.runs * np.where(adds, low, high)).sum()) / images,
            likely=float((self.runs * curve.at(self.lengths)).sum()) / images,
            high=float((self.runs * np.where(adds, high, low)).sum()) / images,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Money:
    """Milliseconds of an image as hours and money of a month, and as what they repay."""

    service: Service
    minutes: GraphMinutes | None

    def compile_s(
        self, lengths: tuple[int, ...], instead_of: tuple[int, ...] = ()
    ) -> Range | None:
        """Return the seconds of compiling some graphs in the place of others."""
        if self.minutes is None:
            return None
        more, fewer = {*lengths} - {*instead_of}, {*instead_of} - {*lengths}
        at = np.array(sorted(more | fewer), dtype=np.int64)
        sign = np.where(np.isin(at, [*more]), 1.0, -1.0)
        if self.minutes.measured is not None:
            return _Net(at, sign).range(self.minutes.measured, 1.0)
        taken = float((sign * self.minutes.at(at.tolist())).sum()) * SECONDS_A_MINUTE
        return Range.of(taken)

    def hours(self, saved_ms: Range) -> Range | None:
        """Return the device-hours of a month."""
        if self.service.images_per_day is None or saved_ms.high is None:
            return None
        each = self.service.images_per_day * DAYS_A_MONTH / MS_AN_HOUR
        return Range(
            low=saved_ms.low * each,
            likely=saved_ms.likely * each,
            high=saved_ms.high * each,
        )

    def money(self, hours: Range | None) -> Range | None:
        """Return what device-hours cost."""
        if hours is None or hours.high is None or self.service.device_hour is None:
            return None
        ends = [
            each * price
            for each in (hours.low, hours.high)
            for price in self.service.device_hour
        ]
        mean = sum(self.service.device_hour) / 2
        return Range(low=min(ends), likely=hours.likely * mean, high=max(ends))

    def paid_back(self, compile_s: Range | None, saved_ms: Range) -> Range | None:
        """Return how many images save as long as compiling takes; None for never."""
        if compile_s is None or compile_s.high is None or saved_ms.high is None:
            return None
        if saved_ms.likely <= 0:
            return None
        most = compile_s.high * MS_A_SECOND
        return Range(
            low=max(compile_s.low, 0.0) * MS_A_SECOND / saved_ms.high,
            likely=max(compile_s.likely, 0.0) * MS_A_SECOND / saved_ms.likely,
            high=most / saved_ms.low if saved_ms.low > 0 else None,
        )


def savings_of(
    visual: Visual,
    setting: Case,
    both: Demand | None,
    service: Service,
    minutes: GraphMinutes | None,
) -> Savings | None:
    """Return what the lengths save by the measured curve; None without one.

    `both` is what today's lengths and the plan's both serve.
    """
    curve = setting.curve.measured
    if curve is None:
        return None
    lengths, current = visual.vit_max_seq_lens, visual.current
    demand, old = setting.demand(), lengths[-1:]
    images = weight_of(setting.counts, setting.counts.accepted)
    worth = _Money(service=service, minutes=minutes)
    ms_an_image = _Net.of(demand, (lengths, 1.0)).range(curve, images)
    more = _one_more(visual, setting, worth, curve)
    on_today = current is not None and both is not None
    if current is not None and both is not None:
        demand, old, images = both, current.max_seq_lens, current.served_images
    saved = _Net.of(demand, (old, 1.0), (lengths, -1.0)).range(curve, images)
    compile_s, hours = worth.compile_s(lengths), worth.hours(saved)
    price = service.device_hour
    return Savings(
        ms_an_image=ms_an_image,
        against="today" if on_today else "one_graph",
        before_ms_an_image=_Net.of(demand, (old, 1.0)).range(curve, images),
        after_ms_an_image=_Net.of(demand, (lengths, 1.0)).range(curve, images),
        saved_ms_an_image=saved,
        images_per_day=service.images_per_day,
        days_a_month=DAYS_A_MONTH,
        device_hours_a_month=hours,
        price_per_device_hour=price
        and Range(low=price[0], likely=sum(price) / 2, high=price[1]),
        money_a_month=worth.money(hours),
        compile_s=compile_s,
        paid_back_images=worth.paid_back(compile_s, saved),
        one_more_graph=more,
        formulas=tuple(
            formula
            for formula, is_used in (
                (HOURS, hours),
                (MONEY, hours and price),
                (PAID_BACK, compile_s),
            )
            if is_used
        ),
    )


def _one_more(
    visual: Visual, setting: Case, worth: _Money, curve: MeasuredCurve
) -> GraphMore | None:
    """Return what a graph more would do, where the exact optimum has one."""
    chosen = visual.vit_max_seq_lens
    point = next((each for each in visual.frontier if each.k == len(chosen) + 1), None)
    if point is None:
        return None
    net = _Net.of(setting.demand(), (chosen, 1.0), (point.vit_max_seq_lens, -1.0))
    saved = net.range(curve, weight_of(setting.counts, setting.counts.accepted))
    compile_s = worth.compile_s(point.vit_max_seq_lens, instead_of=chosen)
    hours = worth.hours(saved)
    return GraphMore(
        vit_max_seq_lens=point.vit_max_seq_lens,
        saved_ms_an_image=saved,
        device_hours_a_month=hours,
        money_a_month=worth.money(hours),
        compile_s=compile_s,
        device_bytes=sum(map(setting.length_bytes, point.vit_max_seq_lens))
        - sum(map(setting.length_bytes, chosen)),
        paid_back_images=worth.paid_back(compile_s, saved),
    )
