"""What findings put right: pure changes of a mapping, and the diff they make."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.engines.rbln.releases import NEWEST
from bucketwise.engines.rbln.rules.case import RblnCase
from bucketwise.engines.rbln.rules.table import judge
from bucketwise.lint.finding import Finding, Fix, Rule
from bucketwise.lint.fixing import MAX_ROUNDS, apply_fixes, fixed
from bucketwise.nouns.document import Document, Path


def subject_of(config: dict[str, Any]) -> RblnCase:
    document = Document(config=config, form="compile", source="c.json", places={})
    return RblnCase(document=document, version=NEWEST)


def finding(*fixes: Fix) -> Finding:
    return Finding(
        severity="error", path=(), found="found", why="why", right="right", fixes=fixes
    )


def set_to(value: object, *path: str) -> Fix:
    return Fix(path=path, action="set", value=value)


def remove(*path: str) -> Fix:
    return Fix(path=path, action="remove")


def rename(name: str, *path: str) -> Fix:
    return Fix(path=path, action="rename", value=name)


NAMES = st.sampled_from(["a", "b", "c", "visual"])
LEVELS = st.recursive(
    st.integers(0, 9) | st.lists(st.integers(0, 9), max_size=3),
    lambda inner: st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
CONFIGS = st.dictionaries(NAMES, LEVELS, max_size=4)
PATHS: st.SearchStrategy[Path] = st.lists(NAMES, min_size=1, max_size=3).map(tuple)
FIXES = st.one_of(
    st.builds(lambda path, value: set_to(value, *path), PATHS, st.integers(0, 9)),
    st.builds(lambda path: remove(*path), PATHS),
    st.builds(lambda path, name: rename(name, *path), PATHS, NAMES),
)


def at(config: Any, path: Path) -> Any:
    for key in path:
        if not isinstance(config, dict) or key not in config:
            return None
        config = config[key]
    return config


@given(config=CONFIGS, fixes=st.lists(FIXES, max_size=5))
def test_the_configuration_that_was_read_is_never_changed(
    config: dict[str, Any], fixes: list[Fix]
) -> None:
    before = copy.deepcopy(config)
    apply_fixes(config, fixes)
    assert config == before


@given(config=CONFIGS, path=PATHS, name=NAMES)
def test_a_renamed_key_is_gone_and_its_value_keeps_its_place(
    config: dict[str, Any], path: Path, name: str
) -> None:
    level = at(config, path[:-1])
    mended = apply_fixes(config, [rename(name, *path)])
    if not isinstance(level, dict) or path[-1] not in level or name == path[-1]:
        assert mended == config or name == path[-1]
        return
    new = at(mended, path[:-1])
    assert path[-1] not in new
    if name in level:
        assert new == {key: level[key] for key in level if key != path[-1]}
    else:
        renamed = [name if key == path[-1] else key for key in level]
        assert list(new) == renamed
        assert new[name] == level[path[-1]]


@given(config=CONFIGS, path=PATHS, value=st.integers(0, 9))
def test_a_value_that_is_set_stands_there_and_keeps_its_place(
    config: dict[str, Any], path: Path, value: int
) -> None:
    holders = [at(config, path[:end]) for end in range(len(path))]
    mended = apply_fixes(config, [set_to(value, *path)])
    if any(not isinstance(each, dict | None) for each in holders):
        return
    assert at(mended, path) == value
    if path[0] in config:
        assert list(mended) == list(config)


@given(config=CONFIGS, path=PATHS)
def test_what_is_removed_is_gone_and_nothing_else_is(
    config: dict[str, Any], path: Path
) -> None:
    mended = apply_fixes(config, [remove(*path)])
    assert at(mended, path) is None
    assert list(mended) == [key for key in config if key != path[0] or len(path) > 1]


def test_of_two_changes_of_one_value_the_first_is_made() -> None:
    config = {"a": 1}
    assert apply_fixes(config, [set_to(2, "a"), set_to(3, "a")]) == {"a": 2}
    assert apply_fixes(config, [remove("a"), set_to(3, "a")]) == {}


def test_renames_come_last_and_the_deepest_first() -> None:
    config = {"visual": {"max_seq_lens": [64, 4]}, "b": 1}
    mended = apply_fixes(
        config,
        [
            rename("vision", "visual"),
            rename("max_seq_len", "visual", "max_seq_lens"),
            set_to([4, 64], "visual", "max_seq_lens"),
        ],
    )
    assert mended == {"vision": {"max_seq_len": [4, 64]}, "b": 1}
    assert list(mended) == ["vision", "b"]


def test_where_both_names_are_given_the_newer_stays() -> None:
    config = {"visual": {"max_seq_lens": [1], "max_seq_len": [2]}}
    mended = apply_fixes(config, [rename("max_seq_len", "visual", "max_seq_lens")])
    assert mended == {"visual": {"max_seq_len": [2]}}


@pytest.mark.parametrize(
    "fix",
    [
        set_to(1, "a", "b"),
        remove("a", "b"),
        rename("c", "a", "b"),
        rename("c", "b"),
        remove("b", "c"),
        set_to(1),
        rename("c"),
    ],
)
def test_a_change_of_what_is_not_there_is_passed_over(fix: Fix) -> None:
    assert apply_fixes({"a": 1}, [fix]) == {"a": 1}


def old_name(subject: RblnCase) -> Iterator[Finding]:
    """An old name."""
    if "old" in subject.config:
        yield finding(rename("new", "old"))


def unsorted(subject: RblnCase) -> Iterator[Finding]:
    """A list under the new name that does not ascend."""
    found = subject.config.get("new", [])
    if list(found) != sorted(found):
        yield finding(set_to(sorted(found), "new"))


def never_right(subject: RblnCase) -> Iterator[Finding]:
    """A number that is always too small."""
    yield finding(set_to(subject.config.get("n", 0) + 1, "n"))


RULES = (Rule("own/old-name", old_name), Rule("own/unsorted", unsorted))


def test_what_putting_right_brings_to_light_is_put_right_too() -> None:
    mended = fixed(subject_of({"old": (3, 1)}), RULES, judge)
    assert mended.config == {"new": [1, 3]}
    assert mended.renames == {("old",): "new"}


def test_rules_that_are_never_content_come_to_an_end() -> None:
    rules = (Rule("own/never-right", never_right),)
    assert fixed(subject_of({}), rules, judge).config == {"n": MAX_ROUNDS}


@given(config=CONFIGS.map(lambda config: config | {"old": [2, 1]}))
def test_a_configuration_that_was_put_right_stays_as_it_is(
    config: dict[str, Any],
) -> None:
    once = fixed(subject_of(config), RULES, judge).config
    assert "old" not in once
    assert fixed(subject_of(once), RULES, judge).config == once


def outer(subject: RblnCase) -> Iterator[Finding]:
    """An old name of a level."""
    if "vision" in subject.config:
        yield finding(rename("visual", "vision"))


def inner(subject: RblnCase) -> Iterator[Finding]:
    """An old name within the level of the new name."""
    if "old" in (subject.visual or {}):
        yield finding(rename("new", "visual", "old"))


def test_a_rename_within_what_was_renamed_is_told_by_the_names_that_were_read() -> None:
    rules = (Rule("own/outer", outer), Rule("own/inner", inner))
    mended = fixed(subject_of({"vision": {"old": 1}}), rules, judge)
    assert mended.config == {"visual": {"new": 1}}
    assert mended.renames == {("vision",): "visual", ("vision", "old"): "new"}
