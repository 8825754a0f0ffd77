"""Where a mapping's keys and values stand in a text, and the edits that change it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import commonprefix
from typing import Any, NamedTuple

from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Path
from bucketwise.read.configs.documents.excerpt import Excerpt


class NoEdit(ConfigError):  # noqa: N818 - it says why, like every refusal
    """A change that the text has no place for."""


class Edit(NamedTuple):
    """Characters of a text that become others."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping with its value.

    Attributes
    ----------
    key : str
        The key's name.
    start, key_end : int
        Where its name stands.
    node : Node
        Its value.
    """

    key: str
    start: int
    key_end: int
    node: Node


@dataclass(frozen=True, slots=True)
class Node:
    """A value: where it stands and, of a mapping, its entries.

    Attributes
    ----------
    start, end : int
        Its first character, and the one after its last.
    entries : tuple of Entry or None
        Of a mapping, in the text's order; None for any other value.
    items : tuple of Node
        Of a list, as far as the form tells.
    is_block : bool
        Whether its items stand on lines of their own without brackets, as in YAML.
    is_call : bool
        Whether its keys are written as keywords of a Python call.
    prefix : str
        What a keyword begins with before the key.
    """

    start: int
    end: int
    entries: tuple[Entry, ...] | None = None
    items: tuple[Node, ...] = ()
    is_block: bool = False
    is_call: bool = False
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a form writes.

    Attributes
    ----------
    value : callable
        A value as text.
    quote : str
        What stands around a key, where no other key shows it.
    trailing_comma : bool
        Whether a comma may stand behind the last entry.
    """

    value: Callable[[Any], str]
    quote: str
    trailing_comma: bool


def edited(content: str, edits: Sequence[Edit]) -> str:
    """Return a text with edits made; those that remove may overlap."""
    merged: list[Edit] = []
    for edit in sorted(edits, key=lambda each: (each.start, each.end)):
        last = merged[-1] if merged else None
        if last is None or edit.start >= last.end:
            merged.append(edit)
        elif last.text or edit.text:
            raise NoEdit("two changes of one place")
        else:
            merged[-1] = Edit(last.start, max(last.end, edit.end), "")
    for edit in reversed(merged):
        content = content[: edit.start] + edit.text + content[edit.end :]
    return content


def in_file(excerpt: Excerpt, edits: Sequence[Edit]) -> Iterator[Edit]:
    """Yield edits of a text as edits of the file it stands in.

    Only what differs is changed, and written as the text around it is: within quotes
    a quote is escaped as the others are.
    """
    for start, end, text in edits:
        old = excerpt.text[start:end]
        same = _alike(old, text)
        tail = _alike(old[same:][::-1], text[same:][::-1])
        first, last = start + same, end - tail
        yield Edit(
            excerpt.offset(first),
            excerpt.ends[last - 1] if last > first else excerpt.offset(first),
            excerpt.spelled(text[same : len(text) - tail]),
        )


