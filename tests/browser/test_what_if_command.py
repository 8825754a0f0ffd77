"""The options under the panel make the command line say what the panel showed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from bucketwise.engines import engine_for
from bucketwise.nouns.engine import OVERFLOWS
from bucketwise.words.numbers import change, compute, memory, number, percent
from tests.browser.reports import analyze
from tests.browser.visits import fresh_page, open_report


@dataclass(frozen=True)
class Asked:
    """A report, and the words it was made of without those the panel stands in for."""

    report: Path
    words: tuple[str, ...]
    pins: tuple[str, ...] = ()

    @property
    def plan(self) -> dict[str, Any]:
        return plan_in(self.report.parent)

    def with_options(self, options: str, out: Path) -> dict[str, Any]:
        return plan_in(analyze(out, *self.words, *shlex.split(options)).parent)


def plan_in(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "plan.json").read_text())
    return found


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("traffic")
    rng = np.random.default_rng(3)
    sides = np.exp(rng.normal(6.6, 0.6, (400, 2))).astype(int).clip(60, 4_000)
    rows = ["width,height", *(f"{width},{height}" for width, height in sides.tolist())]
    (folder / "sizes.csv").write_text("\n".join(rows) + "\n")
    load = ["time,num_requests_running,instance"]
    load += [
        f"2026-01-02T{at // 60:02}:{at % 60:02}:00Z,{running},a"
        for at, running in enumerate(rng.integers(0, 14, 900).tolist())
    ]
    (folder / "load.csv").write_text("\n".join(load) + "\n")
    return folder


@pytest.fixture(scope="module")
def with_load(traffic: Path) -> Asked:
    words = (
        *(str(traffic / "sizes.csv"), "--activity", str(traffic / "load.csv")),
        *("--model", "qwen3-vl-2b", "--batch-size", "12"),
    )
    pinned, roomy = ("--pin", "1000", "--decoder-pin", "5"), ("--headroom", "10%")
    report = analyze(traffic / "with-load", *words, *roomy, *pinned)
    # The panel says that its options stand in the place of the pins.
    return Asked(report, (*words, *roomy), pinned)


@pytest.fixture(scope="module")
def without_load(traffic: Path) -> Asked:
    words = (str(traffic / "sizes.csv"), "--model", "qwen2-vl-7b")
    unit = ("--bucket-unit", "merged", "--npu", "RBLN-CA25")
    return Asked(analyze(traffic / "without-load", *words, *unit), (*words, *unit))


@pytest.fixture(scope="module")
def one(browser: Browser) -> Iterator[Page]:
    with fresh_page(browser) as page:
        yield page


def edit(page: Page, **values: object) -> None:
    """Edit as a person does: a value, or what a list of numbers becomes."""
    for name, value in values.items():
        place = page.locator(f"#what-if-{name}")
        if name == "remove":
            page.locator("#what-if-lengths button").nth(int(str(value))).click()
        elif name in ("tail", "devices"):
            place.select_option(index=int(str(value)))
        elif name == "size":
            place.fill(str(value))
            page.locator("#what-if-size-add").click()
        elif name == "first":
            page.locator("#what-if-lengths input").first.fill(str(value))
            page.keyboard.press("Tab")
        else:
            place.fill(str(value))
            page.keyboard.press("Tab")


def shown(page: Page) -> dict[str, list[str]]:
    rows = page.locator("#what-if-totals tr").all()
    return {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts()
        for row in rows
    }


def options(page: Page) -> str:
    return page.locator("#what-if-options").inner_text()


def row(page: Page, start: str) -> list[str]:
    return next(cells for name, cells in shown(page).items() if name.startswith(start))


EDITS: dict[str, dict[str, object]] = {
    "nothing": {},
    "a first length": {"first": 500},
    "fewer lengths": {"remove": 0},
    "a tail limit": {"tail": 1},
    "a lower limit": {"limit": 700_000},
    "another context": {"context": 131_072},
    "a larger batch": {"batch": 40},
    "a smaller batch": {"batch": 6},
    "another graph": {"size": 9},
    "other devices": {"devices": 0},
    "all at once": {"tail": 1, "context": 60_000, "batch": 9, "devices": 1, "size": 2},
}
"""What is edited -> how; of a report with a load, and some of one without."""

WITHOUT_LOAD = ("nothing", "a first length", "a tail limit", "a larger batch")


@pytest.mark.parametrize(
    ("asked", "edits"),
    [
        *(("with_load", edits) for edits in EDITS),
        *(("without_load", edits) for edits in WITHOUT_LOAD),
    ],
)
def test_the_command_of_an_edit_gives_the_numbers_that_the_panel_showed(
    one: Page, asked: str, edits: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    given: Asked = request.getfixturevalue(asked)
    open_report(one, given.report)
    edit(one, **EDITS[edits])
    told = options(one)
    plan = given.with_options(told, tmp_path / "out")
    file = one.locator("#what-if-text").inner_text()
    place = next((tmp_path / "out").glob("*/rbln_config*.json"))
    config = json.loads(place.read_text())
    assert file.startswith("Not shown") or json.loads(file) == config
    visual, before = plan["visual"], given.plan["visual"]
    state = one.evaluate("() => window.bucketwise.panel.edited")
    assert visual["vit_max_seq_lens"] == state["lengths"]
    assert [config["max_seq_len"], config["batch_size"], config["num_devices"]] == [
        state["context"],
        state["batch"],
        state["devices"],
    ]
    deployed = {"context", "batch", "devices"} & EDITS[edits].keys()
    assert file.startswith("Not shown") == bool(deployed)
    padded = visual["padded_compute"]
    assert row(one, "ViT compute")[1:] == [
        compute(padded, visual["cost"]["unit"]),
        change(before["padded_compute"], padded),
    ]
    assert row(one, "Waste")[1] == percent(visual["waste"])
    assert row(one, "Images shrunk")[1:] == [
        number(visual["shrunk_images"]),
        f"{percent(visual['shrunk_share'])} of all",
    ]
    assert row(one, "The fullest device")[1] == memory(plan["memory"]["needed_bytes"])
    fits = {"fits": True, "does not fit": False, "does not fit by estimate": False}
    assert fits.get(row(one, "Does it fit")[1]) == plan["memory"]["fits"]
    if plan["decoder"]:
        queueing = {
            each["batch_size"]: percent(each["queueing_share"])
            for each in plan["decoder"]["batch_sizes"]
        }
        size = plan["decoder"]["batch_size"]
        if size in queueing:
            assert row(one, "Busy time")[1] == queueing[size]
        assert plan["decoder"]["decoder_batch_sizes"] == state["decoder"]
        step = one.evaluate("() => window.bucketwise.panel.current.decoder")
        if step:
            assert step["mean_step_cost"] == pytest.approx(
                plan["decoder"]["mean_step_cost"]
            )


@pytest.mark.parametrize("asked", ["with_load", "without_load"])
@pytest.mark.parametrize("edits", [{"remove": -1}, {"remove": -1, "limit": 9_000_000}])
def test_an_edit_that_fails_images_is_compared_on_what_both_serve(
    one: Page,
    asked: str,
    edits: dict[str, object],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    given: Asked = request.getfixturevalue(asked)
    open_report(one, given.report)
    edit(one, **edits)
    said = one.locator("#what-if-said").inner_text()
    # Its own lengths stay as they were planned, pins and all.
    priced = plan_in(
        analyze(
            tmp_path / "out", *given.words, *given.pins, *shlex.split(options(one))
        ).parent
    )["visual"]
    current = priced["current"]
    assert current["overflow_images"] > 0
    assert said.startswith(f"{number(current['overflow_images'])} images fail")
    assert f"on the {number(current['served_images'])} images that both serve" in said
    unit = priced["cost"]["unit"]
    before, after = (
        current["proposed_compute_on_served"],
        current["padded_compute_served"],
    )
    assert row(one, "ViT compute of what both serve") == [
        compute(before, unit),
        compute(after, unit),
        change(before, after),
    ]


OTHERS = {
    "vllm==0.33.0": "qwen3-vl-2b",
    "vllm-gaudi==0.26.0": "qwen2.5-vl-7b",
}
"""Other engines: one that counts merged patches, and one that compiles at run time."""


@pytest.mark.parametrize("target", OTHERS)
def test_the_panel_of_another_engine_edits_what_it_has_and_types_it_in_its_unit(
    one: Page, target: str, traffic: Path, tmp_path: Path
) -> None:
    words = (str(traffic / "sizes.csv"), "--model", OTHERS[target], "--target", target)
    load = ("--activity", str(traffic / "load.csv"))
    given = Asked(analyze(traffic / target, *words, *load), (*words, *load))
    open_report(one, given.report)
    sizes = one.evaluate("() => window.bucketwise.panel.plan.decoder")
    assert one.locator("#what-if-deployment").is_hidden()
    assert one.locator("#what-if-decoder").is_visible() == bool(sizes)
    first = one.locator("#what-if-lengths input").first
    edit(one, first=int(int(first.input_value()) * 1.1))
    state = one.evaluate("() => window.bucketwise.panel.edited")
    told = options(one)
    assert told.startswith(f"--target {target} ")
    visual = given.with_options(f"{told} --format none", tmp_path / "out")["visual"]
    assert visual["vit_max_seq_lens"] == state["lengths"]
    assert visual["vit_max_seq_lens"] != given.plan["visual"]["vit_max_seq_lens"]
    assert row(one, "Waste")[1] == percent(visual["waste"])
    edit(one, remove=-1)
    lengths = one.evaluate("() => window.bucketwise.panel.edited.lengths")
    priced = given.with_options(f"{options(one)} --format none", tmp_path / "today")
    current = priced["visual"]["current"]
    assert current["max_seq_lens"] == lengths
    several = OVERFLOWS[engine_for([target]).overflow][1]
    missing = f"{number(current['overflow_images'])} images {several}"
    assert one.locator("#what-if-said").inner_text().startswith(missing)
    assert row(one, f"Images that {several}")[1] == number(current["overflow_images"])
