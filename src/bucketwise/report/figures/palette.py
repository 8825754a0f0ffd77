"""Colours and looks of all figures, and the variables by which a page sets colours anew."""

from __future__ import annotations

from typing import Any

# Okabe and Ito's palette: colour-blind readers tell it apart, and so does grey print.
# Their vermillion (#d55e00) is darkened until text in it reads on white, 4.5 to 1.
BLUE, ORANGE, VERMILLION = "#0072b2", "#e69f00", "#b84c00"
SKY, GREEN, PURPLE = "#56b4e9", "#009e73", "#cc79a7"

INK, AXIS, GRID, CARD = "#1c1c1c", "#5f6368", "#dddddd", "#ffffff"
GAP, GAP_HATCH = "#eeeeee", "#c4c4c4"

OUTLINE = "#1d1d1d"
"""Of fills and their hatches; fills are lighter than it on either paper."""

HEAT = (
    *("#ead34c", "#c5b568", "#a39a74", "#828079"),
    *("#656870", "#46516c", "#1c396f", "#00224e"),
)
"""Eight even steps of cividis (Nuñez, Anderton and Renslow, 2018), the most last: its
lightness changes evenly, for colour-blind readers and in grey print too."""

SERIES = (BLUE, ORANGE, SKY, GREEN, PURPLE, VERMILLION)
HATCHES = ("", "//", "\\\\", "xx", "--", "||")

VARIABLES = {
    BLUE: "--fig-blue",
    ORANGE: "--fig-orange",
    VERMILLION: "--fig-vermillion",
    SKY: "--fig-sky",
    GREEN: "--fig-green",
    PURPLE: "--fig-purple",
    INK: "--fig-ink",
    AXIS: "--fig-axis",
    GRID: "--fig-grid",
    CARD: "--fig-card",
    GAP: "--fig-gap",
    GAP_HATCH: "--fig-gap-hatch",
    OUTLINE: "--fig-outline",
    **{colour: f"--fig-heat-{step}" for step, colour in enumerate(HEAT, start=1)},
}
"""`templates/figures.css` sets them for light and dark paper."""

LINES: dict[str, dict[str, Any]] = {
    "proposed": {"color": VERMILLION, "linestyle": "-", "linewidth": 1.4},
    "today": {"color": INK, "linestyle": (0, (4, 2)), "linewidth": 1.2},
    "limit": {"color": INK, "linestyle": (0, (1, 1.5)), "linewidth": 1.4},
}

RING: dict[str, Any] = {
    "s": 170,
    "facecolors": "none",
    "edgecolors": VERMILLION,
    "linewidths": 2,
    "zorder": 4,
    "clip_on": False,
}
"""Around what was chosen."""
