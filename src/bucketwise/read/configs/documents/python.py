"""Python text -> the configurations it hands over. It is never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Document, Form, Path, Unknown
from bucketwise.nouns.traffic import Place
from bucketwise.nouns.vocabulary import Vocabulary
from bucketwise.read.configs.documents.literals import Literals
from bucketwise.read.configs.documents.names import (
    CONFIG_SUFFIX,
    Release,
    folder_config,
)
from bucketwise.read.configs.documents.options import Option, Options
from bucketwise.read.configs.documents.python_limits import limits_in
from bucketwise.read.configs.documents.python_syntax import (
    Code,
    dotted_name,
    is_config_class,
    names_in,
)
from bucketwise.read.configs.documents.serving import command_documents, served
from bucketwise.read.configs.documents.shell import Command, Given, Shell, may_start
from bucketwise.read.configs.documents.text import Text, few

IMPORTS = re.compile(
    r"^[ \t]*(?:import[ \t]+[\w.]+[ \t]*(?:$|,|as\b|\#)|from[ \t]+[\w.]+[ \t]+import\b)",
    re.MULTILINE,
)
"""What a Python text begins with."""

_MODEL_KEYWORDS = ("model", "model_id", "pretrained_model_name_or_path")
_RUNNERS = frozenset(
    {"run", "Popen", "call", "check_call", "check_output", "system", "execvp"}
)


def python_documents(code: Code, text: Text, release: Release) -> tuple[Document, ...]:
    """Return the configurations in Python, in the order they stand in."""
    trees = code.trees
    literals = Literals(names_in(trees), code.place_of, text.words)
    limits, notes = limits_in(trees, literals)
    literals.seen.clear()
    found: list[Document] = []
    unread: list[str] = []
    handed_over = few(_found(code, literals, text, release), text.name)
    for _, document in sorted(handed_over, key=itemgetter(0)):
        if document.form != "serve" and document.notes and not document.config:
            unread += document.notes
            continue
        found.append(
            replace(
                document,
                version=release.version,
                version_source=release.source,
                limits=document.limits or limits,
                notes=(*document.notes, *notes),
            )
        )
    if not found:
        if unread:
            raise ConfigError(*unread)
        return ()
    found[0] = replace(found[0], notes=(*found[0].notes, *unread))
    return tuple(_with_folder(document, found, text.words) for document in found)


def _with_folder(
    document: Document, beside: Sequence[Document], words: Vocabulary
) -> Document:
    """Return a document that loads with what its folder was compiled as, where told.

    The folder itself tells, or the one call of the text that compiles its class.
    """
    if document.form != "load":
        return document
    compiled = [
        other
        for other in beside
        if other.form == "compile" and other.class_name == document.class_name
    ]
    config = folder_config(document.model, words)
    if config is None and len(compiled) == 1 and document.class_name:
        config = compiled[0].config
    return replace(document, compiled_as=config)


def _found(
    code: Code, literals: Literals, text: Text, release: Release
) -> Iterator[tuple[int, Document]]:
    """Yield configurations, each with the line that hands it over."""
    nodes = [node for tree in code.trees for node in ast.walk(tree)]
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    for call in calls:
        if any(each.arg == text.words.server_keyword for each in call.keywords):
            options = _engine_options(call, literals, text.words)
            given = served(options, text, release)
        else:
            given = tuple(_called(call, literals, text))
        yield from ((call.lineno, document) for document in given)
        for command in _started(call, literals, code):
            found = command_documents(command, text, release)
            yield from ((call.lineno, document) for document in found)
    for node in nodes:
        yield from _assigned(node, literals, text)
    for call in calls:
        name = dotted_name(call.func).rpartition(".")[2]
        if is_config_class(name, text.words) and id(call) not in literals.seen:
            config, places = literals.read(call)
            yield call.lineno, _document(config, places, text, class_name=name)


def _started(call: ast.Call, literals: Literals, code: Code) -> Iterator[Command]:
    """Yield what a call has the system run: words in a list, or a line."""
    name = dotted_name(call.func).rpartition(".")[2]
    if name not in _RUNNERS or not call.args:
        return
    node = call.args[0]
    if (
        isinstance(node, ast.Call)
        and node.args
        and dotted_name(node.func)[-4:] == "join"
    ):
        node = node.args[0]
    at = code.starts[literals.origin(node).lineno - 1]
    value = literals.value(node)
    shell = Shell()
    if isinstance(value, str) and may_start(value, code.excerpt.file.words):
        yield from shell.commands(code.excerpt.saying(value, at, at))
    elif isinstance(value, list | tuple):
        words = [
            Given(
                code.excerpt.saying(str(each), at, at),
                (str(each),) if isinstance(each, Unknown) else (),
            )
            for each in value
        ]
        yield from shell.started(words)


def _assigned(
    node: ast.AST, literals: Literals, text: Text
) -> Iterator[tuple[int, Document]]:
    """Yield what a statement gives a name; what a call was given is that call's."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return
    own = text.words.keyword
    if not own or id(node.value) in literals.seen:
        return
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        name = dotted_name(target).rpartition(".")[2]
        if name.lower().endswith(own) and name[: -len(own)][-1:] in ("", "_"):
            config, places = literals.read(node.value)
            if isinstance(config, dict):
                yield node.lineno, _document(config, places, text)


