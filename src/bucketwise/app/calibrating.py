"""Measurements to the curves that every other command takes as a cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bucketwise.app.output import write_bytes, write_text
from bucketwise.core.calibration import Calibration, calibrated
from bucketwise.errors import UsageError
from bucketwise.nouns.measured_cost import TIMED, Kind
from bucketwise.read.measurements import read_measurements
from bucketwise.read.rejections import MAX_BAD_ROWS
from bucketwise.report.formats import PICTURES


def calibrate(
    measurements: Sequence[str | Path],
    *,
    kind: Kind | None = None,
    max_bad_rows: float = MAX_BAD_ROWS,
) -> Calibration:
    """Fit curves to what runs of known sizes took.

    Each is a + b*S or a + b*S + c*S^2, whichever foretells sizes left out better, with
    no coefficient negative, or goes from size to size where repeats rule both out; none
    ever falls. Repeats far from the others of their size are set aside.

    Parameters
    ----------
    measurements : sequence of str or Path
        Tables with a row a run (kind, length or batch, ms), or results of vllm bench,
        AIPerf or GuideLLM that have every request; all of one device.
    kind : {"vit", "decoder", "prefill"}, optional
        The only kind that is read, and what rows are that do not say.
    max_bad_rows : float
        Share of the rows that may be unusable (0 to 1).

    Returns
    -------
    Calibration
        With `cost`, what kinds have no curve and why, and what to measure next.

    Raises
    ------
    InputError
        When the measurements cannot be read.
    ConfigError
        When no curve can be told from them; the message says what to measure.
    """
    if kind is not None and kind not in TIMED:
        raise UsageError(f"kind: expected one of {', '.join(TIMED)}, got {kind!r}")
    return calibrated(
        read_measurements(measurements, kind=kind, max_bad_rows=max_bad_rows)
    )


def write_cost(
    calibration: Calibration, path: str | Path, *, plot: str | Path | None = None
) -> tuple[Path, ...]:
    """Write the cost, and a picture of each curve.

    Parameters
    ----------
    calibration : Calibration
        What `calibrate` returned.
    path : str or Path
        The JSON file that `--cost` takes.
    plot : str or Path, optional
        A picture, SVG or PNG by its name; with several curves each has its kind in it.

    Returns
    -------
    tuple of Path
        What was written.
    """
    written = [write_text(Path(path), calibration.cost.to_json())]
    if plot is None:
        return tuple(written)
    from bucketwise.report.figures.calibration import curve_drawing  # noqa: PLC0415 - draws only where asked
    from bucketwise.report.figures.pictures import to_picture  # noqa: PLC0415 - as above

    picture, curves = picture_path(plot), calibration.cost.curves()
    for points in calibration.measured.points:
        if curve := curves.get(points.kind):
            drawing = curve_drawing(curve, points)
            name = f"{picture.stem}-{points.kind}" if len(curves) > 1 else picture.stem
            place = picture.with_name(f"{name}{picture.suffix}")
            content = to_picture(drawing, picture.suffix[1:].lower(), "")
            written.append(write_bytes(place, content))
    return tuple(written)


def picture_path(plot: str | Path) -> Path:
    """Return where a picture goes; its name must say which kind it is."""
    path = Path(plot)
    if path.suffix[1:].lower() not in PICTURES:
        expected = " or ".join(f".{each}" for each in PICTURES)
        raise UsageError(
            f"--plot: expected a name that ends in {expected}, got {path.name}"
        )
    return path
