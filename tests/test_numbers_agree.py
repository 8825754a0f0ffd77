"""One number for one thing: terminal, plan.json, page, summary and files agree.

Each number is looked up by the label it stands beside, whatever section that is in.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.app.planning import analyze, deployment_of
from bucketwise.cli.decision_lines import decision_lines
from bucketwise.core.analysis import Analysis
from bucketwise.core.verdict import CALLS
from bucketwise.engines.rbln.base_config import Overrides, zoo_base
from bucketwise.nouns.measured_cost import MeasuredCost
from bucketwise.read.configs.profiles import find_profile
from bucketwise.report import render
from bucketwise.report.decision_record import decision_record
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.plan_queries import images_accepted
from bucketwise.report.sections.savings import shown
from bucketwise.report.summary.content import summary_of
from bucketwise.report.summary.markdown import to_markdown
from bucketwise.report.summary.page import sheets
from bucketwise.report.what_if.panel_data import panel_data
from bucketwise.words.numbers import change, compute, dotted, memory, number, percent
from bucketwise.words.text import worded
from tests.budget import drawn
from tests.strategies import traffic_of
from tests.test_measured_cost import measured_curves
from tests.test_report_decoder import evidence_of

Tables = list[tuple[list[str], list[list[str]]]]


class Shown(HTMLParser):
    """The text of a page, its tables with their heads, and its key figures by label."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: Tables = []
        self.facts: dict[str, str] = {}
        self._said: list[str] = []
        self._cell: list[str] = []
        self._label = ""
        self.feed(re.sub(r"<(script|style|svg)\b.*?</\1>", "", text, flags=re.DOTALL))
        self.text = " ".join("".join(self._said).split())

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append(([], []))
        elif tag == "tr" and self.tables:
            self.tables[-1][1].append([])
        elif tag in ("td", "th", "dt", "dd"):
            self._cell = []

    def handle_data(self, data: str) -> None:
        self._said.append(data)
        self._cell.append(data)

    def handle_endtag(self, tag: str) -> None:
        said = " ".join("".join(self._cell).split())
        if tag in ("td", "th"):
            self.tables[-1][1][-1].append(said)
        elif tag == "thead":
            head, rows = self.tables[-1]
            head.extend(rows.pop())
        elif tag == "dt":
            self._label = said
        elif tag == "dd":
            self.facts[self._label] = said
        self._said.append(" ")


@contextmanager
def without_pictures() -> Iterator[None]:
    """Leave figures undrawn: their numbers stand in tables below them."""
    with patch("bucketwise.report.templating.to_svg", lambda _: "<svg></svg>"):
        yield


