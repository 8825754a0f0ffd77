"""What was sent together: told by requests or by times, kept without either."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bucketwise
from bucketwise.nouns.together import STEP_MS, Together, merge_together
from bucketwise.nouns.traffic import Traffic, merge_traffic
from bucketwise.read.by_scenario import read_scenarios
from bucketwise.read.histograms import write_histogram
from tests.strategies import requests_of

Size = tuple[int, int]
Group = list[Size]

sizes = st.tuples(st.integers(1, 5), st.integers(1, 3))
groups = st.lists(st.lists(sizes, min_size=1, max_size=4), min_size=1, max_size=12)


def held(sent: Together) -> Counter[tuple[Size, ...]]:
    """Return what groups were kept: the sizes of each, and how often."""
    if not len(sent):
        return Counter()
    sides = [sent.members[side].tolist() for side in ("height_px", "width_px")]
    members = [*zip(*sides, strict=True)]
    starts = [0, *sent.ends[:-1].tolist()]
    spans = zip(starts, sent.ends.tolist(), sent.count.tolist(), strict=True)
    return Counter({tuple(members[a:b]): int(n) for a, b, n in spans})


def expected(found: Iterable[Group]) -> Counter[tuple[Size, ...]]:
    return Counter(tuple(sorted(group)) for group in found if len(group) > 1)


@given(groups, st.randoms(use_true_random=False), st.integers(0, 12))
def test_no_order_leaves_a_trace_and_adding_two_equals_gathering_both(
    found: list[Group], random: Random, cut: int
) -> None:
    whole = requests_of(*found)
    assert held(whole.calls) == expected(found)
    shuffled = [random.sample(group, len(group)) for group in found]
    random.shuffle(shuffled)
    assert requests_of(*shuffled).sha256() == whole.sha256()
    parts = [requests_of(*each) for each in (found[:cut], found[cut:]) if each]
    assert merge_traffic(parts).sha256() == merge_traffic([whole]).sha256()


@given(groups, st.integers(0, 12))
def test_sizes_that_are_rounded_stay_in_their_groups(
    found: list[Group], cut: int
) -> None:
    apart = [[(each[0] * 1_001, each[1]) for each in group] for group in found]
    whole = merge_traffic([requests_of(*apart)], max_cells=2)
    parts = [requests_of(*each) for each in (apart[:cut], apart[cut:]) if each]
    rounded = [merge_traffic([part], max_cells=2) for part in parts]
    assert merge_traffic(rounded, max_cells=2).sha256() == whole.sha256()
    kept = dict(zip(rows_of(whole), whole.sizes().count, strict=True))
    for sent in (whole.requests, whole.calls):
        for row, images in zip(rows_of(sent), sent.images, strict=True):
            assert images <= kept[row]
    assert whole.calls.count.sum() == sum(len(group) > 1 for group in apart)


def rows_of(of: Traffic | Together) -> list[Size]:
    if isinstance(of, Traffic):
        found = of.sizes()
        return [*zip(found.height_px.tolist(), found.width_px.tolist(), strict=True)]
    sides = [of.columns[side].tolist() for side in ("height_px", "width_px") if len(of)]
    return [*zip(*sides, strict=True)]


def test_past_a_bound_none_is_kept_and_the_traffic_says_so() -> None:
    one, other = (requests_of([(1, each), (2, 2)]).calls for each in (3, 4))
    assert len(merge_together([one, other], most=4)) == 2
    lost = merge_together([one, other], most=3)
    assert (len(lost), lost.is_too_much, lost.told) == (0, True, ("requests",))
    # What is lost stays so, as if all had been gathered together.
    assert merge_together([lost, one]).is_too_much
    whole = requests_of([(1, 3), (2, 2)])
    said = merge_traffic([replace(whole, calls=lost), whole])
    [note] = said.notes
    assert note.endswith("each image is taken to have come alone")
    assert not len(said.calls)
    assert said.requests.count.tolist() == [2]


def write_rows(path: Path, rows: Sequence[dict[str, object]], end: str = "\n") -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]], lineterminator=end)
        writer.writeheader()
        writer.writerows(rows)
    return path


def as_rows(found: Sequence[Group], name: str = "r") -> list[dict[str, object]]:
    return [
        {"request_id": f"{name}{at}", "width": width, "height": height}
        for at, group in enumerate(found)
        for height, width in group
    ]


DRAWN = Random(7)  # noqa: S311 - the same rows each time
SENT = [
    [(DRAWN.choice([8, 64, 640]), DRAWN.choice([9, 90])) for _ in range(n)]
    for n in (DRAWN.randrange(1, 7) for _ in range(300))
]


@pytest.mark.parametrize("n", [20, 300], ids=["a few rows", "many"])
def test_a_column_of_requests_tells_what_came_together(n: int, tmp_path: Path) -> None:
    sent = SENT[:n]
    rows = as_rows(sent)
    read = bucketwise.read_traffic([write_rows(tmp_path / "a.csv", rows)])
    assert held(read.requests) == held(read.calls) == expected(sent)
    assert read.calls.told == ("requests",)
    DRAWN.shuffle(rows)
    others = [{**row, "request_id": f"{row['request_id']} x"} for row in rows]
    same = bucketwise.read_traffic([write_rows(tmp_path / "b.csv", others)])
    assert same.sha256() == read.sha256()
    # Line ends of two kinds are read batch by batch.
    text = (tmp_path / "a.csv").read_text()
    (tmp_path / "c.csv").write_text(text.replace("\n", "\r\n", 3), newline="")
    mixed = bucketwise.read_traffic([tmp_path / "c.csv"])
    assert mixed.sha256() == read.sha256()


def test_a_column_is_named_and_what_says_nothing_came_alone(tmp_path: Path) -> None:
    rows = [{**row, "request_id": ""} for row in as_rows([[(8, 8)] * 3])]
    rows += as_rows([[(8, 9)] * 2])
    renamed = [{"who": row.pop("request_id"), **row} for row in rows]
    path = write_rows(tmp_path / "a.csv", renamed)
    assert not len(bucketwise.read_traffic([path]).calls)
    read = bucketwise.read_traffic([path], columns={"request": "who"})
    assert held(read.requests) == {((8, 9), (8, 9)): 1}


def test_rows_with_a_weight_tell_no_requests(tmp_path: Path) -> None:
    rows = [{**row, "count": 2} for row in as_rows([[(8, 8)] * 2])]
    read = bucketwise.read_traffic([write_rows(tmp_path / "a.csv", rows)])
    assert read.images == 4
    assert not read.calls.told


def timed(found: Sequence[Group], step_ms: int) -> list[dict[str, object]]:
    """Give each group a time of its own, its images some ms apart."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    return [
        {
            "timestamp": (
                start + timedelta(milliseconds=at * step_ms + 1 + nth)
            ).isoformat(timespec="milliseconds"),
            "width": width,
            "height": height,
        }
        for at, group in enumerate(found)
        for nth, (height, width) in enumerate(group)
    ]


