"""JSON, YAML, TOML and Python texts, and options of a command -> where their settings stand."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit
import yaml

from bucketwise.nouns.document import Document, Path
from bucketwise.nouns.traffic import Place
from bucketwise.read.configs.documents.excerpt import Excerpt
from bucketwise.read.configs.documents.literals import Literals
from bucketwise.read.configs.documents.options import (
    Pair,
    compiler_pairs,
    server_pairs,
    settings_in,
)
from bucketwise.read.configs.documents.python_syntax import Code, names_in
from bucketwise.read.configs.documents.shell import SERVER, Command
from bucketwise.read.configs.edits.nodes import (
    Edit,
    Entry,
    Node,
    NoEdit,
    Style,
    in_file,
)

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]|[^\s\[\]{},:"]+')

JSON = Style(
    value=lambda value: json.dumps(value, ensure_ascii=False),
    quote='"',
    trailing_comma=False,
)
YAML = Style(value=JSON.value, quote="", trailing_comma=True)

PYTHON = Style(value=repr, quote='"', trailing_comma=True)

_BEFORE = re.compile(r"(?:\s|[\\`^]\n)+--\Z")


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


def python_roots(code: Code, keys: set[str]) -> Iterator[Node]:
    """Yield every mapping of Python that has these keys alone, names followed."""
    trees = code.trees
    spans = _Spans(code)
    words = code.excerpt.file.words
    literals = Literals(names_in(trees), lambda _: Place(source="", line=1), words)
    nodes = [node for tree in trees for node in ast.walk(tree)]
    for node in nodes:
        if isinstance(node, ast.Dict | ast.Call):
            value, _ = literals.read(node)
            if isinstance(value, dict) and keys >= set(value):
                root = spans.node(literals.nodes, ())
                yield from (each for each in (root,) if each.entries is not None)
    for node in nodes:
        if isinstance(node, ast.Call) and (settings := spans.settings(node, literals)):
            yield settings


class _Spans:
    """Turns nodes of a syntax tree into places of a text.

    Parameters
    ----------
    code : Code
        The text.
    """

    def __init__(self, code: Code) -> None:
        self._lines = code.excerpt.text.split("\n")
        self._starts = code.starts
        self._words = code.excerpt.file.words

    def node(self, nodes: Mapping[Path, ast.expr], path: Path) -> Node:
        """Return a value and, of a mapping, its own entries."""
        found = nodes[path]
        start, end = self._span(found)
        keyed = [
            (key, at, (*path, key))
            for key, at in self._keys(found)
            if (*path, key) in nodes
        ]
        if not isinstance(found, ast.Dict | ast.Call):
            return Node(start, end)
        entries = tuple(
            Entry(key, *at, self.node(nodes, below)) for key, at, below in keyed
        )
        is_call = isinstance(found, ast.Call)
        return Node(start, end, entries, is_call=is_call)

    def settings(self, call: ast.Call, literals: Literals) -> Node | None:
        """Return the single settings of a call: rbln_batch_size=8 and the like."""
        entries, prefix = [], self._words.prefix
        for keyword in call.keywords if prefix else ():
            name = keyword.arg or ""
            if not name.startswith(prefix) or name == self._words.keyword:
                continue
            literals.read(keyword.value)
            start = self._at(keyword.lineno, keyword.col_offset)
            value = self.node(dict(literals.nodes), ())
            key = name.removeprefix(prefix)
            entries.append(Entry(key, start, start + len(name), value))
        if not entries:
            return None
        start, end = self._span(call)
        return Node(start, end, tuple(entries), is_call=True, prefix=prefix)

    def _keys(self, node: ast.expr) -> Iterator[tuple[str, tuple[int, int]]]:
        if isinstance(node, ast.Dict):
            for key in node.keys:
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, self._span(key)
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg:
                    start = self._at(keyword.lineno, keyword.col_offset)
                    yield keyword.arg, (start, start + len(keyword.arg))

    def _span(self, node: ast.expr) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or 1, node.end_col_offset or 0
        return (self._at(node.lineno, node.col_offset), self._at(end_line, end_column))

    def _at(self, line: int, column: int) -> int:
        """Return the position of a column, which the tree counts in bytes."""
        before = self._lines[line - 1].encode()[:column]
        return self._starts[line - 1] + len(before.decode(errors="ignore"))


def option_edits(
    command: Command,
    document: Document,
    new: Mapping[str, Any],
    renames: Mapping[Path, str],
) -> list[Edit]:
    """Return the edits of a file that make settings of a command others."""
    settings = dict(_settings(command, document))
    compiler = command.at.file.words.compiler
    if command.program != SERVER and compiler.serves:
        return [*_server_edits(settings, document.config, new, renames)]
    if not settings:
        raise NoEdit("no option gives one of its settings alone")
    old, left = dict(_leaves(document.config)), dict(_leaves(new))
    edits: list[Edit] = []
    for path, pair in settings.items():
        names = [renames.get(path[: at + 1], key) for at, key in enumerate(path)]
        target = tuple(names)
        if target not in left:
            edits.append(_removed(pair))
            continue
        value = left.pop(target)
        if target != path:
            edits += _renamed(pair, path, target)
        if value != old.get(path):
            edits += _set_to(pair, value)
    last_path, last = list(settings.items())[-1]
    stem = last.name.text[: -len(".".join(last_path))]
    added = "".join(
        f" --{stem}{'.'.join(_typed(last, path))} {_text(value, '')}"
        for path, value in left.items()
        # What a command adds of itself stands nowhere.
        if path not in old or value != old[path]
    )
    return [*edits, Edit(_end(last), _end(last), added)]


def _server_edits(
    settings: Mapping[Path, Pair],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    renames: Mapping[Path, str],
) -> Iterator[Edit]:
    """Yield the edits of options that are one word each; others nobody can place."""
    placed = {renames.get(path, path[0]): pair for path, pair in settings.items()}
    for path, pair in settings.items():
        name = renames.get(path, path[0])
        value = new.get(name)
        if name not in new:
            yield _removed(pair)
            continue
        if name != path[0]:
            yield from _renamed(pair, path, (name,))
        if value != old[path[0]]:
            yield from _words_set_to(pair, value)
    if any(old.get(key) != value for key, value in new.items() if key not in placed):
        raise NoEdit("what changes stands in no option of the line")


def _words_set_to(pair: Pair, value: Any) -> Iterator[Edit]:
    """Yield the edit that makes the words behind an option others."""
    if pair.told is None or pair.last is None:
        if isinstance(value, (list, Mapping)):
            raise NoEdit(f"--{pair.name.text} is no list of words")
        yield from _set_to(pair, value)
        return
    first, last = pair.told.excerpt, pair.last.excerpt
    start, end = first.offset(0), last.offset(len(last.text))
    written = ", ".join(first.file.content[start:end].split())
    if not isinstance(value, list) or f"[{written}]" != first.text:
        raise NoEdit(f"--{pair.name.text} is not written as words of a line")
    yield Edit(start, end, " ".join(map(str, value)))


def values_of(command: Command) -> Iterator[Excerpt]:
    """Yield the value of every option of a command."""
    if command.program == SERVER:
        _, pairs = server_pairs(command.words)
    else:
        pairs = compiler_pairs(command.words, command.at.file.words.compiler)
    yield from (pair.told.excerpt for pair in pairs if pair.told)


def _settings(command: Command, document: Document) -> Iterator[tuple[Path, Pair]]:
    """Yield the path of each setting, and the option that gives it; the last one counts."""
    if command.program != SERVER:
        compiler = command.at.file.words.compiler
        own = compiler_pairs(command.words, compiler)
        for pair, keys in settings_in(own, compiler):
            yield tuple(keys), pair
        return
    channel = document.serve.channel if document.serve else ""
    before = channel.removeprefix("--").split()
    for pair in server_pairs(command.words)[1]:
        first, *rest = pair.keys
        keys = [first.replace("_", "-"), *rest]
        size = len(before)
        if before and keys[:size] == before and len(keys) > size:
            yield tuple(keys[size:]), pair


def _leaves(level: Mapping[str, Any], before: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, value in level.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*before, key))
        else:
            yield (*before, key), value


def _typed(pair: Pair, path: Path) -> list[str]:
    """Return keys with dashes where the option is written so."""
    dashes = "-" in pair.name.text.split(".")[-1]
    return [key.replace("_", "-") if dashes else key for key in path]


def _renamed(pair: Pair, path: Path, target: Path) -> Iterator[Edit]:
    size = len(".".join(path))
    start = len(pair.name.text) - size
    name = ".".join(_typed(pair, target))
    yield from in_file(pair.name, [Edit(start, start + size, name)])


def _set_to(pair: Pair, value: Any) -> Iterator[Edit]:
    if pair.told is None:
        end = pair.name.ends[-1]
        yield Edit(end, end, f" {_text(value, '')}")
        return
    text = pair.told.text
    edit = Edit(0, len(text), _text(value, text))
    yield from in_file(pair.told.excerpt, [edit])


def _text(value: Any, before: str) -> str:
    """Return a value as an option takes it, a list as the one before it was written."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and before[:1] != "[" and "," in before:
        return ",".join(json.dumps(item) for item in value)
    return json.dumps(value, separators=(",", ":"))


def _removed(pair: Pair) -> Edit:
    start = pair.name.offset(0)
    before = _BEFORE.search(pair.name.file.content, 0, start)
    if before is None:
        raise NoEdit(f"--{pair.name.text} stands with others in one word")
    return Edit(before.start(), _end(pair), "")


def _end(pair: Pair) -> int:
    """Return where an option ends, the quote behind its value too."""
    excerpt = pair.told.excerpt if pair.told else pair.name
    start, end = excerpt.offset(0), excerpt.offset(len(excerpt.text))
    content = excerpt.file.content
    quoted = content[start - 1 : start] == content[end : end + 1] != ""
    return end + 1 if quoted and content[end] in "'\"" else end