@dataclass(frozen=True)
class Everything:
    """All that is said of one analysis."""

    analysis: Analysis

    @cached_property
    def plan(self) -> dict[str, Any]:
        """plan.json."""
        found: dict[str, Any] = json.loads(self.analysis.plan.to_json())
        return found

    @cached_property
    def terminal(self) -> str:
        """The lines on the terminal."""
        return "\n".join(decision_lines(self.analysis))

    @cached_property
    def _parts(self) -> tuple[ReportInputs, dict[str, Mapping[str, str]]]:
        inputs = deployment_of(self.analysis)
        engine = self.analysis.release.engine
        texts = {
            target.version: engine.emit(self.analysis.plan, inputs.base, [target])
            for target in inputs.targets
            if inputs.base
        }
        return inputs, texts

    @cached_property
    def files(self) -> dict[str, str]:
        """The emitted files of the newest release, by the end of their names."""
        texts = self._parts[1]
        newest = texts[[*texts][-1]] if texts else {}
        return {
            name.rpartition("/")[2].partition(".")[0]: newest[name] for name in newest
        }

    @cached_property
    def config(self) -> dict[str, Any]:
        """rbln_config.json."""
        found: dict[str, Any] = json.loads(self.files["rbln_config"])
        return found

    @property
    def language_model(self) -> dict[str, Any]:
        """What rbln_config.json says of the language model, nested or not."""
        return {**self.config, **self.config.get("language_model", {})}

    @cached_property
    def page(self) -> Shown:
        """The page, its figures not drawn."""
        inputs, texts = self._parts
        with without_pictures():
            return Shown(self._worded(render(self.analysis, texts, inputs)))

    @cached_property
    def summaries(self) -> tuple[str, str]:
        """The summary as text and as a sheet of paper."""
        inputs, texts = self._parts
        summary = summary_of(self.analysis, texts, inputs)
        with without_pictures():
            sheet = Shown(next(sheets(summary))).text
        return self._worded(to_markdown(summary).replace("\\", "")), self._worded(sheet)

    def _worded(self, text: str) -> str:
        plan, engine = self.analysis.plan, self.analysis.release.engine
        words = engine.words(self.analysis.profile)
        return worded(text, plan.model.family, words, plan.visual.cost.unit)

    def cells(self, label: str, column: str) -> list[str]:
        """Return the cells of a column in the rows that begin with a label."""
        label = self._worded(label)
        return [
            row[head.index(column)]
            for head, rows in self.page.tables
            if column in head
            for row in rows
            if row[0].startswith(label)
        ]

    def rows(self, label: str) -> list[str]:
        """Return the first cells that begin with a label."""
        return [
            row[0]
            for _, rows in self.page.tables
            for row in rows
            if row[0].startswith(label)
        ]

    def heading(self, start: str) -> str:
        """Return the column that begins so, where a table of limits has it."""
        heads = (name for head, _ in self.page.tables for name in head)
        return next((name for name in heads if name.startswith(start)), start)

    def compiled(self, name: str, script: str = "compile") -> Any:
        """Return what a script sets a name to."""
        for each in ast.parse(self.files[script]).body:
            if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == name:
                return ast.literal_eval(each.value)
        raise KeyError(name)

    @cached_property
    def serve(self) -> dict[str, str]:
        """The options of serve.sh."""
        words = shlex.split(self.files.get("serve", ""), comments=True)
        return {
            word: value
            for word, value in pairwise(words)
            if word.startswith("--") and not value.startswith("--")
        }

    @cached_property
    def assumptions(self) -> dict[str, str]:
        """What the plan rests on, by name."""
        return {each["name"]: each["value"] for each in self.plan["assumptions"]}

    def everywhere(self) -> dict[str, str]:
        """Return every text that a person reads of it."""
        markdown, sheet = self.summaries
        return {
            "terminal": self.terminal,
            "page": self.page.text,
            "markdown": markdown,
            "sheet": sheet,
        }


# Any small plan

MODELS = (
    *("qwen3-vl-2b", "qwen2.5-vl-7b", "qwen3.5-4b", "colqwen2-v1.0-hf"),
    *("gemma-4-e2b", "gemma-4-31b"),
)
LISTS = ((1_024, 4_096), (256,), (16_384,), (64, 640, 65_536))

sizes = st.tuples(
    st.sampled_from((56, 240, 480, 720, 1_080, 2_160)),
    st.sampled_from((28, 320, 640, 1_280, 1_920, 3_840)),
    st.sampled_from((1.0, 7.0, 300.0, 0.5)),
)
cells = st.tuples(
    st.just(0), st.integers(0, 9), st.just(0), st.sampled_from((1.0, 20.0, 600.0))
)


@st.composite
def measured_costs(draw: st.DrawFn) -> MeasuredCost:
    """Curves of the ViT and of prompts, and of anything else or not."""
    kinds = draw(st.sets(st.sampled_from(("decoder", "compile_s", "graph_bytes"))))
    curves: dict[str, Any] = {
        kind: draw(measured_curves(kind)) for kind in ("vit", "prefill", *sorted(kinds))
    }
    cost = MeasuredCost(**curves)
    if draw(st.booleans()):
        return cost
    return replace(cost, device="RBLN-CA25", engine="optimum-rbln", release="0.12.0")


