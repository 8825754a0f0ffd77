"""The formats of lines that are known without being told, and what is put before them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bucketwise.errors import InputError
from bucketwise.read.evidence.format_strings import LineFormat, compile_format


@dataclass(frozen=True)
class Known:
    """A format that a program writes unless it is told otherwise."""

    name: str
    """Whose."""
    text: str
    """The format string."""
    telling: str = ""
    """Pattern of what nothing but its lines has."""

    @cached_property
    def shown_by(self) -> re.Pattern[str]:
        """The same, compiled."""
        return re.compile(self.telling)

    @cached_property
    def lines(self) -> LineFormat:
        """How its lines are read."""
        return compile_format(self.text)


_ENVOY_START = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" '
    "%RESPONSE_CODE% %RESPONSE_FLAGS% "
)
_ENVOY_END = (
    "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
    '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" '
    '"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"'
)
_COMBINED = '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"'
_OF_ENVOY = r"^\[\d{4}-\d\d-\d\dT"
_OF_HAPROXY = r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] "

KNOWN = (
    # Elastic Load Balancing, "Access log entries" (Syntax); what was added later stands
    # at the end. A time is -1 where no target answered.
    Known(
        "an AWS application load balancer",
        "$type $end $elb $client $replica $request_processing_time "
        "$target_processing_time $answered $elb_status_code $target_status_code "
        '$received_bytes $sent_bytes "$path" "$user_agent" $ssl_cipher $ssl_protocol '
        '$target_group_arn "$trace_id" "$domain_name" "$chosen_cert_arn" '
        "$matched_rule_priority $start $others",
        r"^(?:https?|h2|grpcs|wss?) \d{4}-\d\d-\d\dT",
    ),
    # Envoy's documentation, "Default format string"; Istio pilot/pkg/model/telemetry_logging.go.
    Known("Envoy", _ENVOY_START + _ENVOY_END, _OF_ENVOY),
    Known(
        "Istio",
        _ENVOY_START
        + "%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "
        + '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" '
        + _ENVOY_END
        + " %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% "
        "%DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%",
        _OF_ENVOY,
    ),
    # HAProxy's configuration manual, 8.2.3 HTTP log format; 8.2.5 adds to its end.
    Known(
        "HAProxy",
        "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc "
        "%ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r%[others]",
        _OF_HAPROXY,
    ),
    # doc.traefik.io, Access Logs, "CLF"; its time is that of the start (StartUTC).
    Known(
        "Traefik",
        '$client - $user [$start] "$path" $status $size "$referrer" "$agent" $count '
        '"$router" "$replica" ${duration_ms}ms',
    ),
    # gin logger.go; with the ids that new-api puts into it (middleware/logger.go).
    Known("Gin", '[GIN] $end | $status |  $duration |  $client | $method  "$path"'),
    Known("Gin", "[GIN] $end | $id | $status |  $duration |  $client |  $method $path"),
    # Numbers this long are no milliseconds and no bytes of a request.
    Known("Apache", f"{_COMBINED} %D", r'" \d{6,9}$'),
    Known("Apache", '%h %l %u %t "%r" %>s %b %D', r" (?:\d+|-) \d{6,9}$"),
)
"""Tried in this order; the first that most lines have is taken for all of them."""

_W3C_FIELDS = {"cs-uri-stem": "path", "cs-method": "method"}


def w3c_format(lines: Iterable[str], name: str) -> Known | None:
    """Return the format that a `#Fields:` line names; None where there is none.

    W3C Extended Log File Format (WD-logfile): time-taken is in seconds, but IIS writes
    milliseconds (its W3C logging fields). Both it and CloudFront tell the time at which
    a response was finished.
    """
    named = [each.split()[1:] for each in lines if each.startswith("#Fields:")]
    fields = named[-1] if named else []
    if not {"date", "time", "cs-method"} <= set(fields):
        return None
    if "time-taken" not in fields:
        raise InputError(
            f"{name}: expected time-taken among its #Fields, how long a request took, got "
            f"{' '.join(fields)}; have the server log it"
        )
    tabs = any("\t" in each for each in lines if not each.startswith("#"))
    in_ms = "sc-win32-status" in fields
    names = _W3C_FIELDS | {"time-taken": "duration_ms" if in_ms else "duration"}
    told = []
    for at, each in enumerate(fields):
        if each == "date" and fields[at + 1 : at + 2] == ["time"]:
            told.append("$end_date_time")
        elif each != "time" or fields[at - 1] != "date":
            told.append("$" + names.get(each, f"_{at}"))
    program = "IIS" if in_ms else "a W3C extended log"
    return Known(program, ("\t" if tabs else " ").join(told))


_STAMP = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"

_PREFIXES: Mapping[str, str] = {
    "docker compose": r"[\w.-]{1,100} +\| ",
    "CRI": rf"{_STAMP} (?:stdout|stderr) [FP] ",
    "syslog": (
        rf"(?:<\d{{1,3}}>)?(?:[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{{1,9}})?|{_STAMP})"
        r" [\w.-]{1,100} [\w./-]{1,100}(?:\[\d{1,10}\])?: "
    ),
    "syslog (RFC 5424)": (
        rf"<\d{{1,3}}>1 {_STAMP} [\w.-]{{1,100}} [\w./-]{{1,100}} \S{{1,100}} \S{{1,100}} "
        r"(?:-|\[[^\]]*\]) "
    ),
    "kubectl": r"\[pod/[\w.-]{1,300}/[\w.-]{1,100}\] ",
    "logcli": rf"{_STAMP} \{{[^{{}}]*\}} ",
    "a collector": rf"{_STAMP}[ \t]+",
}
"""What those who keep logs put before each line; Python and DuckDB read it alike."""

_MOST_PREFIXES = 3


def find_prefix(lines: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the pattern of what stands before most lines, and who put it there."""
    pattern, names = "", tuple[str, ...]()
    while len(names) < _MOST_PREFIXES:
        for name, each in _PREFIXES.items():
            if _are_most(re.compile(pattern + each).match, lines):
                names, pattern = (*names, name), pattern + each
                break
        else:
            break
    return pattern, names


