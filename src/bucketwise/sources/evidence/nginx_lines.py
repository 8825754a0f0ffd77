"""Lines of the access logs of nginx, in the formats that tell how long a request took."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bucketwise.reasons import MISSING, NO_TIME, NOT_SERVED
from bucketwise.sources.evidence.served import Served, is_completion
from bucketwise.sources.evidence.stamps import common_log_s, iso_s, likely_s

_MSEC = re.compile(r"\d{9,11}(?:\.\d{1,6})?")
_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,6})?")
_TIME = re.compile(r"\d{1,9}\.\d{3}")
"""How nginx prints $request_time and the times of an upstream, none of which is longer
(ngx_http_log_module.c, ngx_http_upstream.c: "%T.%03M")."""

_LOCAL = re.compile(r"\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}(?!\d)")
_ISO = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)(?!\d)"
)
"""$time_iso8601, and what sends logs on."""

_REQUEST = re.compile(r"([A-Z]{3,7}) (\S+)")
_ADDRESS = re.compile(
    r"(?:\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[[0-9a-f:]{2,39}\]):\d{1,5}"
)

_ROLES = {
    "msec": "msec", "time": "time", "ts": "time", "timestamp": "time",
    "request_time": "took", "rt": "took", "req_time": "took", "reqtime": "took",
    "request_method": "method", "method": "method",
    "request_uri": "path", "uri": "path", "path": "path",
    "upstream_addr": "upstream", "upstream": "upstream",
}  # fmt: skip
"""What is told under a key; of two keys for one thing the first counts."""


def read_nginx_line(line: str) -> Served | str | None:
    r"""Return the request of a line, why it cannot be used, or None for another form.

    Parameters
    ----------
    line : str
        A line, with or without its end. nginx writes quotes within values as \x22, so
        that what stands within quotes is known.
    """
    if line.startswith("{"):
        return None
    pieces = line.split('"')
    # Every quoted value is left as one quote, so that nothing a client said is a key.
    plain = '"'.join(pieces[::2])
    words = plain.split()
    told = _told(words, pieces) if "=" in plain else {}
    asked = _asked(pieces, told)
    if _starts_with_times(words):
        told = {**told, "msec": words[0], "took": words[1]}
    end_s, by_second = _end(line, told)
    took_s = _took(words, pieces, told, shows_request=asked is not None)
    if took_s is None or end_s is None:
        if asked is None:
            return None
        return MISSING if took_s is None else NO_TIME
    engine = _engine(words, told)
    if engine == "-" and asked is not False:
        return NOT_SERVED
    return Served(end_s - took_s, end_s, engine, asked, by_second)


def _told(words: Sequence[str], pieces: Sequence[str]) -> dict[str, str]:
    """Return the values that have a key, key=value, quoted or not, by their role."""
    told: dict[str, str] = {}
    for word in words:
        if "=" in word:
            key, _, value = word.partition("=")
            role = _ROLES.get(key)
            if role:
                told.setdefault(role, value)
    for at in range(1, len(pieces), 2):
        if pieces[at - 1].endswith("="):
            key = pieces[at - 1].split()[-1][:-1]
            if key in _ROLES:
                told[_ROLES[key]] = pieces[at]
    return told


def _starts_with_times(words: Sequence[str]) -> bool:
    """Return whether a line starts with $msec and $request_time."""
    return (
        len(words) > 1
        and _MSEC.fullmatch(words[0]) is not None
        and "." in words[1]
        and _SECONDS.fullmatch(words[1]) is not None
    )


def _end(line: str, told: Mapping[str, str]) -> tuple[float | None, bool]:
    """Return when the line was written, and whether to the second only."""
    text = told.get("msec") or told.get("time")
    if text and _MSEC.fullmatch(text):
        return likely_s(float(text)), "." not in text
    found = _LOCAL.match(line, line.find("[") + 1) or _LOCAL.search(line)
    if found:
        return common_log_s(found[0]), True
    found = _ISO.search(line)
    if found:
        return iso_s(found[0]), found[1] is None
    return None, True


def _took(
    words: Sequence[str],
    pieces: Sequence[str],
    told: Mapping[str, str],
    *,
    shows_request: bool,
) -> float | None:
    """Return how long the request took: by its key, else the longest of the times."""
    text = told.get("took")
    if text is not None:
        return float(text) if _SECONDS.fullmatch(text) else None
    if not shows_request:
        return None
    values = [*words, *pieces[1::2]]
    times = [each for each in values if each[-4:-3] == "." and _TIME.fullmatch(each)]
    return max(map(float, times), default=None)


def _asked(pieces: Sequence[str], told: Mapping[str, str]) -> bool | None:
    """Return whether a completion was asked for, None where that is not shown."""
    for each in pieces[1::2]:
        found = _REQUEST.match(each)
        if found:
            return is_completion(found[1], found[2])
    if "path" not in told:
        return None
    return is_completion(told.get("method", ""), told["path"])


def _engine(words: Sequence[str], told: Mapping[str, str]) -> str:
    """Return the upstream that answered, "-" where none did, "" where none is told.

    Of several that were tried, the last one answered.
    """
    upstream = told.get("upstream")
    if upstream is not None and not upstream.endswith(","):
        return upstream.rpartition(" ")[2] or "-"
    for word in reversed(words[1:]):
        if ":" in word and _ADDRESS.fullmatch(word.removesuffix(",")):
            return word
    return ""
