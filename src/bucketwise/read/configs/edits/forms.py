"""JSON and YAML texts -> where every mapping in them stands."""

from __future__ import annotations

import json
import re
from typing import Any

import tomlkit
import yaml

from bucketwise.read.configs.edits.nodes import Entry, Node, Style

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]|[^\s\[\]{},:"]+')

JSON = Style(
    value=lambda value: json.dumps(value, ensure_ascii=False),
    quote='"',
    trailing_comma=False,
)
YAML = Style(value=JSON.value, quote="", trailing_comma=True)


def json_roots(content: str) -> tuple[Node, ...]:
    """Return the value of a text that is known to be JSON."""
    tokens = list(_TOKEN.finditer(content))
    node, _ = _json_value(tokens, 0)
    return (node,)


def _json_value(tokens: list[re.Match[str]], at: int) -> tuple[Node, int]:
    """Return the value that begins at a token, and the token after it."""
    first = tokens[at]
    if first[0] not in "{[":
        return Node(first.start(), first.end()), at + 1
    entries: list[Entry] = []
    items: list[Node] = []
    at += 1
    while tokens[at][0] not in "}]":
        if tokens[at][0] == ",":
            at += 1
            continue
        key = tokens[at]
        if first[0] == "{":
            at += 2
        node, at = _json_value(tokens, at)
        if first[0] == "{":
            entries.append(Entry(json.loads(key[0]), key.start(), key.end(), node))
        else:
            items.append(node)
    end = tokens[at].end()
    if first[0] == "[":
        return Node(first.start(), end, items=tuple(items)), at + 1
    return Node(first.start(), end, tuple(entries)), at + 1


def yaml_roots(content: str) -> tuple[Node, ...]:
    """Return the documents of a text that is known to be YAML."""
    # The reader in Python: marks of libyaml count bytes.
    documents = yaml.compose_all(content, Loader=yaml.SafeLoader)
    return tuple(_yaml_node(document, content) for document in documents)


def _yaml_node(node: Any, content: str) -> Node:
    start, end = node.start_mark.index, node.end_mark.index
    block = not getattr(node, "flow_style", True)
    if isinstance(node, yaml.MappingNode):
        entries = tuple(
            Entry(
                key.value,
                key.start_mark.index,
                key.end_mark.index,
                _yaml_node(value, content),
            )
            for key, value in node.value
            if isinstance(key, yaml.ScalarNode)
        )
        if block and entries:
            end = entries[-1].node.end
        return Node(start, end, entries, is_block=block)
    if isinstance(node, yaml.SequenceNode) and block and node.value:
        end = _yaml_node(node.value[-1], content).end
    return Node(start, end, is_block=block and isinstance(node, yaml.SequenceNode))


def toml_edited(content: str, old: Any, new: Any, renames: Any) -> list[str]:
    """Return the text changed at each table that has the keys of a configuration."""
    n_tables = len(_tables(tomlkit.parse(content), set(old)))
    found = []
    for index in range(n_tables):
        document = tomlkit.parse(content)
        _change(_tables(document, set(old))[index], old, new, renames, ())
        found.append(tomlkit.dumps(document))
    return found


def _tables(level: Any, keys: set[str]) -> list[Any]:
    own = [level] if set(level) == keys else []
    inner = [each for each in level.values() if isinstance(each, dict)]
    return own + [table for each in inner for table in _tables(each, keys)]


def _change(table: Any, old: Any, new: Any, renames: Any, path: Any) -> None:
    taken = set()
    for key in list(old):
        name = key if key in new else renames.get((*path, key))
        if name not in new or (name != key and name in old):
            del table[key]
            continue
        if name != key:
            table[name] = table.pop(key)
        taken.add(name)
        if isinstance(old[key], dict) and isinstance(new[name], dict):
            _change(table[name], old[key], new[name], renames, (*path, key))
        else:
            _replace(table, name, old[key], new[name])
    for name in [name for name in new if name not in taken]:
        table[name] = new[name]


def _replace(table: Any, name: str, old: Any, new: Any) -> None:
    """Set a value; a list over several lines keeps its lines."""
    if old == new and type(old) is type(new):
        return
    found = table[name]
    if not (isinstance(new, list) and new and "\n" in found.as_string()):
        table[name] = new
        return
    for index, item in enumerate(new):
        if index == len(found):
            found.append(item)
        elif found[index] != item:
            found[index] = item
    while len(found) > len(new):
        del found[-1]
