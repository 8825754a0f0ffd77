"""A configuration with what its findings say put right."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bucketwise.lint.case import LintCase
from bucketwise.lint.finding import Fix, Judge, Rule
from bucketwise.nouns.document import Path

MAX_ROUNDS = 8
"""Putting one thing right may show another; more rounds than this would be a circle."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A configuration put right."""

    config: dict[str, Any]
    """Keys in their order; what nothing mends stays."""
    renames: Mapping[Path, str]
    """Path of each key that was renamed, as it was read, and its new name."""


def fixed(subject: LintCase, rules: tuple[Rule, ...], judge: Judge) -> Fixed:
    """Return the configuration with every fix applied, until no finding has one."""
    config = apply_fixes(subject.document.config, ())
    renames: dict[Path, str] = {}
    for _ in range(MAX_ROUNDS):
        document = replace(subject.document, config=config)
        reported = judge(replace(subject, document=document), rules)
        fixes = [fix for each in reported for fix in each.finding.fixes]
        mended = apply_fixes(config, fixes)
        if mended == config:
            break
        for fix in fixes:
            if fix.action == "rename":
                renames[_as_read(fix.path, renames)] = str(fix.value)
        config = mended
    return Fixed(config, renames)


def _as_read(path: Path, renames: Mapping[Path, str]) -> Path:
    """Return what a path was before earlier renames."""
    for before, name in renames.items():
        after = (*before[:-1], name)
        if path[: len(after)] == after:
            return before + path[len(after) :]
    return path


def apply_fixes(config: Mapping[str, Any], fixes: Iterable[Fix]) -> dict[str, Any]:
    """Return a configuration with changes made."""
    mended: dict[str, Any] = _copied(config)
    taken: set[Path] = set()
    renames: dict[Path, Fix] = {}
    for fix in fixes:
        if fix.action == "rename":
            renames.setdefault(fix.path, fix)
        elif fix.path not in taken:
            taken.add(fix.path)
            _change(mended, fix)
    # The deepest first: above it paths still have their old names.
    for path in sorted(renames, key=len, reverse=True):
        _rename(mended, path, str(renames[path].value))
    return mended


def written(config: Mapping[str, Any]) -> str:
    """Return a configuration as indented JSON; what is not known as its source."""
    return json.dumps(config, indent=2, ensure_ascii=False, default=repr) + "\n"


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


def _change(config: dict[str, Any], fix: Fix) -> None:
    """Set or remove one value; levels that a new value needs are made."""
    if not fix.path:
        return
    level: Any = config
    for key in fix.path[:-1]:
        if not isinstance(level, dict):
            return
        if key not in level and fix.action == "set":
            level[key] = {}
        level = level.get(key)
    if not isinstance(level, dict):
        return
    if fix.action == "set":
        level[fix.path[-1]] = _copied(fix.value)
    else:
        level.pop(fix.path[-1], None)


def _rename(config: dict[str, Any], path: Path, name: str) -> None:
    level: Any = config
    for key in path[:-1]:
        level = level.get(key) if isinstance(level, dict) else None
    if not path or not isinstance(level, dict) or path[-1] not in level:
        return
    if name in level:
        # The newer name is the one the SDK takes where both are given.
        del level[path[-1]]
        return
    items = [(name if key == path[-1] else key, item) for key, item in level.items()]
    level.clear()
    level.update(items)
