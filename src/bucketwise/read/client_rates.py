"""Shares by client and rates by client, joined into one weighted table.

ServeGen (github.com/alibaba/ServeGen, data/multimodal) publishes production traffic so:
what the images of a client are like, in shares that add up to 1, and beside it how often
that client asks. Only together do they say how often a length is needed.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from bucketwise.errors import InputError
from bucketwise.read.database import literal, open_workspace
from bucketwise.read.detect import GZIP
from bucketwise.read.lines import (
    Compression,
    PackingError,
    find_line_ends,
    open_unpacked,
)
from bucketwise.read.paths import Input
from bucketwise.read.scratch import Scratch

RATES = frozenset({"client", "timestamp_s", "rate_rps"})
SHARES = frozenset({"client", "window_start_s", "prob"})

TOKENS = "image_tokens"
IMAGES = "image_count"

_HEAD_BYTES = 4_096

_JOIN = """
COPY (
    WITH windows AS (SELECT DISTINCT client, window_start_s FROM {tokens}),
    steps AS (
        SELECT min(later - timestamp_s) AS step_s FROM (
            SELECT timestamp_s,
                lead(timestamp_s) OVER (PARTITION BY client ORDER BY timestamp_s) AS later
            FROM {rates})
        WHERE later > timestamp_s
    ),
    requests AS (
        SELECT rates.client, window_start_s,
            sum(rate_rps) * coalesce(any_value(step_s), 1) AS requests
        FROM {rates} AS rates ASOF JOIN windows
            ON rates.client = windows.client AND timestamp_s >= window_start_s, steps
        GROUP BY ALL
    ),
    images AS ({images})
    SELECT client, window_start_s, image_tokens, prob * requests * per_request AS weight
    FROM {tokens} JOIN requests USING (client, window_start_s)
        JOIN images USING (client, window_start_s)
    ORDER BY ALL
) TO {path} (HEADER, DELIMITER ',', USE_TMP_FILE false)
"""
_PER_REQUEST = (
    "SELECT client, window_start_s, sum(image_count * prob) / sum(prob) AS per_request "
    "FROM {counts} GROUP BY ALL"
)
_ONE_EACH = "SELECT client, window_start_s, 1 AS per_request FROM windows"


def join_client_rates(found: Sequence[Input], scratch: Scratch) -> list[Input]:
    """Put one weighted table in the place of tables of shares and rates."""
    if len(found) < 2:  # noqa: PLR2004 - nothing to join
        return list(found)
    parts: dict[str, list[Input]] = {}
    others = []
    for each in found:
        part = _part(each)
        parts.setdefault(part, []).append(each)
        if not part:
            others.append(each)
    if "rates" not in parts:
        return list(found)
    problems = [
        f"{part}: expected {' or '.join(map(str, right))} table of it beside client "
        f"rates, got {len(parts.get(part, []))}"
        for part, right in (("rates", [1]), (TOKENS, [1]), (IMAGES, [0, 1]))
        if len(parts.get(part, [])) not in right
    ]
    if problems:
        raise InputError(*problems)
    [rates], [tokens], counts = (
        [each.fetched(kept=True) for each in parts.get(part, ())]
        for part in ("rates", TOKENS, IMAGES)
    )
    path = scratch.new("client-rates.csv")
    _join(tokens, rates, counts[0] if counts else None, path)
    images = "images a request" if counts else "one image a request, as none was told"
    unread = len(found) - len(others) - 2 - bool(counts)
    notes = [f"weights are shares times the client's requests times {images}"]
    if unread:
        notes.append(f"{unread} further tables of shares by client were not needed")
    return [*others, Input(path, tokens.name, notes=tuple(notes))]


def _part(each: Input) -> str:
    """Return which table of such a set a file is, "" for none."""
    try:
        names = _header(each.path)
    except (OSError, PackingError, csv.Error, UnicodeDecodeError):
        # Whatever it is, its own reader will say what is wrong with it.
        return ""
    if names >= RATES:
        return "rates"
    told = names - SHARES
    return next(iter(told)) if names >= SHARES and len(told) == 1 else ""


def _header(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    with open_unpacked(path, _packing(path)) as file:
        start = file.read(_HEAD_BYTES)
    first = start.split(b"\n", 1)[0].decode()
    return set(next(csv.reader([first.strip()]), []))


def _join(tokens: Input, rates: Input, counts: Input | None, path: Path) -> None:
    for each in (tokens, rates, counts):
        if each is not None:
            try:
                # To its end: DuckDB looks at no checksum.
                find_line_ends(each.path, _packing(each.path))
            except PackingError as error:
                raise InputError(f"{each.name}: {error}; pack it anew") from error
    with open_workspace() as workspace:
        # Three files at once: one name each.
        tables = {
            name: f"read_csv({literal(workspace.stage(each.path, name))}, "
            f"compression = '{_packing(each.path)}')"
            for name, each in (("tokens", tokens), ("rates", rates), ("counts", counts))
            if each is not None
        }
        # One thread: sums of floats depend on their order.
        workspace.connection.execute("SET threads = 1")
        images = _PER_REQUEST.format(**tables) if counts else _ONE_EACH
        workspace.connection.execute(
            _JOIN.format(**tables, images=images, path=literal(path))
        )


def _packing(path: Path) -> Compression:
    with path.open("rb") as file:
        return "gzip" if file.read(len(GZIP)) == GZIP else "none"
