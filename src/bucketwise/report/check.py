"""A check in words: for a terminal, a ticket, GitHub Actions and Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bucketwise.core.check import Check
from bucketwise.core.drift import DriftCell
from bucketwise.report.blocks import Table
from bucketwise.report.markdown import escaped, rows_of
from bucketwise.words.github import annotation
from bucketwise.words.numbers import compute, literal, number, percent, significant
from bucketwise.words.text import worded

MOST_CELLS = 5
"""Cells that are told, those whose share changed most."""

LEAST_CHANGE = 0.005
"""A share that changed by less is not told."""

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
"""What GitHub Actions calls them."""


def as_text(check: Check) -> str:
    """Return the answer, its reasons, what to change first, and what came and went."""
    return worded("\n".join([*_lines(check), ""]), check.family, unit=check.cost.unit)


def as_markdown(check: Check) -> str:
    """Return the same for a ticket or a pull request."""
    head, *lines = (
        escaped(worded(each, check.family, unit=check.cost.unit))
        for each in _lines(check, table=False)
    )
    parts = [f"## {head}", "\n".join(f"- {each}" for each in lines)]
    if told := told_cells(check):
        table = Table.of_numbers("", HEADS, map(_cells, told))
        parts.append(worded(rows_of(table), check.family, unit=check.cost.unit))
    return "\n\n".join(parts) + "\n"


def as_github(check: Check) -> str:
    """Return one command for each reason and for what would change."""
    told = [
        *((COMMANDS[each.severity], each.id, each.words) for each in check.reasons),
        *(("notice", "what would change", each) for each in _changes(check)),
    ]
    return "".join(
        annotation(
            command,
            worded(words, check.family, unit=check.cost.unit),
            title=f"bucketwise check: {about}",
        )
        for command, about, words in told
    )


def as_prometheus(check: Check) -> str:
    """Return gauges in the text format, for node_exporter's textfile collector.

    As Prometheus defines it (prometheus.io/docs/instrumenting/exposition_formats, 0.0.4).
    """
    labels = ",".join(
        f'{name}="{_label(value)}"'
        for name, value in (("model", check.model), ("target", check.target))
    )
    return "".join(
        f"# HELP bucketwise_{name} {text}\n# TYPE bucketwise_{name} gauge\n"
        f"bucketwise_{name}{{{labels}}} {float(value)!r}\n"
        for name, text, value in _gauges(check)
        if value is not None
    )


RENDERERS: dict[str, Callable[[Check], str]] = {
    "text": as_text,
    "json": Check.to_json,
    "md": as_markdown,
    "github": as_github,
    "prometheus": as_prometheus,
}
"""Format -> what writes it; every text ends its lines."""

HEADS = ("ViT patches", "known by", "before", "now")


def headline(check: Check) -> str:
    """Return the answer alone."""
    said = "Keep the plan" if check.passed else "The plan is no longer good"
    return f"{said}: {check.model} on {check.target}, {number(check.images)} images."


def _lines(check: Check, *, table: bool = True) -> Iterator[str]:
    yield headline(check)
    yield from (each.words for each in check.reasons)
    yield from _changes(check)
    if table and (told := told_cells(check)):
        rows = [HEADS, *map(_cells, told)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for first, *others in rows:
            cells = (
                each.rjust(width)
                for each, width in zip(others, widths[1:], strict=True)
            )
            yield "  ".join((f"  {first.ljust(widths[0])}", *cells))


def _changes(check: Check) -> Iterator[str]:
    """Yield what other lists would do, and what to change first."""
    if check.lengths and check.lengths.share:
        found, unit = check.lengths, check.cost.unit
        kept, best = (
            _list(check, each) for each in (found.vit_max_seq_lens, found.best)
        )
        counted = "merged patches" if check.merged_by > 1 else "ViT patches"
        yield (
            f"{compute(found.kept_compute, unit)} with {kept} {counted}, "
            f"{compute(found.best_compute, unit)} with {best}."
        )
        moves = ", then ".join(
            f"{_list(check, (each.old,))[1:-1]} -> {_list(check, (each.new,))[1:-1]} "
            f"(leaves {percent(each.regret)})"
            for each in found.moves
        )
        if moves:
            yield f"Recompile first: {moves}."
    if check.decoder and check.decoder.share:
        steps = check.decoder
        yield (
            f"A decode step takes {significant(steps.kept_cost, 3)} {steps.unit} with "
            f"{literal(steps.decoder_batch_sizes)}, {significant(steps.best_cost, 3)} with "
            f"{literal(steps.best)}."
        )


def _list(check: Check, lengths: tuple[int, ...]) -> str:
    return literal([-(-each // check.merged_by) for each in lengths])


def told_cells(check: Check) -> tuple[DriftCell, ...]:
    """Return the cells whose share changed most, as they ascend."""
    if check.drift is None:
        return ()
    found = [each for each in check.drift.largest if abs(each.change) >= LEAST_CHANGE][
        :MOST_CELLS
    ]
    return tuple(sorted(found, key=lambda each: each.above))


def _cells(cell: DriftCell) -> tuple[str, str, str, str]:
    """Return the cell as a row of a table."""
    if cell.up_to is None:
        needs = f"above {cell.above:,}"
    else:
        needs = f"{cell.above + 1:,} to {cell.up_to:,}"
    return needs, cell.size, percent(cell.before), percent(cell.after)


def _gauges(check: Check) -> Iterator[tuple[str, str, float | None]]:
    above, lengths, decoder, drift = (
        check.above,
        check.lengths,
        check.decoder,
        check.drift,
    )
    yield "check_passed", "Whether the plan is still good: 1, else 0.", check.passed
    yield "images", "Images that were checked.", check.images
    yield "max_regret_ratio", "The regret that is allowed.", check.max_regret
    yield (
        "overflow_ratio",
        "Share of the images above the largest compiled length.",
        above.share if above else None,
    )
    yield (
        "failing_images",
        "Images that fail.",
        above.images * above.fail if above else None,
    )
    yield (
        "shrunk_ratio",
        "Share of the images that the limits of the plan make smaller.",
        check.shrunk_share,
    )
    yield (
        "regret_ratio",
        "Compute above that of the best list of as many lengths, a share of it.",
        lengths.share if lengths else None,
    )
    yield (
        "regret_low_ratio",
        "Lower end of the 90 percent interval of bucketwise_regret_ratio.",
        lengths.low if lengths else None,
    )
    yield (
        "decoder_regret_ratio",
        "Cost of a decode step above that of the best list of as many graphs.",
        decoder.share if decoder else None,
    )
    yield (
        "drift_ratio",
        "Total variation between the sizes of the plan and these.",
        drift.distance if drift else None,
    )
    yield (
        "drift_by_chance_ratio",
        "What bucketwise_drift_ratio is in the mean where nothing changed.",
        drift.by_chance if drift else None,
    )


def _label(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
