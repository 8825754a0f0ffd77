"""Small traffic and options of every kind."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from bucketwise.app.given_plans import PlanGiven
from bucketwise.app.options.shared import VideoOptions
from bucketwise.core.optimize import SOLVERS
from bucketwise.core.optimize.choose import GraphPrice
from bucketwise.nouns.profile import SoftTokens
from bucketwise.nouns.traffic import (
    NO_TIME_S,
    SLOT_LADDER_S,
    InputRecord,
    Rejection,
    Traffic,
    merge_traffic,
)
from bucketwise.read.configs.profiles import DEFAULT_MODEL, built_in_profiles

COLUMNS = ("width", "height", "frames", "fps", "image_tokens", "count", "time", "label")

HOUR_S, DAY_S = 3_600, 86_400
START_S = 1_780_000_000 // HOUR_S * HOUR_S


@dataclass(frozen=True)
class Case:
    """A table, a load of the decoder, and what is asked of both."""

    rows: tuple[dict[str, Any], ...]
    options: dict[str, Any] = field(default_factory=dict)
    activity: str = ""
    batch_size: int | None = None
    config: dict[str, Any] | None = None
    slot_width_s: int = HOUR_S
    plans: tuple[PlanGiven, ...] = ((1_024,), (4, 64))

    def write(self, folder: Path) -> Path:
        """Write the table."""
        names = [name for name in COLUMNS if any(name in row for row in self.rows)]
        lines = [",".join(names)]
        lines += [
            ",".join(_quoted(row.get(name, "")) for name in names) for row in self.rows
        ]
        path = folder / "traffic.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def traffic(self) -> Traffic:
        """Build what reading the table gives."""
        good = [row for row in self.rows if not isinstance(row.get("width"), str)]
        stamps = [_seconds(row.get("time", "")) for row in good]
        labels = tuple(sorted({row["label"] for row in good if "label" in row}))
        slots = [NO_TIME_S if at is None else at for at in stamps]
        times = [at for at in stamps if at is not None]
        n_bad = len(self.rows) - len(good)

        def column(name: str, default: float, kind: Any) -> Any:
            return np.array([row.get(name, default) for row in good], dtype=kind)

        part = Traffic(
            height_px=column("height", 0, np.int64),
            width_px=column("width", 0, np.int64),
            frames=column("frames", 0, np.int64),
            fps=column("fps", 0, np.float64),
            visual_tokens=column("image_tokens", 0, np.int64),
            slot_start_s=np.array(slots, dtype=np.int64),
            label=np.array(
                [labels.index(row["label"]) if "label" in row else -1 for row in good],
                dtype=np.int64,
            ),
            count=column("count", 1, np.float64),
            labels=labels,
            slot_width_s=self.slot_width_s,
            rows_read=len(self.rows),
            rows_used=len(good),
            rejections=(Rejection(reason="not a number", count=n_bad),)
            if n_bad
            else (),
            inputs=(InputRecord(kind="csv", name="t.csv", rows=len(self.rows)),),
            first_s=min(times, default=None),
            last_s=max(times, default=None),
            weighted=any("count" in row for row in good),
        )
        return merge_traffic([part])


def _seconds(text: Any) -> int | None:
    if text == "":
        return None
    if isinstance(text, int):
        return text
    return int(np.datetime64(text, "s").astype(np.int64))


def _quoted(value: Any) -> str:
    return '"' + str(value).replace('"', '""') + '"'


# Traffic

LABELS = (
    "a", "b", "tenant", "</script><img src=x onerror=alert(1)>", "$x^2$ & _y_ |",
    "사용자 그룹", "日本", "😀", "\x07", "مرحبا بالعالم", "\u202eabc", "x" * 300, "-", "=1+1",
    "'", "`code`", "[a](b)", "\u2028", "#", "100%", "\\frac", "a\tb", "&amp;",
)  # fmt: skip

usual_px = st.sampled_from((28, 1, 64, 224, 336, 480, 640, 720, 1_080, 1_920, 3_000))
any_px = st.one_of(usual_px, st.integers(40, 1_200), st.just(20_000))

images = st.fixed_dictionaries({"width": usual_px, "height": any_px})
refused = st.fixed_dictionaries(
    {"width": st.integers(1, 4), "height": st.sampled_from((900, 5_000, 1_000_000))}
)
clips = st.fixed_dictionaries(
    {
        "width": usual_px,
        "height": usual_px,
        "frames": st.sampled_from((8, 1, 2, 3, 64, 700, 100_000)),
    },
    optional={"fps": st.sampled_from((24, 0.1, 1, 2, 29.97, 240))},
)
counts = st.sampled_from((1, 0, 2, 7, 1e9, 1e15, 1e-9, 1e-6, 0.25, 1.5, 0.1, 1 / 3))
tokens = st.fixed_dictionaries({"image_tokens": st.integers(1, 20_000)})
unusable = st.fixed_dictionaries({"width": st.sampled_from(("x", "", "-1", "2e9"))})


@st.composite
def many(draw: st.DrawFn) -> list[dict[str, Any]]:
    """So many sizes that they are counted in cells."""
    step_px = draw(st.sampled_from((1, 7, 31)))
    return [
        {"width": 200 + step_px * index, "height": 300 + step_px * (index % 9)}
        for index in range(draw(st.integers(50, 90)))
    ]


@st.composite
def row_lists(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    """Rows of a table: one kind of image or several, and what stands beside them."""
    kinds = (
        *(images, clips, tokens, images | refused, images | clips, images | unusable),
        *(refused, unusable),
    )
    lists = [st.lists(kind, min_size=1, max_size=8) for kind in kinds]
    same = st.builds(lambda row, n: [dict(row) for _ in range(n)], images, st.just(3))
    rows = draw(st.one_of(*lists[:6], same, many(), st.one_of(lists[6:])))
    _weigh(draw, rows)
    _date(draw, rows)
    _label(draw, rows)
    return tuple(rows)


def _weigh(draw: st.DrawFn, rows: list[dict[str, Any]]) -> None:
    how = draw(st.sampled_from(("none", "none", "equal", "any", "two")))
    if how == "none":
        return
    few = draw(st.lists(counts, min_size=1, max_size=1 if how == "equal" else 4))
    for index, row in enumerate(rows):
        row["count"] = few[index % len(few)]


CLOCKS_S: dict[str, tuple[int, tuple[int, ...]]] = {
    "one": (START_S, (0,)),
    "equal": (START_S, (0,)),
    "hours": (START_S, (0, 60, HOUR_S, 5 * HOUR_S)),
    "years": (START_S, (HOUR_S, 30 * DAY_S, 400 * DAY_S)),
    "old": (-3_000_000_000, (0, HOUR_S, 5 * HOUR_S)),
    "origin": (0, (0, 60, HOUR_S, 5 * HOUR_S)),
    "all there is": (-62_000_000_000, (40_000 * DAY_S, 1_000_000 * DAY_S)),
}
"""Where a clock starts, and what may pass from row to row."""


def _date(draw: st.DrawFn, rows: list[dict[str, Any]]) -> None:
    how = draw(st.sampled_from(("none", "none", *CLOCKS_S)))
    if how == "none":
        return
    at_s, steps_s = CLOCKS_S[how]
    for row in rows[:1] if how == "one" else rows:
        row["time"] = at_s if how == "origin" else _iso(at_s)
        at_s += draw(st.sampled_from(steps_s))


def _iso(at_s: int) -> str:
    text = str(np.datetime64(at_s, "s"))
    return text if len(text) == len("2026-05-28T20:00:00") else "9999-12-31T23:59:59"


def _label(draw: st.DrawFn, rows: list[dict[str, Any]]) -> None:
    how = draw(st.sampled_from(("none", "none", "one", "some", "many")))
    if how == "none":
        return
    if how == "many":
        for index, row in enumerate(rows):
            row["label"] = f"tenant {index}"
        return
    few = draw(st.lists(st.sampled_from(LABELS), min_size=1, max_size=12))
    if how == "one":
        few = few[:1]
    for index, row in enumerate(rows):
        row["label"] = few[index % len(few)]
        if how == "some" and draw(st.booleans()):
            del row["label"]


# Load of the decoder


@st.composite
def loads(draw: st.DrawFn) -> str:
    """A table of requests, or of readings of an engine."""
    kind = draw(st.sampled_from(("requests", "readings", "arrivals")))
    n_rows = draw(st.integers(1, 6))
    lines = []
    at_s = START_S
    if kind == "requests":
        lines.append("start,end")
        for _ in range(n_rows):
            took_s = draw(st.sampled_from((30, 0, 0.001, 1, 4_000, 100_000)))
            lines.append(f"{at_s},{at_s + took_s}")
            at_s += draw(st.sampled_from((0, 1, 600, 90_000, 10_000_000)))
    elif kind == "readings":
        lines.append("timestamp,num_requests_running,num_requests_waiting")
        for _ in range(n_rows):
            running = draw(st.sampled_from((0, 1, 2, 8, 40, 300)))
            waiting = draw(st.sampled_from((0, 0, 1, 1_000)))
            lines.append(f"{at_s},{running},{waiting}")
            at_s += draw(st.sampled_from((0, 1, 15, 600, 90_000)))
    else:
        lines.append("arrival_time,prompt_tokens,output_tokens")
        for _ in range(n_rows):
            prompt = draw(st.sampled_from((0, 1, 200, 5_000)))
            output = draw(st.sampled_from((0, 1, 10, 500)))
            lines.append(f"{at_s},{prompt},{output}")
            at_s += draw(st.sampled_from((0, 1, 600, 90_000)))
    return "\n".join(lines) + "\n"


# Options


MODELS = tuple(sorted(built_in_profiles()))
TARGETS = (
    (),
    *((f"optimum-rbln=={each}",) for each in ("0.10.3", "0.10.4", "0.11.2", "0.12.0")),
    ("optimum-rbln==0.10.4", "optimum-rbln==0.12.0"),
)
LISTS: tuple[tuple[int, ...], ...] = (
    *((4,), (4, 8), (64,), (1_024, 4_096), (1_000_000,), (16_384, 65_536)),
    tuple(range(4, 80, 4)),
)
CONFIGS: tuple[dict[str, Any], ...] = (
    {"visual": {"max_seq_lens": [64, 1_024]}, "batch_size": 4},
    {"visual": {"max_seq_len": 4_096}, "max_seq_len": 4_096, "num_devices": 1},
    {"visual": {}},
)
LIMITS = (784, 1_024, 4_096, 65_536, 1_000_000, 16_777_216, 10**12, "checkpoint")


@st.composite
def option_sets(draw: st.DrawFn) -> dict[str, Any]:
    """Options of `analyze`, most of them left alone in most sets."""
    strategies: dict[str, st.SearchStrategy[Any]] = {
        "model": st.sampled_from(MODELS),
        "target": st.sampled_from(TARGETS),
        "strategy": st.sampled_from(sorted(SOLVERS)),
        "buckets": st.sampled_from(((1, 1), (1, 2), (2, 4), (1, 8), (5, 5), (64, 64))),
        "min_saving": st.sampled_from((0.0, 0.05, 0.999)),
        "align": st.sampled_from((1, 4, 64, 100, 1_000_000)),
        "headroom": st.sampled_from((0.0, 0.1, 5.0, 1e9)),
        "pins": st.sampled_from(((64,), (256, 16_384), (64, 128, 192, 256, 320, 384))),
        "bucket_unit": st.sampled_from(("vit", "merged")),
        "cost": st.sampled_from(("flops", "linear")),
        "current": st.sampled_from(LISTS),
        "current_max_pixels": st.sampled_from((None, 1_048_576, 10**9)),
        "min_pixels": st.sampled_from(LIMITS),
        "max_pixels": st.sampled_from(LIMITS),
        "video": st.builds(
            VideoOptions,
            fps=st.sampled_from((None, 0.5, 2.0)),
            max_frames=st.sampled_from((None, 1, 16)),
            max_pixels=st.sampled_from((None, 200_704, 10**9)),
            cap_pixels_per_frame=st.booleans(),
        ),
        "graph_price": st.builds(
            GraphPrice,
            graph_minutes=st.sampled_from((1e-6, 9.0, 1e9)),
            images_per_day=st.sampled_from((1.0, 1e6)),
            keep_days=st.sampled_from((1.0, 365.0)),
            vit_tflops=st.sampled_from((0.1, 30.0)),
        ),
        "decoder_graphs": st.sampled_from(((1, 1), (1, 4), (3, 8))),
        "step_cost": st.sampled_from(("roofline", "slots", {1: 12.5, 8: 20.0})),
        "measured_with": st.sampled_from((None, "gpu", (1, 8))),
        "places": st.booleans(),
    }
    names = draw(st.sets(st.sampled_from(sorted(strategies)), max_size=6))
    found = {name: draw(strategies[name]) for name in sorted(names)}
    if {"min_pixels", "max_pixels"} <= found.keys():
        found["min_pixels"] = 1
    soft = built_in_profiles()[found.get("model", DEFAULT_MODEL)].soft_tokens
    if soft:
        _count_soft_tokens(draw, found, soft)
    return found


def _count_soft_tokens(
    draw: st.DrawFn, options: dict[str, Any], soft: SoftTokens
) -> None:
    """Replace what is no option of a model whose processor fills a count."""
    options.pop("min_pixels", None)
    area_px = 48**2
    if "max_pixels" in options:
        options["max_pixels"] = draw(st.sampled_from(soft.supported)) * area_px
    if "video" in options:
        count = draw(st.sampled_from((None, *soft.supported)))
        options["video"] = replace(
            options["video"], max_pixels=count and count * area_px
        )
    if "pins" in options:
        options["pins"] = (soft.chunk,)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any small traffic under any options."""
    has_load = draw(st.sampled_from((False, False, True)))
    return Case(
        rows=draw(row_lists()),
        options=draw(option_sets()),
        activity=draw(loads()) if has_load else "",
        config=draw(st.sampled_from((None, None, None, *CONFIGS))),
        slot_width_s=draw(st.sampled_from((HOUR_S, *SLOT_LADDER_S))),
        batch_size=draw(st.sampled_from((None, None, 1, 2, 7, 64, 256))),
        plans=tuple(
            draw(st.lists(st.sampled_from(LISTS), min_size=2, max_size=4, unique=True))
        ),
    )
