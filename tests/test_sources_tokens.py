"""Logs that tell visual tokens instead of sizes."""

import csv
import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise import analyze, count
from bucketwise.core.limits import image_limits
from bucketwise.core.patching import count_patches
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.errors import InputError
from bucketwise.nouns.traffic import Sizes, Traffic
from bucketwise.read import read_rows, read_traffic, write_histogram
from bucketwise.read.configs.profiles import find_profile
from bucketwise.report import render
from tests.strategies import preprocessing_of, sides_px, sizes_of

SERVICE = Path(__file__).parents[1] / "sample_traffic" / "qwen_vl_service"


def tokens_of(*tokens: int) -> Sizes:
    """Build sizes of which only the visual tokens are known."""
    nothing = np.zeros(len(tokens), dtype=np.int64)
    return Sizes(
        height_px=nothing,
        width_px=nothing,
        frames=nothing,
        fps=nothing.astype(np.float64),
        visual_tokens=np.array(tokens),
        count=np.ones(len(tokens)),
    )


def read(path: Path, text: str, max_bad_rows: float = 0.0) -> Traffic:
    path.write_text(text)
    return read_traffic([path], max_bad_rows=max_bad_rows)


@given(sides_px, sides_px, st.sampled_from(["qwen2-vl-2b", "qwen3-vl-2b"]))
def test_an_image_and_its_tokens_need_the_same_length(
    height: int, width: int, model: str
) -> None:
    profile = find_profile(model)
    preprocessing = preprocessing_of(profile, image_limits(profile))
    known = count_patches(
        sizes_of((height, width, 0, 0.0, 1.0)), profile, preprocessing
    )
    if not known.accepted[0]:
        return
    told = count_patches(
        tokens_of(int(known.merged_patches[0])), profile, preprocessing
    )
    limit = preprocessing.image.max_pixels // profile.factor_px**2
    # A side is never rounded below one merged patch: thin images can pass the limit.
    if known.merged_patches[0] <= limit:
        assert (
            told.needed(RBLN.release((0, 12, 0)))[0]
            == known.needed(RBLN.release((0, 12, 0)))[0]
        )


@given(sides_px, sides_px, st.sampled_from([(0, 11, 2), (0, 12, 0)]))
def test_with_windows_the_tokens_tell_the_least_length_there_can_be(
    height: int, width: int, version: tuple[int, int, int]
) -> None:
    profile = find_profile("qwen2.5-vl-7b")
    preprocessing = preprocessing_of(profile, image_limits(profile))
    known = count_patches(
        sizes_of((height, width, 0, 0.0, 1.0)), profile, preprocessing
    )
    if not known.accepted[0]:
        return
    told = count_patches(
        tokens_of(int(known.merged_patches[0])), profile, preprocessing
    )
    assert (
        told.needed(RBLN.release(version))[0] <= known.needed(RBLN.release(version))[0]
    )
    assert told.needed(RBLN.release(version))[0] % profile.align == 0


@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=20))
def test_no_tokens_pass_the_limits_of_the_processor(tokens: list[int]) -> None:
    profile = find_profile("qwen3-vl-2b")
    preprocessing = preprocessing_of(profile, image_limits(profile))
    counts = count_patches(tokens_of(*tokens), profile, preprocessing)
    assert counts.vit_patches.min() >= 256
    assert counts.vit_patches.max() <= 16_384


def test_a_column_of_visual_tokens_is_enough(tmp_path: Path) -> None:
    text = "time,image_tokens\n" + "0,64\n" * 1_500 + "9,1280\n" * 500
    traffic = read(tmp_path / "log.csv", text)
    plan = analyze(traffic, model="qwen3-vl-2b").plan
    assert plan.visual.vit_max_seq_lens == (256, 5120)
    assert plan.traffic.told == 2_000
    assert plan.visual.caps == ()
    assert any("stay unknown" in each.words for each in plan.visual.warnings)
    assert "visual tokens alone" in " ".join(traffic.inputs[0].notes)


def test_the_report_says_what_tokens_leave_unknown(tmp_path: Path) -> None:
    traffic = read(tmp_path / "log.csv", "image_tokens\n100\n200\n")
    page = render(analyze(traffic, model="qwen3-vl-2b"), {})
    assert "no picture of sizes as sent" in page
    assert "100 visual tokens" in page
    assert 'id="figure-sizes"' not in page
    (tmp_path / "sizes.csv").write_text("width,height\n640,480\n")
    both = read_traffic([tmp_path / "log.csv", tmp_path / "sizes.csv"])
    page = render(analyze(both, model="qwen3-vl-2b"), {})
    assert 'id="figure-sizes"' in page
    assert "what another limit would make of them is unknown" in page