def _called(call: ast.Call, literals: Literals, text: Text) -> Iterator[Document]:
    """Yield what a call is given: a configuration, and its single settings."""
    keywords, words = _keywords(call), text.words
    owner, _, method = dotted_name(call.func).rpartition(".")
    class_name = owner.rpartition(".")[2] if method == "from_pretrained" else ""
    class_name = class_name if class_name.startswith(words.class_prefix) else ""
    settings = {
        name.removeprefix(words.prefix): value
        for name, value in keywords.items()
        if class_name and words.prefix and name.startswith(words.prefix)
        if name != words.keyword
    }
    exports = literals.value(keywords["export"]) if "export" in keywords else None
    known = class_name in words.classes
    given = keywords.get(words.keyword)
    if not (given or settings or (known and exports is True)):
        return
    config: Any = {}
    family = ""
    places: dict[Path, Place] = {}
    if given:
        config, places = literals.read(given)
        family = words.family_of(_class_of(literals.origin(given), words))
        if config is None:
            config = {}
            if not settings and exports is not True:
                return
    places.setdefault((), literals.place(call))
    if isinstance(config, dict):
        for name, value in settings.items():
            # Single settings win (optimum-rbln 0.12.0, configuration_utils.py,
            # initialize_from_kwargs).
            setting, below = literals.read(value)
            config[name] = setting
            places |= {(name, *path): place for path, place in below.items()}
    document = _document(config, places, text, class_name=class_name)
    yield replace(
        document,
        # An automatic class tells no family; the class of its configuration does.
        family=document.family or family,
        form=_form(exports, config, words),
        model=_model(call, keywords, literals),
    )


def _document(
    config: Any, places: Mapping[Path, Place], text: Text, *, class_name: str = ""
) -> Document:
    class_name = class_name.removesuffix(CONFIG_SUFFIX)
    notes: tuple[str, ...] = ()
    if not isinstance(config, dict):
        said = repr(config)
        note = (
            f"{places.get((), text.name)}: {text.words.keyword}: expected a mapping written "
            f"out, got {said}, which only running it would tell"
        )
        notes = (note,)
    return Document(
        config=config if isinstance(config, dict) else {},
        form="compile",
        source=text.name,
        places=places,
        class_name=class_name,
        family=text.words.family_of(class_name),
        notes=notes,
    )


def _keywords(call: ast.Call) -> dict[str, ast.expr]:
    return {each.arg: each.value for each in call.keywords if each.arg}


def _class_of(node: ast.expr, words: Vocabulary) -> str:
    """Return the model's class from its configuration's, where one is called."""
    if not isinstance(node, ast.Call):
        return ""
    name = dotted_name(node.func).rpartition(".")[2]
    return name.removesuffix(CONFIG_SUFFIX) if is_config_class(name, words) else ""


def _form(exports: Any, config: Any, words: Vocabulary) -> Form:
    if exports is False:
        return "load"
    if exports is None and isinstance(config, dict) and config:
        return "load" if _is_at_load(config, words) else "compile"
    return "compile"


def _is_at_load(level: Mapping[str, Any], words: Vocabulary) -> bool:
    """Return whether a level holds nothing but what a compiled folder takes."""
    return all(
        _is_at_load(value, words)
        if isinstance(value, Mapping)
        else key in words.at_load
        for key, value in level.items()
    )


def _model(call: ast.Call, keywords: Mapping[str, ast.expr], literals: Literals) -> str:
    nodes = [*call.args[:1]]
    nodes += [keywords[name] for name in _MODEL_KEYWORDS if name in keywords]
    found = literals.value(nodes[0]) if nodes else ""
    return found if isinstance(found, str) else ""


def _engine_options(call: ast.Call, literals: Literals, words: Vocabulary) -> Options:
    """Return the keywords of vLLM's classes as the options of its command line."""
    keywords = _keywords(call)
    options = []
    for name, node in keywords.items():
        value, places = literals.read(node)
        if isinstance(value, Unknown) and name != words.server_keyword:
            continue
        if value is None or name == "model":
            continue
        options.append(
            Option(
                name=name.replace("_", "-"),
                value=value
                if isinstance(value, str | bool | dict | Unknown)
                else str(value),
                place=places[()],
                places=places,
            )
        )
    return Options(
        model=_model(call, keywords, literals),
        options=tuple(options),
        environment={},
        place=literals.place(call),
    )
