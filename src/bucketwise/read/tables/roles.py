"""Which field tells the time, which the tenant, where no size is sought among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bucketwise.read.tables.names import SIZES
from bucketwise.read.tables.naming import Naming

_MORE = {
    "time": (
        "start_time", "starttime", "starttimeunixnano", "timeunixnano",
        "observedtimeunixnano", "received_at", "request_time",
    ),
}  # fmt: skip
"""Names of times that logs of requests and traces have beside those of tables; in OTLP
JSON they are `startTimeUnixNano` of a span and `timeUnixNano` of a log record
(opentelemetry-proto 1.7)."""


def find_name(
    role: str, names: Iterable[str], chosen: Mapping[str, str] | None
) -> str | None:
    """Return the name that plays a role, or None.

    Parameters
    ----------
    role : str
        "time" or "label".
    names : iterable of str
        The fields there are.
    chosen : mapping of str to str, optional
        Role to name, from the user; "" leaves the role unread.
    """
    folded = {name.strip().casefold(): name for name in reversed(list(names))}
    naming = Naming.of(chosen)
    key = naming.wanted(SIZES).get(role)
    if key is not None:
        name = folded.get(naming[key].strip().casefold()) if naming[key] else None
        if name is not None:
            naming.mark_role(role)
        return name
    others = naming.wanted(SIZES).values()
    named = {naming[key].strip().casefold() for key in others}
    for alias in (*SIZES.aliases[role], *_MORE.get(role, ())):
        if alias in folded and alias not in named:
            return folded[alias]
    return None
