"""What a proxy's own format string says of its lines: where when and how long stand.

A format string becomes two patterns of RE2, which takes time in proportion to a line
whatever it is given. In the strict one every variable ends at the first character of
what follows it, so that a line is read in one way only, and fast; in the loose one it
ends where what follows is found as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bucketwise.errors import UsageError

Part = Literal["start", "end", "duration", "path", "method", "replica", "answered"]
"""What a variable tells; `answered` is a number below 0 where no engine answered."""

MOMENTS: tuple[Part, ...] = ("start", "end", "duration")
MOST_CHARACTERS = 4_096
MOST_VARIABLES = 100
"""HAProxy documents some ninety, more than any other."""

_OPTIONAL = r"(?:\{[^}]*\} )?"
_QUOTED = r'(?:[^"\\]|\\.)*'
"""What stands between quotes; Apache and Envoy put a backslash before a quote in it."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What a variable tells, in which unit, and how it is written.

    In a pattern `{}` stands for anything up to what follows the variable. A pattern
    without counts only where nothing but a blank or the end of the line follows.
    """

    part: Part
    unit_s: float | None = None
    pattern: str = "({})"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Syntax:
    """How a program writes formats; of variables for one thing the first is the best."""

    name: str
    shown_by: re.Pattern[str]
    variable: re.Pattern[str]
    told: Mapping[str, _Told]
    example: str
    optional: frozenset[str] = frozenset()


_PATH, _METHOD, _REPLICA = _Told("path"), _Told("method"), _Told("replica")

ENVOY = _Syntax(
    name="Envoy",
    shown_by=re.compile(r"%[A-Z][A-Z_0-9]{2,}(?:\([^()]*\))?(?::\d+)?%"),
    variable=re.compile(r"%(?P<name>[A-Z][A-Z_0-9]{2,}(?:\([^()]*\))?)(?::\d+)?%|%%"),
    told={
        "START_TIME": _Told("start"), "START_TIME_LOCAL": _Told("start"),
        "EMIT_TIME": _Told("end"), "DURATION": _Told("duration", 1e-3),
        "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)": _PATH, "REQ(:PATH)": _PATH, "PATH": _PATH,
        "REQ(:METHOD)": _METHOD, "UPSTREAM_HOST": _REPLICA,
        "UPSTREAM_REMOTE_ADDRESS": _REPLICA,
    },
    example='[%START_TIME%] "%REQ(:METHOD)% %REQ(:PATH)%" %DURATION% "%UPSTREAM_HOST%"',
)  # fmt: skip
"""Envoy's documentation, access logging: START_TIME is when the request began."""

GUNICORN = _Syntax(
    name="gunicorn",
    shown_by=re.compile(r"%\([^()]{1,60}\)s"),
    variable=re.compile(r"%\((?P<name>[^()]{1,60})\)s|%%"),
    told={
        "t": _Told("end", None, r"\[([^\]]*)\]"), "D": _Told("duration", 1e-6),
        "M": _Told("duration", 1e-3), "L": _Told("duration", 1.0),
        "T": _Told("duration", 1.0), "r": _PATH, "U": _PATH, "m": _METHOD,
    },
    example='%(t)s "%(r)s" %(s)s %(D)s',
)  # fmt: skip
"""gunicorn glogging.py: lines, and their times, are of when a request is done."""

