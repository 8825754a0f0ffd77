"""The report: every section, honest numbers, safe text, equal bytes, any traffic."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from bucketwise.core.analysis import Analysis, Context, analyze
from bucketwise.core.buckets import Buckets
from bucketwise.core.in_service import InService
from bucketwise.core.optimize.choose import GraphPrice
from bucketwise.core.options import PlanOptions
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.targets import pick_targets
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import (
    InputRecord,
    Place,
    Rejection,
    Traffic,
    merge_traffic,
)
from bucketwise.read.configs.profiles import find_profile
from bucketwise.report import render
from bucketwise.report.blocks import Drawing
from bucketwise.report.figures.svg import to_svg
from bucketwise.report.view import view_of
from tests.strategies import preprocessing_of, today_of, traffic_of

QWEN3 = find_profile("qwen3-vl-2b")
QWEN25 = find_profile("qwen2.5-vl-7b")

SECTIONS = (
    *("decision", "traffic", "buckets", "memory", "risks", "configuration", "method"),
)
SNIPPETS = {
    "0.10.3": {"optimum-rbln-0.10.3/rbln_config.json": '{"visual": {}}\n'},
    "0.12.0": {"optimum-rbln-0.12.0/serve.sh": "vllm serve . # <model>\n"},
}
HOSTILE = "</script><img src=x onerror=alert(1)>$x^2$"

MIXED = traffic_of(
    *((480, 640, 50.0), (720, 1280, 30.0), (1080, 1920, 15.0), (300, 300, 80.0)),
    *((2_000, 3_000, 3.0), (1_536, 2_048, 9.0), (64, 64, 40.0), (1_024, 1_024, 7.0)),
)
TODAY = today_of(1_024, 3_136, source="rbln_config")


def analysis_of(
    traffic: Traffic = MIXED,
    profile: ModelProfile = QWEN3,
    question: PlanOptions | None = None,
    today: InService | None = TODAY,
    context: Context | None = None,
) -> Analysis:
    return analyze(
        traffic,
        profile,
        preprocessing_of(profile),
        question or PlanOptions(),
        RBLN.releases(pick_targets(())),
        today=today,
        context=context or Context(version="0.1.0", options={"buckets": "2-4"}),
    )


def clips_of(*rows: tuple[int, int, int, float], images: int = 0) -> Traffic:
    """Build (height, width, frames, count) clips, and so many 640x480 images."""
    cells = [*rows, *([(480, 640, 0, float(images))] if images else [])]
    height, width, frames, count = (
        np.array(column) for column in zip(*cells, strict=True)
    )
    part = Traffic(
        height_px=height.astype(np.int64),
        width_px=width.astype(np.int64),
        frames=frames.astype(np.int64),
        fps=np.zeros(len(cells)),
        visual_tokens=np.zeros(len(cells), dtype=np.int64),
        slot_start_s=np.zeros(len(cells), dtype=np.int64),
        label=np.full(len(cells), -1),
        count=count.astype(np.float64),
        rows_read=len(cells),
        rows_used=len(cells),
        first_s=0.0,
        last_s=90_000.0,
    )
    return merge_traffic([part])


def hostile_analysis() -> Analysis:
    bad = Rejection(reason=HOSTILE, count=1, places=(Place(source=HOSTILE, line=3),))
    traffic = replace(
        MIXED,
        labels=(HOSTILE,),
        label=np.zeros(MIXED.label.size, dtype=np.int64),
        rows_read=MIXED.rows_read + 1,
        rejections=(bad,),
        notes=(HOSTILE,),
        inputs=(
            InputRecord(
                kind=HOSTILE, name=HOSTILE, rows=9, sha256=HOSTILE, notes=(HOSTILE,)
            ),
        ),
    )
    context = Context(
        version=HOSTILE,
        options={HOSTILE: HOSTILE},
        base=((HOSTILE, HOSTILE, "assumed", HOSTILE),),
    )
    return analysis_of(traffic, today=replace(TODAY, source=HOSTILE), context=context)


class Outline(HTMLParser):
    """Collects tags, ids and attributes, and checks that tags nest."""

    VOID = frozenset({"meta", "br", "img", "link", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend((name, value or "") for name, value in attrs)
        self.ids.extend(value or "" for name, value in attrs if name == "id")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def text_of(page: str) -> str:
    body = re.sub(r"<script.*?</script>", "", page.split("<body>")[1], flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", body))


CASES = {
    "one_size_only": lambda: analysis_of(traffic_of((480, 640, 5.0))),
    "one_image": lambda: analysis_of(traffic_of((480, 640)), today=None),
    "without_today": lambda: analysis_of(today=None),
    "windows": lambda: analysis_of(profile=QWEN25),
    "clips_only": lambda: analysis_of(
        clips_of((480, 640, 8, 2.0), (720, 1280, 9, 1.0))
    ),
    "clips_and_images": lambda: analysis_of(clips_of((720, 1280, 16, 3.0), images=7)),
    "merged_unit": lambda: analysis_of(
        question=PlanOptions(bucket_unit="merged_patches")
    ),
    "linear_cost": lambda: analysis_of(question=PlanOptions(cost="linear")),
    "pins": lambda: analysis_of(question=PlanOptions(pins=(2_048, 16_384))),
    "kmeans": lambda: analysis_of(question=PlanOptions(strategy="kmeans")),
    "fixed_k": lambda: analysis_of(question=PlanOptions(k_range=(3, 3))),
    "wide_range": lambda: analysis_of(question=PlanOptions(k_range=(1, 8))),
    "price": lambda: analysis_of(
        question=PlanOptions(
            graph_price=GraphPrice(
                graph_minutes=9, images_per_day=1e5, keep_days=30, vit_tflops=20
            )
        )
    ),
    "fractional_weights": lambda: analysis_of(
        replace(
            traffic_of((480, 640, 0.25), (720, 1280, 1.5), (99, 99, 1e-6)),
            weighted=True,
        )
    ),
    "refused_sizes": lambda: analysis_of(traffic_of((480, 640), (10, 4_000, 2.0))),
    "nothing_served_today": lambda: analysis_of(
        today=replace(TODAY, buckets=Buckets((4,)))
    ),
    "model_assumed": lambda: analysis_of(context=Context(model_assumed=True)),
    "hostile": hostile_analysis,
}


@cache
def whole_page() -> str:
    """Return the page of `analysis_of`, drawn once for all that look at it."""
    return render(analysis_of(), SNIPPETS)


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_traffic_makes_a_whole_page(name: str) -> None:
    from tests.report_laws import page_in_words

    page = page_in_words(CASES[name](), SNIPPETS)
    outline = Outline(page)
    said = text_of(page)
    assert len(outline.ids) == len(set(outline.ids))
    assert {"h1", "h2", "nav", "main", "caption"} <= set(outline.tags)
    assert not re.search(r"\b(nan|inf|None|True|False)\b", said)
    own = text_without_plan_words(said)
    assert not re.search(r"\b1 (images|runs|graphs|rows|patches|files)\b", own)
    assert not re.search(r"(?<![\d,.])0\.0%|100\.0%", own)


def text_without_plan_words(text: str) -> str:
    """Leave out sentences that the plan words itself."""
    return re.sub(r"(Warning:|graphs?: ).*", "", text)


def test_every_section_stands_in_order_and_in_the_contents() -> None:
    page = whole_page()
    assert tuple(re.findall(r'<section id="([^"]+)"', page)) == SECTIONS
    assert tuple(re.findall(r'<a href="#([^"]+)"', page)) == SECTIONS


def test_every_section_opens_with_one_sentence() -> None:
    for item in view_of(hostile_analysis(), SNIPPETS).sections:
        assert item.finding.endswith(".")
        assert item.finding[0].isupper() or item.finding[0].isdigit()


def test_sections_with_nothing_to_say_are_left_out() -> None:
    names = [item.id for item in view_of(analysis_of(today=None), {}).sections]
    assert not {"configuration", "decoder"} & set(names)


def test_the_page_requests_nothing() -> None:
    page = whole_page()
    outline = Outline(page)
    assert not {"link", "img", "iframe", "object"} & set(outline.tags)
    names = {name for name, _ in outline.attributes}
    assert not {"src", "srcset", "onload", "onerror"} & names
    links = [v for n, v in outline.attributes if n in {"href", "xlink:href"}]
    assert all(link.startswith("#") for link in links)
    rest = page.replace("http://www.w3.org/", "")
    assert not re.search(r"https?://|@import|url\((?!#)|fetch\(|XMLHttp", rest)


def test_the_policy_of_the_page_lets_its_one_script_run_and_no_other() -> None:
    page = whole_page()
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)
    data, script = scripts
    assert data[0] == ' type="application/json" id="what-if-data"'
    assert json.loads(data[1])["plan"]["lengths"]
    digest = hashlib.sha256(script[1].encode()).digest()
    allowed = f"script-src 'sha256-{base64.b64encode(digest).decode()}'"
    assert allowed in html.unescape(page)
    assert "default-src 'none'" in page


def test_hostile_text_is_escaped_wherever_it_stands() -> None:
    page = render(hostile_analysis(), {HOSTILE: {HOSTILE: HOSTILE}})
    assert "<img" not in page
    assert page.count("<script") == 2, "the panel's data, and the page's own"
    assert page.count("</script>") == 2
    assert page.count("&lt;img src=x") >= 15, "a label, a reason, a place, notes ..."
    assert "$x^2$" in page


def test_equal_input_gives_equal_bytes_in_two_processes() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from hashlib import sha256\n"
        "from tests.test_report import whole_page\n"
        "print(sha256(whole_page().encode()).hexdigest())\n"
    )
    root = str(Path(__file__).parent.parent)
    # Sets and dictionaries are in another order there.
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", program, root],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join([*sys.path, root])},
    )
    assert done.stdout.strip() == hashlib.sha256(whole_page().encode()).hexdigest()


def test_the_settings_of_a_users_matplotlib_do_not_reach_the_page() -> None:
    import matplotlib as mpl

    from tests.report_laws import every_block

    blocks = every_block(view_of(analysis_of(), {}))
    drawing = next(block for block in blocks if isinstance(block, Drawing))
    plain = to_svg(drawing)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert to_svg(drawing) == plain
        assert mpl.rcParams["font.size"] == 30


def test_importing_the_report_loads_neither_figures_nor_templates() -> None:
    program = (
        "import sys, bucketwise.report\n"
        "print([name for name in ('matplotlib', 'jinja2') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout.strip() == "[]"