@st.composite
def plans(draw: st.DrawFn) -> Everything:
    """A plan of small traffic, with and without what can stand beside it."""
    model = draw(st.sampled_from(MODELS))
    profile = find_profile(model)
    traffic = traffic_of(*draw(st.lists(sizes, min_size=1, max_size=6, unique=True)))
    least = draw(st.integers(1, 3))
    options: dict[str, Any] = {"buckets": (least, draw(st.integers(least, 5)))}
    if draw(st.booleans()):
        options["current"] = draw(st.sampled_from(LISTS))
    if draw(st.booleans()):
        options["cost"] = draw(measured_costs())
        if draw(st.booleans()):
            options |= {"images_per_day": 2e6, "price_per_device_hour": (2.5, 4.0)}
    if model == "colqwen2-v1.0-hf":  # it generates nothing
        return Everything(analyze(traffic, model=model, **options))
    if draw(st.booleans()):
        options["batch_size"] = draw(st.sampled_from((1, 4, 8, 64)))
        load = draw(st.none() | st.lists(cells, min_size=1, max_size=6))
        if load and any(running for _, running, _, _ in load):
            options["evidence"] = replace(evidence_of(*load), samples=2_000)
    if model in ("qwen3-vl-2b", "qwen3.5-4b") and draw(st.booleans()):
        options["base"] = zoo_base(
            profile.family,
            Overrides(
                npu=draw(st.sampled_from((None, "RBLN-CA25", "RBLN-CR13"))),
                max_seq_len=draw(st.sampled_from((None, 32_768, 262_144))),
                batch_size=options.get("batch_size"),
            ),
        )
    return Everything(analyze(traffic, model=model, **options))


# What has to agree


def check_verdict(said: Everything) -> None:
    """The verdict and its reasons are the same in every form."""
    verdict = said.plan["verdict"]
    assert said.terminal.startswith(f"Verdict: {CALLS[verdict['call']]}.")
    record = json.loads(json.dumps(decision_record(said.analysis, ())))
    assert record["verdict"]["call"] == verdict["call"]
    for name, text in said.everywhere().items():
        assert f"Verdict: {CALLS[verdict['call']]}." in text, name
        for reason in verdict["reasons"]:
            if name != "terminal" or reason["severity"] != "note":
                assert reason["words"] in text, (name, reason["words"])


def check_lengths(said: Everything) -> None:
    """The lengths are the same wherever they are told, set or compiled."""
    visual = said.plan["visual"]
    lengths = visual["vit_max_seq_lens"]
    assert said.cells("ViT lengths, patches", "Proposed") == [dotted(lengths)]
    assert [use["vit_patches"] for use in visual["buckets"]] == lengths
    for name, text in said.everywhere().items():
        assert str(visual["max_seq_lens"]) in text, name
    in_force = said.cells("in force", said.heading("Lengths"))
    assert in_force == [dotted(lengths)] * len(in_force)
    if said.files:
        assert lengths in lists_in(said.config)
        assert said.compiled("RBLN_CONFIG") == said.config
        told = re.findall(
            r"^# +([\d,]+) .* ([<>]? ?[\d.]+) %$", said.files["compile"], re.MULTILINE
        )
        shares = {length: share.replace(" ", "") + "%" for length, share in told}
        for use in visual["buckets"]:
            expected = percent(use["share"]).replace("100%", "100.0%")
            assert shares[f"{use['vit_patches']:,}"] == expected.replace(
                "0%", "0.0%", use["share"] == 0
            )


def check_limits(said: Everything) -> None:
    """The limits to set are those that the files set."""
    visual = said.plan["visual"]
    processor = visual["processor"]
    least, most = processor["min_pixels"], processor["max_pixels"]
    if visual["soft_tokens"]:
        assert str(visual["soft_tokens"]) in said.terminal
        return
    assert f"Set min_pixels {least:,} and max_pixels {most:,} on the" in said.terminal
    assert said.cells(f"max_pixels (min_pixels {least:,})", "Proposed") == [f"{most:,}"]
    assert said.cells("in force", "max_pixels") in ([], [f"{most:,}"])
    for text in said.summaries:
        assert str(least) in text
        assert str(most) in text
    for name in ("compile", "load") if said.files else ():
        assert said.compiled("MIN_PIXELS", name) == least
        assert said.compiled("MAX_PIXELS", name) == most
    if "--mm-processor-kwargs" in said.serve:
        kwargs = json.loads(said.serve["--mm-processor-kwargs"])
        set_ = kwargs.get("images_kwargs", kwargs)
        assert (set_["min_pixels"], set_["max_pixels"]) == (least, most)