NGINX = _Syntax(
    name="nginx",
    shown_by=re.compile(r"\$\{?[a-z_]"),
    variable=re.compile(r"\$(?:\{(?P<braced>\w+)\}|(?P<name>\w+))"),
    told={
        "msec": _Told("end", 1.0), "time_iso8601": _Told("end"),
        # It holds a blank.
        "time_local": _Told("end", None, r"([^ ]* [+-]\d{4})"), "end": _Told("end"),
        # In two fields (W3C Extended Log File Format).
        "end_date_time": _Told("end", None, r"([-\d]{10}[ \t][:.\d]{8,15})"),
        "start": _Told("start"), "request_time": _Told("duration", 1.0),
        "upstream_response_time": _Told("duration", 1.0),
        "duration": _Told("duration", 1.0), "duration_ms": _Told("duration", 1e-3),
        "duration_us": _Told("duration", 1e-6), "request": _PATH, "request_uri": _PATH,
        "uri": _PATH, "path": _PATH, "request_method": _METHOD, "method": _METHOD,
        # Every one that was tried.
        "upstream_addr": _Told("replica", None, "([^ ,]*(?:, [^ ,]+)*)"),
        "replica": _REPLICA, "answered": _Told("answered"),
    },
    example='[$time_local] "$request" $status $request_time $upstream_addr',
)  # fmt: skip
"""nginx.org, ngx_http_log_module and ngx_http_upstream_module: lines are of when a
request is done. Names that nginx does not have are for programs of any other kind."""

_HAPROXY_LONG = (
    "pid|HPO|trg|trl|tsc|ac|bc|bi|bp|bq|CC|CS|ci|cp|fc|fi|fp|ft|HM|HP|HQ|HU|HV|hr|hs|ID|"
    "lc|ms|rc|rt|sc|si|sp|sq|ST|Ta|Tc|Td|Th|Ti|Tl|Tq|TR|Tr|Ts|Tt|Tu|Tw|tr|ts"
)
"""Names that Apache does not have."""

HAPROXY = _Syntax(
    name="HAProxy",
    shown_by=re.compile(
        rf"%(?:\{{[^{{}}]*[+-][QXE]|(?:\{{[^{{}}]*\}})?\[|(?:{_HAPROXY_LONG})(?![a-zA-Z]))"
    ),
    variable=re.compile(
        r"%(?P<flags>\{[^{}]*\})?(?P<name>\[[^\[\]]*\]|"
        rf"{_HAPROXY_LONG}|[BbHorSsTtU])|%%"
    ),
    told={
        "tr": _Told("start"), "trg": _Told("start"), "trl": _Told("start"),
        "t": _Told("start"), "T": _Told("start"), "Ts": _Told("start", 1.0),
        # A `+` stands before it where the line was written early (logasap).
        "Ta": _Told("duration", 1e-3, r"\+?({})"),
        "Tt": _Told("duration", 1e-3, r"\+?({})"), "r": _PATH, "HU": _PATH, "HP": _PATH,
        "HPO": _PATH, "HM": _METHOD, "s": _REPLICA, "si": _REPLICA,
        "Tr": _Told("answered"),
    },
    # Headers that were captured, left out with their blank where there are none.
    optional=frozenset({"hr", "hs"}),
    example="%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %{+Q}r",
)  # fmt: skip
"""HAProxy's configuration manual, 8.2.6 Custom log format: times are of the start."""

APACHE = _Syntax(
    name="Apache",
    shown_by=re.compile(r"%[<>!\d,]*(?:\{[^{}]*\})?[a-zA-Z]"),
    variable=re.compile(r"%[<>!\d,]*(?P<name>(?:\{[^{}]*\})?(?:\^t[io]|[a-zA-Z]))|%%"),
    told={
        "{usec}t": _Told("start", 1e-6), "{begin:usec}t": _Told("start", 1e-6),
        "{msec}t": _Told("start", 1e-3), "{begin:msec}t": _Told("start", 1e-3),
        "{end:usec}t": _Told("end", 1e-6), "{end:msec}t": _Told("end", 1e-3),
        "{sec}t": _Told("start", 1.0), "{begin:sec}t": _Told("start", 1.0),
        "{end:sec}t": _Told("end", 1.0), "t": _Told("start", None, r"\[([^\]]*)\]"),
        "{}t": _Told("start"), "{end:}t": _Told("end"), "D": _Told("duration", 1e-6),
        "{us}T": _Told("duration", 1e-6), "{ms}T": _Told("duration", 1e-3),
        "T": _Told("duration", 1.0), "{s}T": _Told("duration", 1.0), "r": _PATH,
        "U": _PATH, "m": _METHOD, "{BALANCER_WORKER_NAME}e": _REPLICA,
        "{BALANCER_WORKER_ROUTE}e": _REPLICA,
    },
    example='%h %t "%r" %>s %D',
)  # fmt: skip
"""httpd.apache.org, mod_log_config: %t is when the request was received."""

