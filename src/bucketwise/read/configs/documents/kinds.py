"""A text -> its kind by name and content -> the commands, mappings and code in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.nouns.traffic import Place
from bucketwise.nouns.vocabulary import Vocabulary
from bucketwise.read.configs.documents.containers import (
    commands_in,
    dockerfile_commands,
    unit_commands,
)
from bucketwise.read.configs.documents.excerpt import (
    Excerpt,
    Scalar,
    aligned,
    joined,
    line_starts,
    with_holes,
)
from bucketwise.read.configs.documents.mapping import holds_settings, is_wrapped
from bucketwise.read.configs.documents.python import IMPORTS
from bucketwise.read.configs.documents.python_syntax import Code, code_of
from bucketwise.read.configs.documents.shell import Command, Shell, may_start
from bucketwise.read.configs.documents.shell_words import CMD, POWERSHELL, Dialect
from bucketwise.read.configs.documents.text import MAX_CONFIGURATIONS, few, refuse_long
from bucketwise.read.configs.documents.tree import Tree, json_tree
from bucketwise.read.configs.documents.yaml_tree import toml_tree, yaml_trees

PYTHON, SHELL = "python", "bash"

_FENCE = re.compile(
    r"^(?P<indent>[ \t>]*)(?:(?:[-*+]|\d+[.)])[ \t]+)?(?P<mark>(?P<char>[`~])(?P=char){2,})"
    r"[ \t]*(?P<info>[^\n`]*)\n"
    r"(?P<body>.*?)(?:^[ \t>]*(?P=mark)(?P=char)*[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_INDENTED = re.compile(
    r"(?:^(?:[ ]{2,}|\t)\S.*(?:\n|\Z)|(?<=\n)[ \t]*\n)+", re.MULTILINE
)
_PROMPT = r"(?:\$|>|PS[^>\n]*>)[ ](?=\S)"

_CELL_MAGIC = re.compile(r"\s*%%(?P<name>!|\w+)[ \t]*(?P<rest>.*)\n?")
_SHELL_MAGICS = frozenset({"bash", "sh", "script", "!"})
_MAGIC_LINE = re.compile(r"^([ \t]*)([%!?]+)((?:.*\\\n)*.*)$", re.MULTILINE)
_RETURNS = re.compile(r"\r(?=\n)")

Part = Command | Tree | Code
MAX_DEPTH = 3
"""Of files within files, such as a manifest in a block of Markdown."""

_JSON = re.compile(r"\s*(?:\{|\[\s*[\[{\"\d\]-])")
_TOML = re.compile(
    r"""^[ \t]*(?:\[{1,2}[^\[\]\n]+\]{1,2}[ \t]*(?:\#.*)?$|[\w."'-]+[ \t]*=)""",
    re.MULTILINE,
)
_KEY_FIRST = re.compile(r"(?:[ \t]*(?:#.*)?\n)*+[ \t]*(?:- )?[\w.\"'/-]+:(?:\s|$)")
_IMAGE = re.compile(r"(?:[ \t]*(?:(?:#|ARG\b).*)?\n)*+[ \t]*FROM[ \t]+\S+")
_UNIT = re.compile(r"^(?:ExecStart\w*|command)[ \t]*=", re.MULTILINE)
_PYTHON = frozenset({"python", "python3", "py", "ipython"})
"""Cells of these languages share their names."""
_COMMAND_IS_RIGHT = "{words.commands}"
_CALL_IS_RIGHT = "from_pretrained({words.keyword}=...)"
EVERYTHING_IS_RIGHT = (
    f"settings of {{words.sdk}} as JSON, YAML or TOML, Python that calls {_CALL_IS_RIGHT}, "
    f"a command with {_COMMAND_IS_RIGHT}, a plan.json or lengths such as 1024,4096"
)
_SETTINGS_ARE_RIGHT = (
    "settings of {words.sdk}, options of vLLM, or a command that starts "
    + _COMMAND_IS_RIGHT
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of a text that is of one kind.

    Attributes
    ----------
    kind : str
        A language or a file name; "" where nothing tells.
    excerpt : Excerpt
        What it says.
    """

    kind: str
    excerpt: Excerpt


def has_fences(text: str) -> bool:
    """Return whether a text has blocks of code as Markdown fences them."""
    return _FENCE.search(text) is not None


def markdown_cells(excerpt: Excerpt) -> Iterator[Cell]:
    """Yield the blocks of code of Markdown: fenced ones, else those that are indented."""
    text = excerpt.text
    for match in _FENCE.finditer(text):
        info = re.search(r"\w+", match["info"])
        body = excerpt[match.start("body") : match.end("body")]
        width = match.start("mark") - match.start()
        yield Cell(info[0].lower() if info else "", _dedented(body, width))
    if not has_fences(text):
        for match in _INDENTED.finditer(text):
            block = excerpt[match.start() : match.end()]
            width = len(match[0].lstrip("\n")) - len(match[0].lstrip())
            yield Cell("", _dedented(block, width))


def _dedented(block: Excerpt, width: int) -> Excerpt:
    pattern = rf"^(?:[ \t]*>[ ]?)?[ \t]{{0,{width}}}(?:{_PROMPT})?"
    return block.without(re.compile(pattern, re.MULTILINE)).in_lines()


def is_notebook(value: object) -> bool:
    """Return whether a JSON value is a notebook."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("cells"), list)
        and "nbformat" in value
    )


def notebook_cells(tree: Tree, name: str) -> Iterator[Cell]:
    """Yield the code of a notebook; places name the cell, and the line within it."""
    numbered = dict(_code_cells(tree))
    starts: list[int] = []
    places: list[Place] = []
    for number, code in numbered.items():
        for line, start in enumerate(line_starts(code.text), start=1):
            starts.append(code.offset(start))
            places.append(Place(source=f"{name}[cell {number}]", line=line))
    for code in numbered.values():
        file = replace(code.file, starts=starts, place_of=places.__getitem__)
        yield from _parts(replace(code, file=file))


def _code_cells(tree: Tree) -> Iterator[tuple[int, Excerpt]]:
    """Yield the number and the text of each code cell."""
    if tree.excerpt is None:
        return
    for number, cell in enumerate(tree.value["cells"], start=1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source: Any = cell.get("source")
        lines = source if isinstance(source, list) else [source]
        texts = [
            aligned(line, tree.excerpt) for line in lines if isinstance(line, Scalar)
        ]
        if texts:
            yield number, joined(texts, texts[0]).without(_RETURNS).in_lines()


def _parts(code: Excerpt) -> Iterator[Cell]:
    """Yield what a cell is made of: Python, shell, or a file that it writes."""
    magic = _CELL_MAGIC.match(code.text)
    if magic:
        kind = SHELL if magic["name"] in _SHELL_MAGICS else ""
        if magic["name"] == "writefile":
            kind = magic["rest"].split()[-1] if magic["rest"].split() else ""
        if kind:
            yield Cell(kind, code[magic.end() :])
        return
    for match in _MAGIC_LINE.finditer(code.text):
        yield Cell(SHELL, code[match.start(3) : match.end(3)])
    # A lone 0 does nothing, whatever the line for the notebook was as long as.
    idle = _MAGIC_LINE.sub(
        lambda line: line[1] + "0" + re.sub(r"[^\n]", " ", line[2][1:] + line[3]),
        code.text,
    )
    yield Cell(PYTHON, code.as_long(idle))


@dataclass(slots=True)
class Parts:
    """What may hold configurations in a text.

    Attributes
    ----------
    found : list of Command, Tree or Code
        In their order.
    problems : list of str
        What of it could not be read.
    said : list of Excerpt
        Its own words, where there are others in the file, as in a notebook.
    """

    found: list[Part] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    said: list[Excerpt] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of text.

    Attributes
    ----------
    name : str
        In words.
    names : pattern
        Names of its files, and languages of blocks, in lower case.
    looks : callable
        Whether a text may be of this kind, for an engine's words.
    reader : callable
        What is in it, where it stands so deep in other texts.
    right : str
        What it may hold that is a configuration, with places for an engine's words.
    is_data : bool
        Whether a name may say one such kind, and the content be another.
    """

    name: str
    names: re.Pattern[str]
    looks: Callable[[str, Vocabulary], bool]
    reader: Callable[[Excerpt, int], Parts]
    right: str
    is_data: bool = False

    def read(self, excerpt: Excerpt, depth: int = 0) -> Parts:
        """Return what is in a text of this kind; all but JSON may not be long."""
        if self.reader is not _json:
            refuse_long(excerpt.text, excerpt.name)
        return self.reader(excerpt, depth)


def kinds_of(content: str, name: str, words: Vocabulary) -> list[Kind]:
    """Return the kinds a text may be of, the likeliest first."""
    named = kind_named(name)
    if named is None and _KEY_FIRST.match(content):
        # Read line by line, what starts a command would lose its other lines.
        named = kind_named("yaml")
    others = (
        kind
        for kind in KINDS
        if kind is not named
        and (kind.is_data or not named)
        and kind.looks(content, words)
    )
    first = [named] if named else []
    return [*first, *others] if content.strip() else []


def kind_named(name: str) -> Kind | None:
    """Return the kind that a name tells; None for none."""
    return next((kind for kind in KINDS if kind.names.fullmatch(name.lower())), None)


def _json(excerpt: Excerpt, depth: int) -> Parts:
    tree = json_tree(excerpt, excerpt.name)
    if not is_notebook(tree.value):
        return Parts(list(_of_tree(tree, excerpt, depth)))
    cells = list(notebook_cells(tree, excerpt.name))
    parts = _of_cells(cells, excerpt.name, depth)
    parts.said = [cell.excerpt for cell in cells]
    return parts


def _yaml(excerpt: Excerpt, depth: int) -> Parts:
    trees = yaml_trees(with_holes(excerpt), excerpt.name)
    found = [part for tree in trees for part in _of_tree(tree, excerpt, depth)]
    if any(isinstance(part, Command) for part in found):
        # Beside commands stand manifests of all sorts.
        found = [each for each in found if _is_ours(each, excerpt)]
    return Parts(found)


def _toml(excerpt: Excerpt, depth: int) -> Parts:
    tree = toml_tree(excerpt, excerpt.name)
    return Parts(list(_of_tree(tree, excerpt, depth)))


def _of_tree(tree: Tree, excerpt: Excerpt, depth: int) -> Iterator[Part]:
    """Yield the commands of a tree, or the tree itself as a configuration."""
    commands: list[Part] = []
    if not is_wrapped(tree.value, excerpt.file.words):
        reads = partial(_embedded, depth=depth + 1)
        commands = list(few(commands_in(tree, excerpt, reads), excerpt.name))
    if commands or isinstance(tree.value, dict):
        yield from commands or [tree]


def _embedded(excerpt: Excerpt, name: str, depth: int) -> Iterator[Part]:
    """Yield what a file within another holds."""
    likely = kinds_of(excerpt.text, name, excerpt.file.words)
    for kind in likely[:1] if depth <= MAX_DEPTH else []:
        for part in kind.read(excerpt, depth).found:
            if _is_ours(part, excerpt):
                yield part


def _is_ours(part: Part, excerpt: Excerpt) -> bool:
    return not isinstance(part, Tree) or holds_settings(part.value, excerpt.file.words)


def _python(excerpt: Excerpt, _depth: int) -> Parts:
    code, problems = code_of([excerpt])
    if problems:
        raise ConfigError(*problems)
    return Parts([code] if code else [])


def _shell(excerpt: Excerpt, depth: int, dialect: Dialect | None = None) -> Parts:
    shell = Shell()
    commands = shell.commands(with_holes(excerpt), dialect)
    found: list[Part] = list(few(commands, excerpt.name))
    for body in shell.bodies[:MAX_CONFIGURATIONS]:
        found += _embedded(body, "", depth + 1)
    return Parts(found)


def _dockerfile(excerpt: Excerpt, _depth: int) -> Parts:
    return Parts(list(few(dockerfile_commands(with_holes(excerpt)), excerpt.name)))


def _unit(excerpt: Excerpt, _depth: int) -> Parts:
    return Parts(list(few(unit_commands(with_holes(excerpt)), excerpt.name)))


def _markdown(excerpt: Excerpt, depth: int) -> Parts:
    cells = [
        cell
        for cell in markdown_cells(excerpt)
        if cell.kind not in _PYTHON
        or excerpt.file.words.mentions.search(cell.excerpt.text)
        # Blocks of Python may leave things out.
        or code_of([cell.excerpt])[0] is not None
    ]
    return _of_cells(cells, excerpt.name, depth)


def _of_cells(cells: list[Cell], name: str, depth: int) -> Parts:
    """Return what cells hold: those of Python together, each other one by itself."""
    parts = Parts()
    python = [cell.excerpt for cell in cells if cell.kind in _PYTHON]
    refuse_long("".join(each.text for each in python), name)
    code, parts.problems = code_of(python)
    if code:
        parts.found.append(code)
    for cell in cells:
        if cell.kind in _PYTHON:
            continue
        try:
            parts.found += _embedded(cell.excerpt, cell.kind, depth + 1)
        except ConfigError as error:
            parts.problems += error.problems
    return parts


def _first(text: str) -> str:
    return text.lstrip()[:1]


KINDS: tuple[Kind, ...] = (
    Kind("JSON file", re.compile(r".*\.(?:jsonc?|ipynb)|jsonc?"),
         lambda text, _: _JSON.match(text) is not None, _json,
         f"{_SETTINGS_ARE_RIGHT}, or a notebook with those", is_data=True),
    Kind("Dockerfile",
         re.compile(r"(?:docker|container)file.*|.*\.(?:docker|container)file|docker"),
         lambda text, _: _IMAGE.match(text) is not None, _dockerfile,
         f"ENTRYPOINT, CMD or RUN with {_COMMAND_IS_RIGHT}"),
    Kind("Markdown text", re.compile(r".*\.(?:md|markdown|mdx|rst|qmd)|md|markdown"),
         lambda text, words: not (IMPORTS.match(text.lstrip())
                                  or words.hints.match(text.lstrip()))
         and has_fences(text),
         _markdown, f"a block of code with {{words.keyword}}, {_COMMAND_IS_RIGHT}"),
    Kind("Python file", re.compile(rf".*\.py|{'|'.join(_PYTHON)}"),
         lambda text, words: _first(text) != "{" and bool(IMPORTS.search(text)
                                                         or words.hints.search(text)),
         _python, f"{_CALL_IS_RIGHT}, a class of vLLM with "
         "{words.server_keyword}, or "
         f"subprocess.run with {_COMMAND_IS_RIGHT}", is_data=True),
    Kind("unit", re.compile(r".*\.(?:service|ini|cfg|conf)|ini|systemd|conf"),
         lambda text, _: _UNIT.search(text) is not None and "[" in text,
         _unit, f"ExecStart or command with {_COMMAND_IS_RIGHT}"),
    Kind("YAML file", re.compile(r".*\.ya?ml|ya?ml"),
         lambda text, _: text.lstrip()[:3] == "---" or _KEY_FIRST.match(text) is not None,
         _yaml, _SETTINGS_ARE_RIGHT, is_data=True),
    Kind("script",
         re.compile(r".*\.(?:sh|bash|zsh|ksh|sbatch|mk|env)|(?:make|proc|just)file"
                r"|sh|bash|shell|zsh|console|terminal|shell-session|make"),
         lambda text, words: _first(text) != "{" and may_start(text, words),
         _shell, _COMMAND_IS_RIGHT),
    Kind("PowerShell script", re.compile(r".*\.psm?1|powershell|pwsh|ps1?"),
         lambda _, __: False, partial(_shell, dialect=POWERSHELL), _COMMAND_IS_RIGHT),
    Kind("batch file", re.compile(r".*\.(?:bat|cmd)|bat|cmd|batch|dos"), lambda _, __: False,
         partial(_shell, dialect=CMD), _COMMAND_IS_RIGHT),
    Kind("TOML file", re.compile(r".*\.toml|toml"),
         lambda text, _: _first(text) != "{" and _TOML.search(text) is not None, _toml,
         _SETTINGS_ARE_RIGHT, is_data=True),
    Kind("text", re.compile(r"(?!)"), lambda text, _: _first(text) not in ("{", ""), _yaml,
         EVERYTHING_IS_RIGHT),
)  # fmt: skip
"""Every kind, in the order they are tried where no name tells."""
