"""The ways in which columns tell a load, by the roles that they play."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bucketwise.read.tables.finding import Found
from bucketwise.read.tables.names import (
    LOAD,
    LOGGED_WHEN_DONE,
    NGINX_CLOCKS,
    NGINX_DURATIONS,
)


def plain_name(name: str) -> str:
    """Return the name of a column as words between underscores."""
    return LOAD.plain(name)[0]


def load_forms(
    names: Sequence[str], columns: Found
) -> Iterator[tuple[dict[str, int], list[str]]]:
    """Yield every way to read the columns and what to say of it, the fullest first.

    Parameters
    ----------
    names : sequence of str
        The columns, in order.
    columns : Found
        The role of each; a `time` may stand for a start or an end.
    """
    found = columns.roles
    tokens = _tokens(found)
    moments = [role for role in ("time", "start") if role in found]
    if "running" in found:
        gauges = _kept(found, "running", "waiting", "swapped", "replica", "engine")
        for moment in moments:
            yield {"time": found[moment], **gauges}, []
    for times, said in _times(names, columns):
        beside = _kept(found, "replica", "engine", "path")
        yield {**times, **beside, **tokens}, said
    if tokens:
        for moment in reversed(moments):
            yield {"time": found[moment], **tokens}, []


def _times(
    names: Sequence[str], columns: Found
) -> Iterator[tuple[dict[str, int], list[str]]]:
    """Yield what may bound a request in time, and what had to be taken for it."""
    found = columns.roles
    for pair in (("start", "end"), ("start", "duration"), ("end", "duration")):
        if set(pair) <= found.keys():
            yield _kept(found, *pair), []
    if "time" in found:
        yield from _times_with(names, columns)


def _times_with(
    names: Sequence[str], columns: Found
) -> Iterator[tuple[dict[str, int], list[str]]]:
    """Yield the same where one bound is only called a time."""
    found, asked = columns.roles, columns.named
    time = found["time"]
    if "duration" in found:
        duration = found["duration"]
        at = time if "time" in asked else _nginx_clock(names, duration, time)
        telling = (
            {"time": at} if "time" in asked else {"time": at, "duration": duration}
        )
        by = (
            LOGGED_WHEN_DONE[role].get(plain_name(names[each]))
            for role, each in telling.items()
        )
        who = next(filter(None, by), None)
        if who:
            said = f"is taken for the end: {who} logs a request when it is done"
            yield {"end": at, "duration": duration}, [f"{names[at]!r} {said}"]
    if "end" in found and found["end"] != time:
        said = "is taken for the start of each request"
        yield {"start": time, "end": found["end"]}, [f"{names[time]!r} {said}"]
    if "duration" in found and found["duration"] != time:
        yield _kept(found, "time", "duration"), []
    if (
        "start" in found
        and plain_name(names[found["start"]]) == "request_creation_time"
    ):
        said = "is taken for the end: ALB gives the time of the response"
        yield {"start": found["start"], "end": time}, [f"{names[time]!r} {said}"]


def _nginx_clock(names: Sequence[str], duration: int, time: int) -> int:
    """Return the column of nginx's own clock where the duration is nginx's own, too."""
    if plain_name(names[duration]) not in NGINX_DURATIONS:
        return time
    plain = [plain_name(name) for name in names]
    return next((plain.index(each) for each in NGINX_CLOCKS if each in plain), time)


def _tokens(found: Mapping[str, int]) -> dict[str, int]:
    """Return what tells the tokens of a request whole, or nothing."""
    if "output" not in found:
        return {}
    if "prompt" in found:
        return _kept(found, "prompt", "output")
    return _kept(found, "text", "tokens", "output") if "text" in found else {}


def _kept(found: Mapping[str, int], *roles: str) -> dict[str, int]:
    return {role: found[role] for role in roles if role in found}
