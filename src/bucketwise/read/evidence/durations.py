"""SQL that reads how long something took, in seconds."""

from __future__ import annotations

from collections.abc import Sequence

from bucketwise.read.tables.names import UNITS

_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_UNITS = ((r"h|hours?", 3_600.0), (r"m|mins?|minutes?", 60.0), *UNITS)

_WITH_UNITS = r"(?i)\s*(?:PT)?\s*" + "".join(
    rf"(?:({_NUMBER})\s*(?:{pattern}))?\s*" for pattern, _ in _UNITS
)
"""Go (`1m2.5s`), protobuf and Google Cloud Logging (`0.577711s`), ISO 8601 (`PT2.5S`)."""

_CLOCK = rf"\s*(?:(\d+)(?:\.| days? ))?(\d+):(\d\d):({_NUMBER})\s*"
"""Hours, minutes and seconds after days: .NET (`1.00:00:05.2`) and PostgreSQL."""

_CLOCK_S = (86_400.0, 3_600.0, 60.0, 1.0)


def seconds(text: str, unit_s: float | None) -> str:
    """Return SQL for a duration in seconds, NULL for anything else.

    Parameters
    ----------
    text : str
        Name of the column that holds the text.
    unit_s : float or None
        Seconds in one unit where the text is a number alone; where that is not known,
        no number but 0 is read.
    """
    number = f"TRY_CAST({text} AS DOUBLE)"
    known = "isfinite" if unit_s else "0 ="
    with_units = f"regexp_full_match({text}, '{_WITH_UNITS}')"
    return (
        f"CASE WHEN {known}({number}) THEN {number} * {unit_s or 1.0} "
        f"WHEN regexp_matches({text}, '\\d') AND {with_units} "
        f"THEN {_sum(text, _WITH_UNITS, [unit for _, unit in _UNITS])} "
        f"WHEN regexp_full_match({text}, '{_CLOCK}') "
        f"THEN {_sum(text, _CLOCK, _CLOCK_S)} END"
    )


def _sum(text: str, pattern: str, units_s: Sequence[float]) -> str:
    """Return SQL that adds up the groups of a pattern, each in its unit."""
    names = ", ".join(f"'p{at}'" for at in range(len(units_s)))
    parts = " + ".join(
        f"CASE WHEN w.p{at} = '' THEN 0 ELSE TRY_CAST(w.p{at} AS DOUBLE) * {unit} END"
        for at, unit in enumerate(units_s)
    )
    # A lambda: what is written out twice might be computed twice.
    written = f"regexp_extract({text}, '^(?:{pattern})$', [{names}])"
    return f"list_transform([{written}], lambda w: {parts})[1]"
