"""Every format tells the findings, whatever text from outside is in them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bucketwise
from bucketwise.engines import rules as every_rule
from bucketwise.engines.rbln.releases import NEWEST
from bucketwise.engines.rbln.rules.case import RblnCase
from bucketwise.lint.case import Judged, LintReport
from bucketwise.lint.finding import SEVERITIES, Finding, Fix, Reported, Rule, Severity
from bucketwise.lint.formats import RENDERERS, rules_page
from bucketwise.lint.formats.words import FORMS, MEANINGS
from bucketwise.nouns.document import Document, Form, Unknown
from bucketwise.nouns.traffic import Place
from bucketwise.read.configs.profiles import built_in_profiles

PAGE = Path(__file__).parent.parent / "docs" / "rules.md"


def checked(subject: RblnCase) -> Iterator[Finding]:
    """A value of {braces} and [lists](of things).

    With a second paragraph.
    """
    del subject
    yield from ()


RULE = Rule("own/checked", checked)


def report_of(
    *findings: Finding,
    place: Place | None = None,
    document: Document | None = None,
    **judged: Any,
) -> LintReport:
    place = place or Place(source="c.json", line=3)
    document = document or Document(
        config={}, form="compile", source="c.json", places={}, notes=("a note",)
    )
    profile = built_in_profiles()["qwen3-vl-2b"]
    subject = RblnCase(
        document=document,
        version=NEWEST,
        profile=profile,
        family=profile.family,
        limits=profile.checkpoint,
        npu="RBLN-CA25",
    )
    one = Judged(
        subject=subject,
        reported=tuple(
            Reported(rule=RULE.id, finding=each, place=place) for each in findings
        ),
        release_source="the newest",
        model_source="--model",
        npu_source="--npu",
        not_judged=("memory",),
        **judged,
    )
    return LintReport(judged=(one,), rules=(RULE,), version="1.2.3")


def finding_of(
    severity: Severity = "error",
    path: tuple[str, ...] = ("visual", "max_seq_len"),
    **said: Any,
) -> Finding:
    words = {"found": "a", "why": "b", "right": "c", "raises": "ValueError: d"} | said
    return Finding(severity=severity, path=path, **words)


HOSTILE = st.text(
    st.characters(codec=None) | st.sampled_from("\x1b\n\r%:,;{}[]()|`\\\"'<>&\x7f\x9b"),
    max_size=20,
)


@st.composite
def reports(draw: st.DrawFn) -> LintReport:
    findings = draw(
        st.lists(
            st.builds(
                finding_of,
                st.sampled_from(SEVERITIES),
                st.lists(HOSTILE, max_size=2).map(tuple),
                found=HOSTILE,
                why=HOSTILE,
                right=HOSTILE,
                raises=HOSTILE,
            ),
            max_size=3,
        )
    )
    findings.sort(key=lambda each: SEVERITIES.index(each.severity))
    place = Place(source=draw(HOSTILE), line=draw(st.integers(0, 9)))
    document = Document(
        config={},
        form=draw(st.sampled_from(["compile", "compiled", "load", "serve"])),
        source=draw(HOSTILE),
        places={},
        notes=(draw(HOSTILE),),
    )
    return report_of(*findings, place=place, document=document)


@settings(max_examples=80, deadline=None)
@given(report=reports())
@pytest.mark.parametrize("name", RENDERERS)
def test_no_text_from_outside_steers_a_terminal_or_breaks_out_of_its_line(
    name: str, report: LintReport
) -> None:
    said = RENDERERS[name](report)
    assert all(each.isprintable() or each == "\n" for each in said)
    said.encode("utf-8")
    n_findings = len(report.judged[0].reported)
    if name == "github":
        lines = said.splitlines()
        assert len(lines) == n_findings
        for line in lines:
            assert re.match(r"::(error|warning|notice) file=[^:,]*,", line)
    elif name == "text":
        assert said.count(f"    {RULE.id}  ") == n_findings
    else:
        json.loads(said)
    assert said.endswith("\n") or not said


def test_text_groups_by_severity_and_ends_with_the_counts() -> None:
    report = report_of(
        finding_of("error"), finding_of("warning", raises=""), finding_of("info", ())
    )
    said = RENDERERS["text"](report)
    assert said.splitlines() == [
        "c.json (to compile)",
        "  release  optimum-rbln 0.12.0 (the newest)",
        "  model    qwen3-vl-2b (--model)",
        "  images   65,536 to 16,777,216 px (the checkpoint's preprocessor_config.json)",
        "  NPU      RBLN-CA25 (--npu)",
        "  skipped  a note",
        "  skipped  memory",
        "",
        "  errors",
        "    own/checked  c.json:3  visual.max_seq_len",
        "      found  a",
        "      why    b",
        "      right  c",
        "      raises ValueError: d",
        "",
        "  warnings",
        "    own/checked  c.json:3  visual.max_seq_len",
        "      found  a",
        "      why    b",
        "      right  c",
        "",
        "  notes",
        "    own/checked  c.json:3  the configuration",
        "      found  a",
        "      why    b",
        "      right  c",
        "      raises ValueError: d",
        "",
        "1 error, 1 warning, 1 note in 1 configuration.",
    ]


def test_json_has_a_schema_and_everything_a_finding_says() -> None:
    fix = Fix(path=("visual", "a"), action="set", value=(1, Unknown("x")))
    report = report_of(finding_of(fixes=(fix,)), finding_of("info", ()))
    value = json.loads(RENDERERS["json"](report))
    assert value["schema"] == "bucketwise.findings/1"
    assert value["failed"] is True
    assert value["counts"] == {"error": 1, "warning": 0, "info": 1}
    [configuration] = value["configurations"]
    assert configuration["place"] == {"source": "c.json", "line": 0}
    assert configuration["form"] == "compile"
    assert configuration["release"] == {"version": "0.12.0", "source": "the newest"}
    assert configuration["model"] == {"name": "qwen3-vl-2b", "source": "--model"}
    assert configuration["image_limits"]["min_pixels"] == 65_536
    assert configuration["npu"] == "RBLN-CA25"
    assert configuration["images"] is None
    assert configuration["not_judged"] == ["a note", "memory"]
    assert configuration["findings"][0] == {
        "rule": "own/checked",
        "severity": "error",
        "place": {"source": "c.json", "line": 3},
        "path": ["visual", "max_seq_len"],
        "found": "a",
        "why": "b",
        "right": "c",
        "raises": "ValueError: d",
        "fixes": [{"action": "set", "path": ["visual", "a"], "value": [1, "x"]}],
    }


def test_json_of_what_is_not_known_is_null() -> None:
    report = report_of()
    [judged] = report.judged
    subject = replace(judged.subject, profile=None, limits=None, npu=None)
    unknown = replace(report, judged=(replace(judged, subject=subject),))
    [configuration] = json.loads(RENDERERS["json"](unknown))["configurations"]
    assert configuration["model"] is None
    assert configuration["image_limits"] is None
    assert configuration["npu"] is None
    said = RENDERERS["text"](unknown)
    assert "  model    one of qwen3_vl (--model)\n" in said
    assert "images  " not in said


def test_nothing_found_is_said_in_text_and_nothing_to_github() -> None:
    report = report_of()
    assert not report.failed
    assert RENDERERS["github"](report) == ""
    said = RENDERERS["text"](report)
    assert said.endswith("0 errors, 0 warnings, 0 notes in 1 configuration.\n")


# As GitHub documents its workflow commands: in data %, CR and LF are escaped, in
# properties the colon and the comma too.
def test_github_commands_are_escaped_as_documented() -> None:
    report = report_of(
        finding_of("warning", found="50%\nnext", right=""),
        place=Place(source="a,b:c%.json", line=7),
    )
    assert RENDERERS["github"](report) == (
        "::warning file=a%2Cb%3Ac%25.json,line=7,title=own/checked::"
        "visual.max_seq_len: 50%25%0Anext. b.\n"
    )


def test_a_line_of_a_cell_is_told_in_words() -> None:
    place = Place(source="n.ipynb[cell 3]", line=2)
    report = report_of(finding_of("info"), place=place)
    assert RENDERERS["github"](report).startswith(
        "::notice file=n.ipynb,title=own/checked::cell 3, line 2: visual.max_seq_len"
    )
    [result] = json.loads(RENDERERS["sarif"](report))["runs"][0]["results"]
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": "n.ipynb"}
    assert physical["region"] == {"startLine": 1}
    assert result["message"]["text"].startswith("cell 3, line 2: ")


def closed(**properties: Any) -> dict[str, Any]:
    """Describe an object that may have these properties alone."""
    required = [name for name, value in properties.items() if value.pop("must", None)]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": required,
    }


def must(**rule: Any) -> dict[str, Any]:
    return rule | {"must": True}


TEXT = {"type": "string"}
MESSAGE = closed(text=must(**TEXT))

# The part of the published schema (SARIF 2.1.0, errata 01) that is used here: objects
# take no other properties there either, and need the same ones.
SARIF = closed(
    **{"$schema": TEXT | {"format": "uri"}},
    version=must(enum=["2.1.0"]),
    runs=must(
        type="array",
        minItems=0,
        items=closed(
            tool=must(
                **closed(
                    driver=must(
                        **closed(
                            name=must(**TEXT),
                            version=dict(TEXT),
                            rules={
                                "type": "array",
                                "uniqueItems": True,
                                "items": closed(
                                    id=must(**TEXT),
                                    shortDescription=MESSAGE,
                                    fullDescription=MESSAGE,
                                    help=MESSAGE,
                                ),
                            },
                        )
                    )
                )
            ),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            results={
                "type": "array",
                "items": closed(
                    ruleId=dict(TEXT),
                    ruleIndex={"type": "integer", "minimum": -1},
                    level={"enum": ["none", "note", "warning", "error"]},
                    message=must(**MESSAGE),
                    locations={
                        "type": "array",
                        "items": closed(
                            physicalLocation=closed(
                                artifactLocation=closed(
                                    uri=TEXT | {"pattern": r"^[!-~]*$"}
                                ),
                                region=closed(
                                    startLine={"type": "integer", "minimum": 1}
                                ),
                            ),
                            logicalLocations={
                                "type": "array",
                                "uniqueItems": True,
                                "items": closed(fullyQualifiedName=dict(TEXT)),
                            },
                        ),
                    },
                    properties={"type": "object"},
                ),
            },
        ),
    ),
)


@settings(max_examples=60, deadline=None)
@given(report=reports())
def test_sarif_keeps_to_its_schema_whatever_is_found(report: LintReport) -> None:
    log = json.loads(RENDERERS["sarif"](report))
    jsonschema.validate(log, SARIF)
    [run] = log["runs"]
    for result, reported in zip(run["results"], report.judged[0].reported, strict=True):
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == RULE.id
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region == {"startLine": reported.place.line or 1}
        # Doubled braces alone are braces (3.11.5).
        text = result["message"]["text"].replace("{{", "").replace("}}", "")
        assert not {"{", "}"} & set(text)
        assert "](" not in text


def test_sarif_tells_levels_rules_and_places() -> None:
    report = report_of(
        finding_of("info", found="{x}"), place=Place(source="a b/ü.json", line=7)
    )
    [run] = json.loads(RENDERERS["sarif"](report))["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("bucketwise", "1.2.3")
    [rule] = driver["rules"]
    assert rule["id"] == "own/checked"
    assert rule["shortDescription"] == {
        "text": "A value of {{braces}} and [lists] (of things)."
    }
    assert rule["fullDescription"]["text"].endswith("\n\nWith a second paragraph.")
    [result] = run["results"]
    assert result["level"] == "note"
    assert result["message"] == {
        "text": "visual.max_seq_len: {{x}}. b. Right: c",
    }
    [location] = result["locations"]
    uri = location["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote(uri) == "a b/ü.json"
    assert location["physicalLocation"]["region"] == {"startLine": 7}
    assert result["properties"] == {"raises": "ValueError: d"}


def test_a_rule_that_is_not_in_the_table_has_no_index() -> None:
    report = replace(report_of(finding_of()), rules=())
    [run] = json.loads(RENDERERS["sarif"](report))["runs"]
    assert "ruleIndex" not in run["results"][0]
    jsonschema.validate(json.loads(RENDERERS["sarif"](report)), SARIF)


def test_counts_are_of_all_configurations_together() -> None:
    one = report_of(finding_of("warning"))
    both = replace(one, judged=one.judged * 2)
    assert both.counts == {"error": 0, "warning": 2, "info": 0}
    assert not both.failed
    said = RENDERERS["text"](both)
    assert "0 errors, 2 warnings, 0 notes in 2 configurations." in said


def test_the_page_of_rules_tells_every_rule_in_its_own_words() -> None:
    page = rules_page((RULE,))
    assert "[own/checked](#ownchecked)" in page
    assert "\n## own/checked\n\nA value of {braces}" in page
    assert "With a second paragraph.\n" in page
    for meaning in MEANINGS.values():
        assert meaning in page


def test_the_page_in_docs_is_what_the_rules_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == rules_page(every_rule()), shlex.join(
        ["make", "docs"]
    )


@pytest.mark.parametrize("form", get_args(Form))
def test_the_text_says_what_every_form_is_given_to(form: Form) -> None:
    document = Document(
        config={"visual": {"max_seq_len": [1_024]}},
        form=form,
        source="c.json",
        places={(): Place(source="c.json", line=1)},
    )
    said = RENDERERS["text"](report_of(document=document))
    told = FORMS[form].format(server="vllm-rbln")
    assert said.startswith(f"c.json:1 ({told})\n")


def test_lengths_without_a_configuration_are_judged_in_text() -> None:
    report = bucketwise.lint_config("1024,4098", model="qwen3-vl-2b", target="0.12.0")
    said = RENDERERS["text"](report)
    assert "(ViT lengths alone)" in said
    assert "buckets/unaligned-bucket" in said