_COMMON = r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"
_WORD = r'[^\s"\[\]]+'
_TOKEN = re.compile(
    r"(?P<key>[\w.-]{1,40}=)?"
    # What is not closed ends with the line.
    r'(?P<value>"(?:[^"\\]|\\.)*(?:"|$)|\[[^\]]*(?:\]|$)|'
    rf"{_COMMON}|{_WORD}(?:(?<=,) {_WORD})*)|(?P<rest>\s+|.)"
)
_LABELLED = re.compile(r"(?P<key>[\w.-]{1,40}:)(?P<value>[^\t]*)|(?P<rest>\t|[^\t]+)")
_LABELLED_LINE = re.compile(r"[\w.-]{1,40}:[^\t]*\t[\w.-]{1,40}:")
"""Labeled Tab-separated Values (ltsv.org)."""

_BY_KEY = {
    "request_time": "request_time", "rt": "request_time", "req_time": "request_time",
    "reqtime": "request_time", "request_method": "request_method",
    "method": "request_method", "request_uri": "request_uri", "uri": "request_uri",
    "path": "request_uri", "upstream_addr": "upstream_addr", "upstream": "upstream_addr",
}  # fmt: skip
_BY_VALUE = {
    "time_local": re.compile(_COMMON),
    "time_iso8601": re.compile(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
    ),
    "msec": re.compile(r"1\d{9}\.\d{3}"),
    "request": re.compile(r"[A-Z]{3,7} /\S*(?: HTTP/[\d.]{1,4})?"),
}
"""How nginx writes what it is that tells nothing by its place."""

_MILLISECONDS = re.compile(r"\d{1,9}\.\d{3}")
_ADDRESS = re.compile(r"(?:[\d.]{7,15}|\[[0-9a-f:]{2,39}\]):\d{1,5}")
_LONGEST = 4_096
"""Characters: a longer line shows its form no better."""