@pytest.mark.parametrize("n", [20, 300], ids=["a few rows", "many"])
def test_images_within_a_step_came_at_once(n: int, tmp_path: Path) -> None:
    sent = SENT[:n]
    path = write_rows(tmp_path / "a.csv", timed(sent, STEP_MS))
    read = bucketwise.read_traffic([path])
    assert held(read.calls) == expected(sent)
    assert read.calls.told == ("arrivals",)
    assert not read.requests.told


def test_full_seconds_are_no_arrivals(tmp_path: Path) -> None:
    rows = [{**row, "timestamp": "2026-03-01 10:00:00"} for row in timed(SENT[:9], 50)]
    read = bucketwise.read_traffic([write_rows(tmp_path / "a.csv", rows)])
    assert not read.calls.told


def test_requests_of_one_step_are_one_call_from_their_first_image_on(
    tmp_path: Path,
) -> None:
    told = [("a", 1), ("b", 30), ("a", 900), ("c", 951), ("d", 2_001), ("e", 2_040)]
    rows = [
        {
            "request_id": name,
            "ts": f"2026-03-01T10:00:{ms // 1000:02}.{ms % 1000:03}Z",
            "width": 8,
            "height": at + 1,
        }
        for at, (name, ms) in enumerate(told)
    ]
    read = bucketwise.read_traffic([write_rows(tmp_path / "a.csv", rows)])
    assert held(read.requests) == {((1, 8), (3, 8)): 1}
    assert held(read.calls) == {((1, 8), (2, 8), (3, 8)): 1, ((5, 8), (6, 8)): 1}
    assert read.calls.told == ("arrivals", "requests")


def asked(group: Group, more: dict[str, object]) -> str:
    parts = [
        {"type": "image_url", "image_url": {"url": "x"}, "width": w, "height": h}
        for h, w in group
    ]
    return json.dumps({"messages": [{"role": "user", "content": parts}], **more})


def test_the_images_of_a_chat_request_came_together(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(asked(group, {}) + "\n" for group in SENT))
    read = bucketwise.read_traffic([path])
    assert held(read.requests) == held(read.calls) == expected(SENT)
    lines = [
        asked(group, {"timestamp": f"2026-03-01T10:00:{at // 2:02}.{at % 2 + 1:03}Z"})
        for at, group in enumerate(SENT[:80])
    ]
    path.write_text("\n".join(lines))
    read = bucketwise.read_traffic([path])
    assert held(read.requests) == expected(SENT[:80])
    pairs = [SENT[at] + SENT[at + 1] for at in range(0, 80, 2)]
    assert held(read.calls) == expected(pairs)


def test_a_histogram_keeps_groups_and_no_id(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "a.csv", as_rows(SENT, "customer-7-"))
    read = bucketwise.read_traffic([rows])
    path = tmp_path / "h.parquet"
    write_histogram(read, path)
    back = bucketwise.read_traffic([path])
    assert (back.requests, back.calls) == (read.requests, read.calls)
    assert back.sha256() == read.sha256()
    assert b"customer" not in path.read_bytes()


def test_traffic_without_requests_has_the_bytes_it_had(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"width": w, "height": h} for group in SENT for h, w in group
    ]
    path = tmp_path / "h.parquet"
    write_histogram(
        bucketwise.read_traffic([write_rows(tmp_path / "a.csv", rows)]), path
    )
    assert b"together" not in path.read_bytes()


def test_what_grows_or_ages_takes_its_groups_along_or_says_so(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.csv", timed(SENT, STEP_MS))
    grown = read_scenarios({"next-year": [(path, 1.5)]})
    read = bucketwise.read_traffic([path])
    assert grown.calls.count.sum() == 1.5 * read.calls.count.sum()
    assert (grown.calls.images <= grown.images).all()
    aged = bucketwise.read_traffic([path], half_life_s=60.0)
    assert not len(aged.calls)
    assert aged.notes[-1].startswith("images weigh by their age")