def check_compute(said: Everything) -> None:
    """Compute, padding and what is saved are the same numbers everywhere."""
    visual, unit = said.plan["visual"], said.plan["visual"]["cost"]["unit"]
    lengths = visual["vit_max_seq_lens"]
    spent, waste = compute(visual["padded_compute"], unit), percent(visual["waste"])
    noun = "time" if unit == "ms" else "compute"
    assert f"{noun}: {spent}, {waste} of it padding." in said.terminal
    assert spent in said.page.text
    assert waste in said.page.text
    for column, expected in (("Padded", spent), ("Waste", waste)):
        totals = said.cells("All", column)
        assert totals == [expected] * len(totals)
    assert {*said.cells("in force", "Padded compute")} <= {spent}
    top = float(said.analysis.plan.visual.cost.at(lengths[-1:])[0])
    one = top * sum(use["runs"] for use in visual["buckets"])
    first = visual["frontier"][0]
    if first["k"] == 1:
        assert first["padded_compute"] == pytest.approx(one)
        assert first["vit_max_seq_lens"] == lengths[-1:]


def check_saving(said: Everything) -> None:
    """What is saved, against today or one graph, is one number."""
    visual = said.plan["visual"]
    current, one = visual["current"], visual["frontier"][0]
    pair = one["padded_compute"], visual["padded_compute"]
    if current is not None:
        pair = current["padded_compute_served"], current["proposed_compute_on_served"]
        saving = 1 - pair[1] / pair[0] if pair[0] else 0.0
        assert current["saving"] == pytest.approx(saving, abs=1e-9)
    if not pair[0] or (current is None and len(visual["vit_max_seq_lens"]) == 1):
        return
    saved = change(*pair)
    told = said.cells("ViT time" if "savings" in said.plan else "ViT compute", "Change")
    assert told[0] == saved
    assert {*told} <= {saved, ""}
    for name, text in said.everywhere().items():
        if name != "terminal" or current is not None:  # it has what one graph takes
            assert saved in text, name


def check_failing(said: Everything) -> None:
    """Whoever fails today, and then, is counted once."""
    visual = said.plan["visual"]
    current = visual["current"]
    if current is None:
        assert said.cells("Images that fail", "Proposed") == []
        return
    fails, share = (
        number(current["overflow_images"]),
        percent(current["overflow_share"]),
    )
    before = f"{fails} ({share})" if current["overflow_images"] else "0"
    assert said.cells("Images that fail", "Today") == [before]
    assert said.cells("Images that fail", "Proposed") == ["0"]
    sentence = r"([\d,.<]+) images? \(([^),]+)[^)]*\) fails? today"
    for name, text in said.everywhere().items():
        counted = set(re.findall(sentence, text))
        expected = {(fails, share)} if current["overflow_images"] else set()
        assert counted == expected or (name == "page" and not counted), name


FITS = {
    True: ("fits",),
    None: ("barely fits by estimate",),
    False: ("does not fit by estimate", "does not fit"),
}


def check_memory(said: Everything) -> None:
    """What devices hold, and whether that fits, is the same everywhere."""
    found = said.plan["memory"]
    label = "Memory of a device"
    if found is None:
        assert said.cells(label, "Proposed") == []
        return
    held, has = memory(found["needed_bytes"]), memory(found["device_bytes"])
    assert sum(term["bytes"] for term in found["terms"]) == found["needed_bytes"]
    [cell] = said.cells(f"{label} ({has})", "Proposed")
    assert cell.split(", ")[0] == held
    assert held in said.cells("All", "A device")
    for term in found["terms"]:
        assert memory(term["bytes"]) in said.cells(term["name"], "A device")
    words = FITS[found["fits"]]
    if found["fits"] is not True:
        assert cell.split(", ")[1] in words
    any_words = "|".join(word for each in FITS.values() for word in reversed(each))
    claim = rf"roposed configuration ({any_words})\b(?! by)"
    for name, text in said.everywhere().items():
        assert set(re.findall(claim, text)) <= {*words}, name
        if found["fits"] is not True:
            assert re.search(claim, text), name
    if found["fits"] is False:
        assert said.plan["verdict"]["call"] == "no"


