"""`bucketwise calibrate`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bucketwise.cli.config_file import config_option
from bucketwise.cli.options import bad_rows_option
from bucketwise.cli.terminal import say

if TYPE_CHECKING:
    from bucketwise.core.calibration import Calibration
    from bucketwise.nouns.measured_cost import Kind, MeasuredCurve

SCALES = {
    "ms": ((1.0, "ms"), (1e3, "us"), (1e6, "ns"), (1e9, "ps")),
    "s": ((1.0, "s"), (1e3, "ms"), (1e6, "us"), (1e9, "ns")),
    "bytes": ((2.0**-30, "GiB"), (2.0**-20, "MiB"), (2.0**-10, "KiB"), (1.0, "bytes")),
}
"""How often a smaller unit is in one of a curve, the largest first."""


@click.command(
    epilog="Example: bucketwise calibrate measurements.csv -o cost.json --plot cost.svg"
)
@click.argument("measurements", nargs=-1, required=True, metavar="MEASUREMENTS...")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The cost.json to write; --cost of the other commands takes it.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.svg|png",
    help="Draw each curve with its band and what the runs are off by  [default: none]",
)
@click.option(
    "--kind",
    type=click.Choice(["vit", "decoder", "prefill"]),
    help="Read this kind alone; rows that name none are of it  [default: as rows say]",
)
@bad_rows_option("the rows")
@config_option
def calibrate(
    measurements: tuple[str, ...],
    output: Path,
    plot: Path | None,
    kind: Kind | None,
    max_bad_rows: float,
    **_: Any,
) -> None:
    """Fit a cost to measured times: a row a run, with kind, length or batch, and ms."""
    from bucketwise.app import calibrating

    if plot is not None:
        calibrating.picture_path(plot)
    found = calibrating.calibrate(measurements, kind=kind, max_bad_rows=max_bad_rows)
    for note in found.measured.notes:
        say(f"Note: {note}", err=True)
    for line in lines(found):
        say(line)
    for path in calibrating.write_cost(found, output, plot=plot):
        say(f"Wrote {path}")


def lines(found: Calibration) -> Iterator[str]:
    """Yield what was found: form, coefficients, how sure, and what to measure next."""
    cost = found.cost
    if cost.said:
        yield f"Measured: {cost.said}."
    for curve in cost.curves().values():
        yield from _curve_lines(curve)
        yield f"  Measure next: {found.advice[curve.kind]}."
    for left, why in found.left_out.items():
        yield f"{left}: no curve: {why}."


def _curve_lines(curve: MeasuredCurve) -> Iterator[str]:
    from bucketwise.nouns.measured_cost import SIZES
    from bucketwise.words.numbers import percent, plural, plural_of

    noun = SIZES[curve.kind]
    if curve.form == "steps":
        first, last = (_amount(each, curve.unit) for each in _ends(curve))
        said = f"steps, {first} to {last}"
    else:
        per = ("", f" a {noun}", f" a {noun}^2")
        terms = zip(
            curve.coefficients,
            curve.coefficient_lows,
            curve.coefficient_highs,
            per,
            strict=False,
        )
        said = f"{curve.form}, " + " + ".join(
            f"{_amount(value, curve.unit)}{of} ({_amount(low, curve.unit)} to "
            f"{_amount(high, curve.unit)})"
            for value, low, high, of in terms
        )
    yield f"{curve.kind}: {said}"
    aside = f", {plural(curve.outliers, 'run')} set aside" if curve.outliers else ""
    yield (
        f"  {plural(curve.samples, 'run')} of {curve.sizes} sizes, {curve.smallest:,} to "
        f"{curve.largest:,} {plural_of(noun)}{aside}; the curve is off by "
        f"{percent(curve.residual_share)}, and ranges are sure to {curve.level:.0%}."
    )


def _ends(curve: MeasuredCurve) -> tuple[float, float]:
    return curve.knot_values[0], curve.knot_values[-1]


def _amount(value: float, unit: str) -> str:
    """Return an amount in the unit in which it is 1 or more, three digits of it."""
    from bucketwise.words.numbers import significant

    scales = SCALES[unit]
    times, name = next((each for each in scales if value * each[0] >= 1), scales[-1])
    return f"{significant(value * times, 3)} {name}" if value else f"0 {scales[0][1]}"