_INTEGER = re.compile(r"\d{1,9}")
_UNITS = ((3, ""), (5, "_ms"))
"""Digits that most requests to a language model take, in seconds and milliseconds."""


def infer_format(lines: Sequence[str]) -> str:
    """Return a format string of nginx that most lines fit, told by what stands on them.

    Of several times to the millisecond the longest is the request's: those of its
    upstreams are within it. What tells nothing is `$_`.
    """
    shapes: dict[tuple[str, ...], list[list[str]]] = {}
    token = _LABELLED if _are_most(_LABELLED_LINE.match, lines) else _TOKEN
    for line in lines:
        if len(line) > _LONGEST:
            continue
        taken = [_apart(found) for found in token.finditer(line.rstrip("\r\n"))]
        shape = tuple(form for form, _ in taken)
        shapes.setdefault(shape, []).append([value for _, value in taken])
    shape, rows = max(shapes.items(), key=lambda each: len(each[1]), default=((), [[]]))
    columns = list(zip(*rows, strict=True))
    names = [_name(*each) for each in zip(shape, columns, strict=True)]
    if "request_time" not in names and {"request", "request_uri", "msec"} & {*names}:
        _put(names, "request_time", map(_sum_s, columns))
    if "upstream_addr" not in names:
        places = enumerate(columns)
        _put(names, "upstream_addr", (at * _are(_ADDRESS, each) for at, each in places))
    named = zip(shape, names, strict=True)
    return "".join(form.replace("$", f"${name or '_'}") for form, name in named)


def suppose_duration(text: str, lines: Sequence[str]) -> str:
    """Return an inferred format in which the last number is how long a request took.

    nginx, which writes it with a point, is not what wrote it; others tell the start.
    """
    last = [line.split()[-1] for line in lines if line.split()]
    if not text.endswith(" $_") or not _are(_INTEGER, last):
        return ""
    digits = sorted(map(len, last))[len(last) // 2]
    unit = next((unit for most, unit in _UNITS if digits <= most), "_us")
    timed = text.replace("$time_local", "$start").replace("$time_iso8601", "$start")
    return f"{timed.removesuffix('_')}duration{unit}"


def _apart(found: re.Match[str]) -> tuple[str, str]:
    """Return what stands around a value, itself a `$`, and the value."""
    value = found["value"]
    if value is None:
        return found[0], ""
    first, last = (value[0], value[-1]) if value[:1] in ('"', "[") else ("", "")
    inner = value[1:-1] if first else value
    return f"{found['key'] or ''}{first}${last}", inner


def _name(form: str, values: Sequence[str]) -> str:
    key = _BY_KEY.get(re.sub(r'[=:]?["\[]?\$.*', "", form), "")
    if key or "$" not in form:
        return key
    return next((name for name, each in _BY_VALUE.items() if _are(each, values)), "")


def _put(names: list[str], name: str, weights: Iterable[float]) -> None:
    """Give a name to the free column with the greatest weight, unless all are 0."""
    free = [
        0 if named else weight for named, weight in zip(names, weights, strict=True)
    ]
    if any(free):
        names[free.index(max(free))] = name


def _sum_s(values: Sequence[str]) -> float:
    """Return the sum of times to the millisecond, 0 for anything else."""
    if not _are(_MILLISECONDS, values):
        return 0.0
    return sum(float(each) for each in values if _MILLISECONDS.fullmatch(each)) + 1e-9


def _are(pattern: re.Pattern[str], values: Sequence[str]) -> bool:
    """Return whether most of what is told, "-" being nothing, has a pattern."""
    return _are_most(pattern.fullmatch, [each for each in values if each != "-"])


def _are_most(test: Callable[[str], object], values: Sequence[str]) -> bool:
    """Return whether most values meet a test; of none it is not so."""
    return 2 * sum(test(each) is not None for each in values) > len(values)