SYNTAXES = (ENVOY, GUNICORN, NGINX, HAPROXY, APACHE)
"""The first that a format string shows is taken for it."""

EXAMPLES = "; ".join(f"{each.name} '{each.example}'" for each in SYNTAXES)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFormat:
    """How to read lines."""

    text: str
    """The format string."""
    syntax: str
    """Whose it is."""
    strict: str
    loose: str
    """Patterns of RE2 for a whole line."""
    parts: tuple[str, ...]
    """What the groups of the loose one tell, in order; the strict one has none for
    `answered`, because it fits lines that were."""
    variables: Mapping[str, str]
    """Part to the variable that tells it, as the format names it."""
    units_s: Mapping[str, float]
    """Seconds in one unit of a part, where it is a number."""


@dataclass(frozen=True, slots=True)
class _Variable:
    """A variable of a format: as written, what it tells, and its pattern."""

    written: str
    told: _Told | None
    pattern: str
    rank: int = 0


def compile_format(text: str) -> LineFormat:
    """Return how lines of a format are read."""
    plain = _unquoted(text)
    syntax = next((each for each in SYNTAXES if each.shown_by.search(plain)), None)
    if syntax is None or len(plain) > MOST_CHARACTERS:
        raise UsageError(
            f"--log-format: no variable of a known program in {plain[:80]!r}; give the "
            f"format as its configuration has it: {EXAMPLES}"
        )
    tokens = _with_method(list(_tokens(plain, syntax)))
    variables = [each for each in tokens if isinstance(each, _Variable)]
    if len(variables) > MOST_VARIABLES:
        raise UsageError(
            f"--log-format: expected at most {MOST_VARIABLES} variables, got "
            f"{len(variables)}"
        )
    read = _read(variables)
    _check(read, syntax)
    strict, loose = [], []
    for at, token in enumerate(tokens):
        if isinstance(token, str):
            # Blanks that align columns are any number.
            written = re.escape(token).replace("\\ ", " ")
            literal = re.sub(r"(?:\\? ){2,}", " +", written)
            strict.append(literal)
            loose.append(literal)
            continue
        following = tokens[at + 1] if at + 1 < len(tokens) else None
        is_read = token in read.values()
        answered = token.told is not None and token.told.part == "answered"
        first, kept = (r"\d", False) if answered else ("", is_read)
        strict.append(_pattern(token, following, first, kept=kept))
        loose.append(_pattern(token, following, None, kept=is_read))
    parts = sorted(read, key=lambda part: tokens.index(read[part]))
    told = {part: variable.told for part, variable in read.items()}
    ends = "" if strict[-1] == "(?:.*)" else "$"
    return LineFormat(
        text=plain,
        syntax=syntax.name,
        strict=f"^{''.join(strict)}".removesuffix("(?:.*)") + ends,
        loose=f"^{''.join(loose)}$",
        parts=tuple(parts),
        variables={part: read[part].written for part in parts},
        units_s={
            part: each.unit_s
            for part, each in told.items()
            if each is not None and each.unit_s is not None
        },
    )


def _unquoted(text: str) -> str:
    """Return a format without the quotes and escapes of the file it was copied from."""
    text = text.strip()
    if re.fullmatch(r"'[^']*'(?:\s+'[^']*')*;?", text):
        text = "".join(re.findall(r"'([^']*)'", text))
    elif re.fullmatch(rf'"{_QUOTED}"', text) and '\\"' in text:
        text = text[1:-1]
    text = text.removesuffix("\\n")
    return re.sub(r'\\(["\\ t])', lambda it: it[1].replace("t", "\t"), text)