def _alike(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    return len(commonprefix([one, other]))  # noqa: RUF071 - characters are meant


def mappings(node: Node) -> Iterator[Node]:
    """Yield every mapping in a value, itself first."""
    if node.entries is not None:
        yield node
        for entry in node.entries:
            yield from mappings(entry.node)
    for item in node.items:
        yield from mappings(item)


class Level:
    """Makes the edits of one mapping and those in it.

    Parameters
    ----------
    content : str
        The text.
    style : Style
        How its form writes.
    renames : mapping of tuple of str to str
        Path of each renamed key to its new name.
    """

    def __init__(self, content: str, style: Style, renames: Mapping[Path, str]) -> None:
        self._content = content
        self._style = style
        self._renames = renames

    def edits(
        self,
        node: Node,
        old: Mapping[str, Any],
        new: Mapping[str, Any],
        path: Path = (),
    ) -> Iterator[Edit]:
        """Yield what makes one mapping of the text the other."""
        entries = node.entries or ()
        kept: list[Entry] = []
        found: set[str] = set()
        for entry in entries:
            name = self._name_in(new, (*path, entry.key), old)
            if name is None:
                continue
            kept.append(entry)
            found.add(name)
            if name != entry.key:
                yield self._renamed(entry, name, node)
            yield from self._value(
                entry, old.get(entry.key), new[name], (*path, entry.key)
            )
        yield from self._removed(entries, kept)
        added = [name for name in new if name not in found and name not in old]
        lost = [
            name
            for name in new
            if name not in found and name in old and old[name] != new[name]
        ]
        if lost:
            raise NoEdit(f"{', '.join(lost)} stands elsewhere")
        if added:
            yield self._inserted(node, kept, {name: new[name] for name in added})

    def _name_in(
        self, new: Mapping[str, Any], path: Path, old: Mapping[str, Any]
    ) -> str | None:
        """Return what a key is called afterwards; None where it is gone."""
        if path[-1] in new:
            return path[-1]
        name = self._renames.get(path)
        return name if name in new and name not in old else None

    def _renamed(self, entry: Entry, name: str, node: Node) -> Edit:
        text = self._content[entry.start : entry.key_end]
        quote = _quote(text)
        return Edit(entry.start, entry.key_end, f"{quote}{node.prefix}{name}{quote}")

    def _value(self, entry: Entry, old: Any, new: Any, path: Path) -> Iterator[Edit]:
        if old == new and type(old) is type(new):
            return
        node = entry.node
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            if node.entries is None:
                raise NoEdit(f"{'.'.join(path)} is made elsewhere")
            yield from self.edits(node, old, new, path)
            return
        text = self._content[node.start : node.end]
        yield Edit(node.start, node.end, self._written(new, text, node))

    def _written(self, value: Any, before: str, node: Node) -> str:
        """Return a value as text, a list as the one before it was written."""
        text = self._style.value(value)
        if not isinstance(value, list) or not value:
            return text
        items = [self._style.value(item) for item in value]
        if node.is_block:
            line = self._content.rfind("\n", 0, node.start) + 1
            between = "\n" + " " * (node.start - line)
            return between.join(f"- {item}" for item in items)
        multiline = re.match(r"([\[(])(\s*\n\s*)", before)
        if multiline:
            tail = re.search(r"(,?)(\s*)[\])]$", before)
            comma, end = (tail[1], tail[2]) if tail else ("", "")
            close = "]" if multiline[1] == "[" else ")"
            joined = f",{multiline[2]}".join(items)
            return f"{multiline[1]}{multiline[2]}{joined}{comma}{end}{close}"
        if before[:1] == "[" and "," in before and ", " not in before:
            return "[" + ",".join(items) + "]"
        return text

    def _removed(
        self, entries: Sequence[Entry], kept: Sequence[Entry]
    ) -> Iterator[Edit]:
        for index, entry in enumerate(entries):
            if entry in kept:
                continue
            start, end = self._whole_lines(entry)
            before = [each for each in entries[:index] if each in kept]
            # The last that stays loses the comma that parted it from those removed.
            ends = before and not any(each in kept for each in entries[index + 1 :])
            if start is not None:
                yield Edit(start, end, "")
                if ends and not self._style.trailing_comma:
                    at = before[-1].node.end
                    if comma := re.compile(r"\s*,").match(self._content, at):
                        yield Edit(comma.end() - 1, comma.end(), "")
            elif ends:
                yield Edit(before[-1].node.end, entry.node.end, "")
            elif index + 1 < len(entries):
                yield Edit(entry.start, entries[index + 1].start, "")
            else:
                comma = re.compile(r"\s*,?").match(self._content, entry.node.end)
                yield Edit(entry.start, comma.end() if comma else entry.node.end, "")

    def _whole_lines(self, entry: Entry) -> tuple[int | None, int]:
        """Return the lines of an entry that has them for itself, else None."""
        content = self._content
        start = content.rfind("\n", 0, entry.start) + 1
        rest = re.compile(r"[ \t]*,?[ \t]*(?:#.*)?(?:\n|$)").match(
            content, entry.node.end
        )
        if content[start : entry.start].strip() or rest is None:
            return None, 0
        return start, rest.end()

    def _inserted(
        self, node: Node, kept: Sequence[Entry], added: Mapping[str, Any]
    ) -> Edit:
        """Write new keys before the first that stays."""
        quote = self._style.quote
        if kept:
            quote = _quote(self._content[kept[0].start : kept[0].key_end])
        pairs = [
            f"{node.prefix}{name}={self._style.value(value)}"
            if node.is_call
            else f"{quote}{name}{quote}: {self._style.value(value)}"
            for name, value in added.items()
        ]
        if not kept:
            inner = self._content[node.start : node.end]
            if node.entries or inner.strip("{} \t") or node.is_block:
                raise NoEdit(f"no place for {', '.join(added)}")
            return Edit(node.start, node.end, "{" + ", ".join(pairs) + "}")
        first = kept[0]
        line = self._content.rfind("\n", 0, first.start) + 1
        before = self._content[line : first.start]
        comma = "" if node.is_block else ","
        on_own_line = not before.strip()
        between = f"{comma}\n{before}" if on_own_line else f"{comma} "
        if node.is_block and not on_own_line:
            between = f"\n{' ' * len(before)}"
        return Edit(
            first.start, first.start, "".join(f"{pair}{between}" for pair in pairs)
        )


def _quote(text: str) -> str:
    return text[:1] if text[:1] in ("'", '"') else ""