def check_deployment(said: Everything) -> None:
    """Devices, context and batch size are the same in every file and on the page."""
    if not said.files:
        return
    config, rests_on = said.language_model, said.assumptions
    for key, flag in (
        ("num_devices", "--rbln-num-devices-per-local-rank"),
        ("max_seq_len", "--max-model-len"),
        ("batch_size", "--max-num-seqs"),
        ("kvcache_partition_len", "--block-size"),
    ):
        if key in rests_on and key in config:
            assert rests_on[key] == str(config[key]), key
            assert said.cells(key, "Is")[:1] in ([], [str(config[key])])
        if flag in said.serve and key in config:
            assert said.serve[flag] == str(config[key]), flag
    loaded = said.compiled("DEVICES", "load")
    devices = {**loaded, **loaded.get("language_model", {})}.get("device")
    if devices is not None and "num_devices" in config:
        assert len(devices) == config["num_devices"]
    found = (
        re.search(r"on (\d+) devices?$", row) for row in said.rows("language model")
    )
    counted = [int(each[1]) for each in found if each]
    if "num_devices" in config:
        assert sum(counted) in (0, config["num_devices"])


def check_decoder(said: Everything) -> None:
    """Decoder graphs are the same everywhere, and none where nothing was asked."""
    decoder = said.plan["decoder"]
    if decoder is None:
        assert "decoder_batch_sizes" not in said.terminal
        assert said.cells("Decoder graphs", "Proposed") == []
        return
    graphs, size = decoder["decoder_batch_sizes"], decoder["batch_size"]
    assert said.cells("Decoder graphs", "Proposed") == [dotted(graphs)]
    for name, text in said.everywhere().items():
        if name != "page":
            assert str(graphs) in text, name
            assert f"batch_size {size:,}" in text, name
    if said.files:
        assert said.language_model["decoder_batch_sizes"] == graphs
        assert said.language_model["batch_size"] == size
    uses = [each["batch_size"] for each in decoder["graphs"]]
    assert uses in ([], graphs)


def check_warnings(said: Everything) -> None:
    """Every warning that the page has stands in plan.json, and the other way round."""
    for warning in said.plan["warnings"]:
        assert warning["words"] in said.page.text
    more = sum("more warning" in text for text in said.summaries)
    for warning in said.plan["warnings"][:3]:
        for text in said.summaries:
            assert warning["words"] in text, more


def check_time(said: Everything) -> None:
    """Where runs were measured no FLOP is shown, and hours and money can be recomputed."""
    savings = said.plan.get("savings")
    assert (savings is None) == (said.plan["visual"]["cost"]["unit"] != "ms")
    if savings is None:
        return
    panel = panel_data(said.analysis, ()).json
    for text in (*said.everywhere().values(), said.analysis.plan.to_json(), panel):
        assert "FLOP" not in text
        assert "ViT compute" not in text
    before, after = savings["before_ms_an_image"], savings["after_ms_an_image"]
    saved, hours = savings["saved_ms_an_image"], savings["device_hours_a_month"]
    assert saved["likely"] == pytest.approx(
        before["likely"] - after["likely"], abs=1e-9 * before["likely"]
    )
    of_all = savings["ms_an_image"]["likely"] * images_accepted(said.analysis)
    assert of_all == pytest.approx(said.plan["visual"]["padded_compute"])
    for what, label in ((before, "ms an image before"), (saved, "ms saved an image")):
        assert what["low"] <= what["likely"] <= what["high"]
        assert said.cells(label, "Likely") == [shown(what["likely"])]
    if hours is None:
        return
    a_month = savings["images_per_day"] * savings["days_a_month"] / 3_600_000
    for end, price in (("low", 2.5), ("high", 4.0)):
        assert hours[end] == pytest.approx(saved[end] * a_month)
        if saved["low"] >= 0:
            assert savings["money_a_month"][end] == pytest.approx(hours[end] * price)
    told = said.analysis.plan.savings
    assert told is not None
    for text in (said.terminal, said.page.text):
        assert f"A month saves {told.a_month}" in text


CHECKS: tuple[Callable[[Everything], None], ...] = (
    *(check_verdict, check_lengths, check_limits, check_compute, check_saving),
    *(check_failing, check_memory, check_deployment),
    *(check_decoder, check_warnings, check_time),
)


@given(plans())
@settings(max_examples=drawn(15, 200))
def test_every_output_tells_the_same_numbers(said: Everything) -> None:
    for check in CHECKS:
        check(said)


def lists_in(value: Any) -> Iterator[list[Any]]:
    """Yield every list within a configuration."""
    if isinstance(value, list):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from lists_in(each)