def _tokens(text: str, syntax: _Syntax) -> Iterator[str | _Variable]:
    """Yield literal texts, joined, and variables."""
    literal, end = "", 0
    for found in syntax.variable.finditer(text):
        literal += text[end : found.start()]
        end = found.end()
        if found[0] == "%%":
            literal += "%"
            continue
        if literal:
            yield literal
            literal = ""
        variable = _variable(found, syntax)
        end += variable.pattern == _OPTIONAL and text.startswith(" ", end)
        yield variable
    literal += text[end:]
    if literal:
        yield literal


def _variable(found: re.Match[str], syntax: _Syntax) -> _Variable:
    groups = found.groupdict()
    name = groups["name"] or groups.get("braced") or ""
    names = list(syntax.told)
    # What is given to a time says how it is written.
    general = re.sub(r"^\{(end:)?[^{}]*%[^{}]*\}t$", r"{\1}t", name)
    candidates = (name, general, name.partition("(")[0])
    key = next((each for each in candidates if each in syntax.told), None)
    told = syntax.told[key] if key else None
    pattern = told.pattern if told else "({})"
    if name in syntax.optional:
        pattern = _OPTIONAL
    if "Q" in (groups.get("flags") or ""):
        pattern = f'"({_QUOTED})"'
    return _Variable(found[0], told, pattern, names.index(key) if key else 0)


def _with_method(tokens: Sequence[str | _Variable]) -> list[str | _Variable]:
    """Join a method and the path after it: RE2 is fast with four groups at most."""
    joined: list[str | _Variable] = []
    for token in tokens:
        if (
            isinstance(token, _Variable)
            and token.told == _PATH
            and joined[-1:] == [" "]
            and len(joined) > 1
            and isinstance(method := joined[-2], _Variable)
            and method.told == _METHOD
        ):
            written = f"{method.written} {token.written}"
            joined[-2:] = [_Variable(written, _PATH, "([^ ]* {})", token.rank)]
        else:
            joined.append(token)
    return joined


def _read(variables: Sequence[_Variable]) -> dict[Part, _Variable]:
    """Return the best variable for every part."""
    best: dict[Part, _Variable] = {}
    for each in variables:
        if each.told is not None:
            known = best.get(each.told.part)
            if known is None or each.rank < known.rank:
                best[each.told.part] = each
    if "path" not in best or "replica" not in best:
        needs = {"method": "path", "answered": "replica"}
        best = {at: each for at, each in best.items() if needs.get(at, at) in best}
    return best


def _check(read: Mapping[Part, _Variable], syntax: _Syntax) -> None:
    """Refuse a format that does not tell two of start, end and duration."""
    known = [read[part].written for part in MOMENTS if part in read]
    if len(known) > 1:
        return
    lacks = "a time" if "duration" in read else "how long a request took"
    if not known:
        lacks = "neither a time nor how long a request took"
    only = f" beside {known[0]}" if known else ""
    raise UsageError(
        "--log-format: "
        f"{'' if known else 'it tells '}{lacks}{f' is missing{only}' if known else ''}, "
        f"read as a format of {syntax.name}; expected one such as '{syntax.example}'"
    )


def _pattern(
    variable: _Variable,
    following: str | _Variable | None,
    first: str | None,
    *,
    kept: bool,
) -> str:
    """Return the pattern of a variable: a strict one after `first`, or a loose one."""
    end = following[0] if isinstance(following, str) else ""
    pattern = variable.pattern
    ends_word = following is None or end in " \t"
    if isinstance(following, str) and variable.told and variable.told.part in MOMENTS:
        # Times hold blanks.
        end = following.strip()[:1] or end
    if variable.told and "{}" not in pattern and pattern[0] == "(" and not ends_word:
        pattern = "({})"
    if end == '"':
        held = _QUOTED if first is None else r'[^"\\]*'
    elif first is None or isinstance(following, _Variable):
        held = ".*?"
    else:
        held = ".*" if following is None else f"[^{re.escape(end)}]*"
    pattern = pattern.replace("{}", f"{first or ''}{held}")
    return pattern if kept else re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)
