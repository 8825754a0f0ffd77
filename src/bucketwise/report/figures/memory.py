"""The figure of what the fullest device holds against what it has."""

from __future__ import annotations

import numpy as np

from bucketwise.core.memory import MemoryPlan, Part
from bucketwise.report.blocks import Drawing, Table
from bucketwise.report.figures.rows import Rows
from bucketwise.report.figures.spans import Edge
from bucketwise.words.numbers import BYTE_UNITS, memory

PARTS: tuple[Part, ...] = ("weights", "graphs", "cache")


def memory_drawing(before: MemoryPlan, plan: MemoryPlan, *, is_today: bool) -> Drawing:
    """Return what the fullest device holds before and as proposed, by part."""
    sides = {"today" if is_today else "one graph": before, "proposed": plan}
    power = (plan.usable_bytes.bit_length() - 1) // 10
    held = {name: _by_part(side) for name, side in sides.items()}
    has = memory(plan.usable_bytes)
    said = ", ".join(
        f"{name} {memory(side.fullest.device_bytes)}" for name, side in sides.items()
    )
    return Drawing(
        id="figure-memory",
        title=f"Memory of the fullest device, by estimate ({plan.device})",
        description=f"What the fullest device holds: {said}; it has {has}.",
        caption=f"What the fullest device holds by estimate: {said}; it has {has}.",
        plot=Rows(
            names=tuple(
                f"{name}, {memory(side.fullest.device_bytes)}"
                for name, side in sides.items()
            ),
            series=PARTS,
            parts=np.array([[each[part] for each in held.values()] for part in PARTS])
            / 1024.0**power,
            x_label=BYTE_UNITS[power],
            limit=Edge(plan.usable_bytes / 1024.0**power, has, "limit"),
        ),
        table=Table.of_numbers(
            "What the fullest device holds, by part",
            ("Of", *PARTS, "all"),
            (
                (
                    name,
                    *(memory(each[part]) for part in PARTS),
                    memory(sum(each.values())),
                )
                for name, each in held.items()
            ),
        ),
    )


def _by_part(plan: MemoryPlan) -> dict[Part, int]:
    terms = plan.fullest.terms
    return {
        part: sum(term.device_bytes for term in terms if term.part == part)
        for part in PARTS
    }
