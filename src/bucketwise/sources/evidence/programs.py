"""Tables that show by their columns which program wrote them, and so what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is known of the tables that a program writes.

    Attributes
    ----------
    name : str
        For notes.
    shown_by : frozenset of str
        Columns, as words between underscores, that only its tables have together.
    roles : mapping of str to str
        Columns whose names would not tell their role, or tell another.
    units_s : mapping of str to float
        Seconds in one unit of the numbers of a role.
    refusal : str
        Why its rows are no records; "" where they are.
    """

    name: str
    shown_by: frozenset[str]
    roles: Mapping[str, str] = field(default_factory=dict)
    units_s: Mapping[str, float] = field(default_factory=dict)
    refusal: str = ""


PROGRAMS = (
    # kvcache-ai/Mooncake, FAST25-release/traces, and what others write in its form.
    Program(
        name="Mooncake",
        shown_by=frozenset({"hash_ids"}),
        units_s={"time": 1e-3},
    ),
    # Envoy's documentation, access log: %DURATION% is in milliseconds.
    Program(
        name="Envoy",
        shown_by=frozenset({"response_flags", "duration"}),
        units_s={"duration": 1e-3},
    ),
    # JMeter's user manual, listeners, CSV log format; Latency is that of the first byte.
    Program(
        name="JMeter",
        shown_by=frozenset({"time_stamp", "elapsed"}),
        roles={"start": "time_stamp", "duration": "elapsed"},
        units_s={"duration": 1e-3},
    ),
    # vllm/benchmarks/serve.py, --save-result.
    Program(
        name="vllm bench serve",
        shown_by=frozenset({"num_prompts", "completed", "duration"}),
        refusal="the summary of a benchmark; its requests stand in the log of the server",
    ),
)


def program_of(columns: Iterable[str]) -> Program | None:
    """Return the program that wrote a table, None where none is known by its columns.

    Parameters
    ----------
    columns : iterable of str
        Names as words between underscores.
    """
    there = set(columns)
    return next((each for each in PROGRAMS if each.shown_by <= there), None)
