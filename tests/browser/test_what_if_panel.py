"""The panel in a real browser: edits by mouse and by keys, history, link and files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.reports import analyze
from tests.browser.visits import Visit, fresh_page, open_report


@pytest.fixture
def panel(page: Page, docs_report: Path) -> Visit:
    visit = open_report(page, docs_report)
    page.locator("#what-if-panel").scroll_into_view_if_needed()
    return visit


def lengths(page: Page) -> list[int]:
    found = page.locator("#what-if-lengths input")
    return [int(each.input_value()) for each in found.all()]


def total(page: Page, what: str) -> list[str]:
    row = page.locator("#what-if-totals tr", has_text=what)
    return row.locator("td").all_inner_texts()


def said(page: Page) -> str:
    return page.locator("#what-if-said").inner_text()


def test_the_panel_starts_at_the_plan(panel: Visit, docs_report: Path) -> None:
    plan = json.loads((docs_report.parent / "plan.json").read_text())
    page = panel.page
    assert lengths(page) == plan["visual"]["vit_max_seq_lens"]
    shown = page.locator("#what-if-limit").input_value()
    assert int(shown) == plan["visual"]["processor"]["max_pixels"]
    sizes = page.locator("#what-if-sizes input").all()
    assert [int(each.input_value()) for each in sizes] == (
        plan["decoder"]["decoder_batch_sizes"]
    )
    for row in page.locator("#what-if-totals tr").all():
        before, after, *_ = row.locator("td").all_inner_texts()
        assert before == after
    assert "This is the plan" in page.locator("#what-if-said").inner_text()


def test_arrow_keys_move_a_length_by_the_alignment(panel: Visit) -> None:
    page, before = panel.page, lengths(panel.page)
    second = page.locator("#what-if-chart .handle").nth(1)
    second.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageDown")
    expected = before[1] + 2 * 4 - 16 * 4
    assert lengths(page) == [before[0], expected, *before[2:]]
    expect(second).to_be_focused()
    expect(second).to_have_attribute("aria-valuenow", str(expected))
    page.keyboard.press("Delete")
    assert lengths(page) == [before[0], *before[2:]]


def test_a_length_is_dragged_in_one_step_and_stays_between_its_neighbours(
    panel: Visit,
) -> None:
    page, before = panel.page, lengths(panel.page)
    page.locator("#what-if-chart").scroll_into_view_if_needed()
    grip = page.locator("#what-if-chart .handle .grip").nth(1)
    box = grip.bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] - 20, middle[1], steps=4)
    page.mouse.move(0, middle[1], steps=4)
    page.mouse.up()
    moved = lengths(page)
    assert moved == [before[0], before[0] + 4, *before[2:]]
    page.locator("#what-if-undo").click()
    assert lengths(page) == before


def test_undo_redo_and_reset_walk_the_history(panel: Visit) -> None:
    page, before = panel.page, lengths(panel.page)
    page.locator("#what-if-lengths button").first.click()
    page.locator("#what-if-lengths button").first.click()
    edited = lengths(page)
    assert edited == before[2:]
    page.keyboard.press("Control+z")
    assert lengths(page) == before[1:]
    page.keyboard.press("Control+z")
    assert lengths(page) == before
    page.locator("#what-if-redo").click()
    page.locator("#what-if-redo").click()
    assert lengths(page) == edited
    page.locator("#what-if-reset").click()
    assert lengths(page) == before


def test_a_typed_length_is_rounded_up_to_what_the_model_takes(panel: Visit) -> None:
    page = panel.page
    first = page.locator("#what-if-lengths input").first
    first.fill("1001")
    first.press("Enter")
    assert lengths(page)[0] == 1004


def test_a_top_below_the_largest_image_is_told_first_and_in_the_table(
    panel: Visit,
) -> None:
    page = panel.page
    page.locator("#what-if-lengths button").last.click()
    assert re.match(r"[\d,]+ images fail: they need more than", said(page))
    assert total(page, "Images that fail")[1] != "0"
    expect(page.locator("#what-if-totals tr").first).to_have_class("failing")


def test_a_lower_limit_shrinks_images_and_says_what_it_lets_through(
    panel: Visit,
) -> None:
    page = panel.page
    page.locator("#what-if-limit").fill("1048576")
    page.locator("#what-if-limit").press("Enter")
    before, after, *_ = total(page, "shrunk")
    assert int(after.replace(",", "")) > int(before.replace(",", ""))
    note = page.locator("#what-if-limit-note").inner_text()
    assert "1,024 x 1,024 px" in note
    assert "4,096" in note
    page.locator("#what-if-fit").click()
    assert max(lengths(page)) <= 4096
    assert total(page, "Images that fail")[1] == "0"


def test_decoder_sizes_are_added_and_removed_and_the_batch_size_stays(
    panel: Visit,
) -> None:
    page = panel.page
    page.locator("#what-if-size").fill("5")
    page.locator("#what-if-size-add").click()
    inputs = page.locator("#what-if-sizes input")
    assert [each.input_value() for each in inputs.all()] == ["3", "5", "8"]
    assert "less" in total(page, "Mean decode step")[2]
    expect(page.locator("#what-if-sizes button").last).to_be_disabled()


def test_the_files_follow_the_edit_for_every_release(panel: Visit) -> None:
    page = panel.page
    page.locator("#what-if-lengths button").first.click()
    edited = lengths(page)
    for release in page.locator("#what-if-release option").all():
        page.locator("#what-if-release").select_option(release.get_attribute("value"))
        config = json.loads(page.locator("#what-if-text").inner_text())
        (key,) = {"max_seq_len", "max_seq_lens"} & config["visual"].keys()
        assert config["visual"][key] == edited
    page.locator("#what-if-file").select_option(index=1)
    source = page.locator("#what-if-text").inner_text()
    compile(source, "compile.py", "exec")
    assert str(edited) in source


def test_a_link_carries_what_is_edited(browser: Browser, panel: Visit) -> None:
    page = panel.page
    page.locator("#what-if-lengths button").first.click()
    edited, address = lengths(page), page.url
    assert "#what-if=" in address
    with fresh_page(browser) as other:
        visit = Visit(other)
        visit.listen()
        other.goto(address)
        assert lengths(other) == edited
        assert visit.told == []


def test_a_link_carries_the_deployment(browser: Browser, panel: Visit) -> None:
    page = panel.page
    for name, value in {"context": "65536", "batch": "6"}.items():
        page.locator(f"#what-if-{name}").fill(value)
        page.keyboard.press("Tab")
    page.get_by_label("Devices that share the model").select_option("4")
    with fresh_page(browser) as other:
        other.goto(page.url)
        for name, value in {"context": "65536", "batch": "6", "devices": "4"}.items():
            expect(other.locator(f"#what-if-{name}")).to_have_value(value)
        assert [total(page, "Does it fit"), total(page, "fullest device")] == [
            total(other, "Does it fit"),
            total(other, "fullest device"),
        ]


def test_a_smaller_batch_keeps_the_graphs_it_holds_and_says_who_waits(
    panel: Visit,
) -> None:
    page = panel.page
    page.locator("#what-if-batch").fill("4")
    page.keyboard.press("Tab")
    sizes = page.locator("#what-if-sizes input").all()
    assert [each.input_value() for each in sizes] == ["3", "4"]
    assert re.match(r"Requests queue in [\d.]+% of busy time \(plan: ", said(page))
    # A replay is of one batch size.
    assert total(page, "Mean decode step")[1:] == [
        "not known here",
        "the command tells",
    ]


def test_too_few_devices_are_told_first_and_a_context_is_whole_partitions(
    panel: Visit,
) -> None:
    page = panel.page
    page.locator("#what-if-context").fill("1")
    page.keyboard.press("Tab")
    assert page.locator("#what-if-context").input_value() == "32768"
    page.locator("#what-if-batch").fill("256")
    page.keyboard.press("Tab")
    page.get_by_label("Devices that share the model").select_option("1")
    assert re.match("It does not fit.*: a device lacks", said(page))
    assert total(page, "Does it fit")[1].startswith("does not fit")


def test_a_tail_limit_shrinks_a_share_of_the_images_to_lengths_that_hold_them(
    panel: Visit,
) -> None:
    page, before = panel.page, lengths(panel.page)
    page.get_by_label("Tail limit, shrinks").select_option(index=2)
    after = lengths(page)
    assert len(after) == len(before)
    assert after[-1] < before[-1]
    assert "it fits the top length" in page.locator("#what-if-limit-note").inner_text()
    assert re.search(
        r"less ViT compute .*; [\d.]+% of the images are shrunk", said(page)
    )
    assert "--allow-overflow" not in page.locator("#what-if-options").inner_text()


def test_without_the_shape_of_the_language_model_no_deployment_is_edited(
    page: Page, tmp_path: Path
) -> None:
    (tmp_path / "sizes.csv").write_text("width,height\n640,480\n1200,900\n")
    model = tmp_path / "model"
    model.mkdir()
    config = {"model_type": "qwen3_vl", "vision_config": {"out_hidden_size": 2_048}}
    (model / "config.json").write_text(json.dumps(config))
    image = {"patch_size": 16, "image_processor_type": "Qwen2VLImageProcessor"}
    (model / "preprocessor_config.json").write_text(json.dumps(image))
    words = (tmp_path / "sizes.csv", "--model", model)
    visit = open_report(page, analyze(tmp_path / "out", *words))
    expect(page.locator("#what-if-chart")).to_be_visible()
    expect(page.locator("#what-if-deployment")).to_be_hidden()
    assert not page.locator("#what-if-totals", has_text="fullest").count()
    assert "--max-seq-len" not in page.locator("#what-if-options").inner_text()
    assert visit.told == []


@pytest.mark.parametrize(
    "fragment",
    [
        "what-if=",
        "what-if=256;1;1;x,1,1",
        "what-if=256;1;1;9999999999999999,0,7",
        "what-if=1e9;x;",
        "what-if=0;0;0",
        "what-if=<script>;1;1",
    ],
)
def test_a_broken_link_opens_something_valid(
    page: Page, docs_report: Path, fragment: str
) -> None:
    visit = open_report(page, docs_report, fragment)
    assert lengths(page)
    assert visit.told == []


def test_nothing_is_said_and_nothing_is_asked_for_while_editing(panel: Visit) -> None:
    page = panel.page
    page.locator("#what-if-add").click()
    page.locator("#what-if-fit").click()
    page.locator("#what-if-limit-named").select_option(index=1)
    assert panel.told == []
    assert len(panel.requests_seen) == 1


def test_without_a_script_the_page_says_so_and_shows_the_rest(
    page_without_scripts: Page, docs_report: Path
) -> None:
    page = page_without_scripts
    open_report(page, docs_report)
    expect(page.locator("#what-if-panel")).to_be_hidden()
    expect(page.get_by_text("Needs JavaScript.")).to_be_visible()


def test_the_best_length_is_added_where_it_saves_most(panel: Visit) -> None:
    page, before = panel.page, lengths(panel.page)
    page.locator("#what-if-add").click()
    added = lengths(page)
    assert len(added) == len(before) + 1
    assert set(before) < set(added)
    assert total(page, "ViT compute")[2].endswith("less")


def test_arrow_keys_walk_the_tabs_of_the_files(page: Page, docs_report: Path) -> None:
    open_report(page, docs_report)
    page.locator("summary", has_text="ready to copy").click()
    tabs = page.get_by_role("tab")
    tabs.first.focus()
    page.keyboard.press("ArrowRight")
    expect(tabs.nth(1)).to_be_focused()
    expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
    panels = page.locator("[role=tabpanel]")
    expect(panels.nth(1)).to_be_visible()
    expect(panels.first).to_be_hidden()
