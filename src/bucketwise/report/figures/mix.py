"""The figure of traffic over time: how much of each kind, and in which shares."""

from __future__ import annotations

from matplotlib.axes import Axes

from bucketwise.report.figures.axes import (
    legend_above,
    panel_below,
    set_x,
    set_y,
    without_x_labels,
)
from bucketwise.report.figures.palette import (
    GAP,
    GAP_HATCH,
    HATCHES,
    OUTLINE,
    SERIES,
)
from bucketwise.report.plots import ArrivalsPlot


def draw_arrivals(ax: Axes, plot: ArrivalsPlot) -> None:
    """Draw amounts stacked over time, and their shares below."""
    below = panel_below(ax, (1, 1))
    totals = [sum(slot) for slot in zip(*plot.amounts, strict=True)]
    shares = tuple(
        tuple(
            amount / total if total else 0.0
            for amount, total in zip(series, totals, strict=True)
        )
        for series in plot.amounts
    )
    _shade_nothing(below, plot.bounds, totals)
    _draw_stack(ax, plot.bounds, plot.amounts, plot.series)
    _draw_stack(below, plot.bounds, shares, plot.series)
    set_x(ax, plot.x)
    set_y(ax, plot.y)
    without_x_labels(ax)
    set_x(below, plot.x)
    set_y(below, plot.y_share)
    legend_above(ax, "bucket:")


def _draw_stack(
    ax: Axes,
    bounds: tuple[float, ...],
    amounts: tuple[tuple[float, ...], ...],
    names: tuple[str, ...],
) -> None:
    floor = [0.0] * (len(bounds) - 1)
    for index, (name, series) in enumerate(zip(names, amounts, strict=True)):
        top = [low + amount for low, amount in zip(floor, series, strict=True)]
        ax.stairs(
            top,
            bounds,
            baseline=floor,
            fill=True,
            facecolor=SERIES[index],
            edgecolor=OUTLINE,
            linewidth=0.4,
            hatch=HATCHES[index],
            label=name,
        )
        floor = top


def _shade_nothing(ax: Axes, bounds: tuple[float, ...], totals: list[float]) -> None:
    """Shade slots without any traffic, neighbours as one."""
    start: float | None = None
    for index, total in enumerate([*totals, 1.0]):
        if not total and start is None:
            start = bounds[index]
        if total and start is not None:
            ax.axvspan(
                start,
                bounds[index],
                facecolor=GAP,
                edgecolor=GAP_HATCH,
                linewidth=0,
                hatch="xx",
            )
            start = None