def test_a_prompt_less_its_text_is_one_image(tmp_path: Path) -> None:
    traffic = read(
        tmp_path / "log.csv",
        "prompt_tokens,text_tokens,num_images\n1100,100,1\n50,50,0\n900,100,2\n30,10,\n",
    )
    assert traffic.visual_tokens.tolist() == [1000]
    assert [(each.reason, each.count) for each in traffic.rejections] == [
        ("not one image", 3)
    ]


def test_requests_without_an_image_are_no_fault(tmp_path: Path) -> None:
    traffic = read(tmp_path / "log.csv", "image_tokens\n0\n0\n77\n")
    assert (traffic.rows_used, traffic.rows_rejected) == (1, 2)
    with pytest.raises(InputError, match="1 of 1 rows"):
        read(tmp_path / "log.csv", "image_tokens\n-7\n")
    with pytest.raises(InputError, match="none of 2 rows tells the size of an image"):
        read(tmp_path / "log.csv", "image_tokens\n0\n0\n")


def test_sizes_win_over_tokens(tmp_path: Path) -> None:
    traffic = read(
        tmp_path / "log.csv", "width,height,image_tokens,num_images\n640,480,300,9\n"
    )
    assert (traffic.width_px.tolist(), traffic.visual_tokens.tolist()) == ([640], [0])


def test_tokens_keep_their_place_in_histograms_and_rows(tmp_path: Path) -> None:
    traffic = read(tmp_path / "log.csv", "image_tokens\n70\n80\n70\n")
    write_histogram(traffic, tmp_path / "h.parquet")
    assert read_traffic([tmp_path / "h.parquet"]).sha256() == traffic.sha256()
    [rows] = read_rows([tmp_path / "log.csv"])
    assert rows.visual_tokens.tolist() == [70, 80, 70]
    table = count(traffic, model="qwen3-vl-2b")
    assert table["needed"].tolist() == [280, 320]
    assert table["height"].isna().all()


def rows_of(name: str) -> list[dict[str, str]]:
    with gzip.open(SERVICE / f"{name}.csv.gz", "rt") as file:
        return list(csv.DictReader(file))


def test_shares_by_client_are_weighted_by_what_the_client_asks() -> None:
    """The same by hand: share x requests in the window x images a request."""
    window_s, step_s = 21_600, 600
    requests: defaultdict[tuple[str, int], float] = defaultdict(float)
    for row in rows_of("rates"):
        window = int(row["timestamp_s"]) // window_s * window_s
        requests[row["client"], window] += float(row["rate_rps"]) * step_s
    images: defaultdict[tuple[str, int], float] = defaultdict(float)
    total: defaultdict[tuple[str, int], float] = defaultdict(float)
    for row in rows_of("image_count"):
        key = row["client"], int(row["window_start_s"])
        images[key] += float(row["image_count"]) * float(row["prob"])
        total[key] += float(row["prob"])
    weight: defaultdict[int, float] = defaultdict(float)
    for row in rows_of("image_tokens"):
        key = row["client"], int(row["window_start_s"])
        a_request = images[key] / total[key] if total[key] else 0.0
        share = float(row["prob"]) * requests[key] * a_request
        weight[int(row["image_tokens"])] += share

    files = sorted(SERVICE.glob("*.csv.gz"))
    traffic = read_traffic(files)
    sizes = traffic.sizes()
    assert len(traffic.inputs) == 1
    assert traffic.weighted
    assert sizes.visual_tokens.tolist() == sorted(each for each in weight if each)
    for tokens, found in zip(sizes.visual_tokens, sizes.count, strict=True):
        assert found == pytest.approx(weight[int(tokens)], rel=1e-6)
    # The order in which they are named is of no account.
    again = read_traffic(files[::-1])
    assert again.sha256() == traffic.sha256()


def test_rates_alone_say_what_they_lack(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("width,height\n1,1\n")
    with pytest.raises(InputError, match=r"image_tokens: expected 1 table .*, got 0"):
        read_traffic([SERVICE / "rates.csv.gz", tmp_path / "other.csv"])


def test_names_stay_out_of_joined_tables_when_asked() -> None:
    traffic = read_traffic(sorted(SERVICE.glob("*.csv.gz")), places=False)
    assert "csv.gz" not in str(traffic.inputs)


def test_seconds_on_a_clock_of_their_own_are_no_date(tmp_path: Path) -> None:
    traffic = read(tmp_path / "log.csv", "time,image_tokens\n0,100\n7200,200\n")
    page = render(analyze(traffic, model="qwen3-vl-2b"), {})
    assert "on a clock of the log&#39;s own" in page
    assert "2 distinct token counts" in page
    text = "time,image_tokens\n2026-01-01T00:00:00Z,100\n2026-01-01T02:00:00Z,9\n"
    page = render(analyze(read(tmp_path / "log.csv", text), model="qwen3-vl-2b"), {})
    assert "2026-01-01 00:00 to 2026-01-01 02:00 UTC" in page
