"""A load profile holds the mix of the traffic, in the form of the tool."""

from __future__ import annotations

import base64
import io
import json
import shlex
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import bucketwise
from bucketwise.app.load_tools import LOAD_TOOLS
from bucketwise.core.load_profile import CLIPS, TOO_LARGE, profile_of
from bucketwise.errors import InputError
from bucketwise.nouns.traffic import merge_traffic
from tests.commands import bucketwise as run
from tests.strategies import clips_of, traffic_of

sent = st.dictionaries(
    st.tuples(st.integers(1, 3_000), st.integers(1, 3_000)),
    st.integers(1, 40),
    min_size=1,
    max_size=12,
)

WHERE = {"guidellm": "messages", "aiperf": "images", "vllm-bench": "image_files"}


def pictures(line: str, tool: str) -> list[str]:
    """Return the pictures of a request."""
    held: Any = json.loads(line)[WHERE[tool]]
    if tool == "guidellm":
        return [e["image_url"]["url"] for e in held[0]["content"] if "image_url" in e]
    return list(held)


@given(sent, st.integers(1, 60))
def test_every_size_and_every_run_of_sizes_has_its_share(
    counts: dict[tuple[int, int], int], n: int
) -> None:
    traffic = traffic_of(*((*size, float(count)) for size, count in counts.items()))
    profile = profile_of(traffic, n, arrivals=False)
    found = Counter(size for (size,) in profile.requests)
    by_area = sorted(counts, key=lambda each: (each[0] * each[1], each))
    due = n * np.cumsum([counts[each] for each in by_area]) / sum(counts.values())
    assert np.all(
        np.abs(np.cumsum([found[each] for each in by_area]) - due) <= 0.5 + 1e-9
    )
    assert len(profile.requests) == n
    whole = profile_of(traffic, sum(counts.values()), arrivals=False)
    assert Counter(size for (size,) in whole.requests) == counts
    assert whole == profile_of(traffic, sum(counts.values()), arrivals=False)


@pytest.mark.parametrize("tool", LOAD_TOOLS)
def test_pictures_have_their_sizes_and_no_two_are_alike(
    tool: str, tmp_path: Path
) -> None:
    sizes = {(1, 1): 2, (3, 17): 2, (1_080, 1_921): 3, (60_000, 9): 1}
    traffic = traffic_of(*((*size, float(n)) for size, n in sizes.items()))
    prompt = 'a "quote"\n\u2028 and \\'
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for file in files:
        bucketwise.export_load(
            traffic, file, tool=tool, requests=8, prompt=prompt, output_tokens=7
        )
    assert files[0].read_bytes() == files[1].read_bytes()
    assert sorted(tmp_path.iterdir()) == files
    lines = files[0].read_text().splitlines()
    assert all(json.dumps(prompt) in line for line in lines)
    found, colours = Counter[tuple[int, int]](), set()
    for uri in (each for line in lines for each in pictures(line, tool)):
        data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
        with Image.open(io.BytesIO(data)) as image:
            found[image.height, image.width] += 1
            colours.add(image.convert("RGB").getpixel((0, 0)))
    assert found == sizes
    assert len(colours) == 8


def test_what_cannot_be_sent_is_left_out_and_counted() -> None:
    large = traffic_of((20_000, 10_000, 4.0), (480, 640, 2.0))
    mixed = merge_traffic([large, clips_of((480, 640, 8, 3.0))])
    profile = profile_of(mixed, 5, arrivals=False)
    assert profile.left_out == {CLIPS: 3, TOO_LARGE: 4}
    assert set(profile.requests) == {((480, 640),)}
    with pytest.raises(InputError, match="got none to write"):
        profile_of(clips_of((480, 640, 8, 3.0)), 5, arrivals=False)


def test_arrivals_keep_the_rate_of_each_hour() -> None:
    hours = np.array([0, 3_600, 7_200])
    traffic = replace(
        traffic_of((10, 10, 60.0), (20, 20, 20.0), (30, 30, 40.0)),
        slot_start_s=hours,
        first_s=0.0,
        last_s=10_800.0,
    )
    for part in (1, 4):
        starts_s = profile_of(traffic, 120 // part, arrivals=True).starts_s
        assert starts_s is not None
        since_s = part * starts_s + 1e-6
        assert starts_s[0] == 0
        assert np.all(np.diff(starts_s) >= 0)
        counts = np.histogram(since_s, [0, 3_600, 7_200, 10_800])[0] * part
        assert np.abs(counts - [60, 20, 40]).max() <= 4 * part


def test_requests_of_a_log_stay_together_and_the_line_to_run_is_told(
    tmp_path: Path,
) -> None:
    log = tmp_path / "my log.csv"
    log.write_text(
        "request_id,width,height\na,64,48\na,640,480\nb,64,48\nb,640,480\nc,80,80\n"
    )
    assert run("histogram", log, "-o", "h.parquet", cwd=tmp_path).returncode == 0
    for tool in LOAD_TOOLS:
        asked = ("h.parquet", "--for", tool, "--requests", 3, "-o", "a load.jsonl")
        done = run("export-load", *asked, cwd=tmp_path)
        assert done.returncode == 0
        assert "3 requests of 5 images in 3 sizes" in done.stdout
        lines = (tmp_path / "a load.jsonl").read_text().splitlines()
        assert sorted(len(pictures(each, tool)) for each in lines) == [1, 2, 2]
        line = shlex.split(done.stdout.partition("Run: ")[2])
        assert any("a load.jsonl" in word for word in line)
        timed = run("export-load", *asked, "--arrivals", cwd=tmp_path)
        assert timed.returncode == 2
        assert "leave it out" in timed.stderr
    wrong = run("export-load", "h.parquet", "--for", tool, "-o", "x.json", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "expected a name that ends in .jsonl" in wrong.stderr


def test_a_plan_stands_for_the_histogram_beside_it(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("width,height\n64,48\n640,480\n")
    plan = tmp_path / "plan"
    plan.mkdir()
    (plan / "plan.json").write_text("{}")
    lost = run(
        *f"export-load {plan}/plan.json --for aiperf -o a.jsonl".split(), cwd=tmp_path
    )
    assert "expected histogram.parquet beside it" in lost.stderr
    run("histogram", log, "-o", plan / "histogram.parquet", cwd=tmp_path)
    for source in (plan, plan / "plan.json"):
        done = run(
            "export-load", source, "--for", "aiperf", "-o", "a.jsonl", cwd=tmp_path
        )
        assert "1,000 requests of 1,000 images in 2 sizes" in done.stdout
