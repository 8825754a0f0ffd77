"""Configurations wherever they are written: files, folders, scripts, notebooks, lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.lint.subject import Document
from bucketwise.sources.configs.documents.json_tree import json_tree
from bucketwise.sources.configs.documents.lengths import (
    documents_of_plan,
    is_plan,
    limits_of_plan_beside,
    list_documents,
    plan_documents,
)
from bucketwise.sources.configs.documents.mapping import mapping_documents
from bucketwise.sources.configs.documents.notebook import (
    is_notebook,
    notebook_documents,
)
from bucketwise.sources.configs.documents.python import HINTS, python_documents
from bucketwise.sources.configs.documents.shell import SERVES, shell_documents
from bucketwise.sources.configs.documents.text import (
    LIST,
    Text,
    few,
    read_text,
    refuse_long,
)
from bucketwise.sources.configs.documents.toml_tree import toml_tree
from bucketwise.sources.configs.documents.tree import Tree, refuse_odd_values
from bucketwise.sources.configs.documents.yaml_tree import yaml_trees
from bucketwise.sources.configs.model_folder import saved_image_limits
from bucketwise.today import GivenLimits

__all__ = ["documents_of", "documents_of_plan", "mapping_document", "read_documents"]

_JSON = re.compile(r"\s*(?:\{|\[\s*[\[{\"\d\]-])")
_TOML = re.compile(
    r"""^[ \t]*(?:\[{1,2}[^\[\]\n]+\]{1,2}[ \t]*(?:\#.*)?$|[\w."'-]+[ \t]*=)""",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write configurations.

    Attributes
    ----------
    name : str
        In words.
    looks : callable
        Whether a text may be of this form.
    read : callable
        The configurations in it, () for none.
    """

    name: str
    looks: Callable[[Text], bool]
    read: Callable[[Text], tuple[Document, ...]]


def read_documents(source: str | Path) -> tuple[Document, ...]:
    """Return the configurations that a CONFIG holds; nothing in it is ever run.

    Parameters
    ----------
    source : str or Path
        A JSON, YAML or TOML file, a compiled folder, a Python file, a notebook, a shell
        script, a plan.json or its folder, a list of lengths, "-" for standard input, or
        such a text itself; recognised by content.

    Returns
    -------
    tuple of Document
        One at least.

    Raises
    ------
    ConfigError
        When it cannot be read, or holds none.
    """
    return documents_of(read_text(source))


def documents_of(text: Text) -> tuple[Document, ...]:
    """Return the configurations that a text holds; see `read_documents`."""
    problems: tuple[str, ...] = ()
    understood = False
    for form in FORMS:
        if not form.looks(text):
            continue
        try:
            documents = form.read(text)
        except ConfigError as error:
            # What one form refuses may be another; what one form has understood is
            # no fault that another finds.
            problems = problems or (() if understood else error.problems)
            continue
        if documents:
            return tuple(
                replace(
                    _with_processor(document, text), path=text.path, position=position
                )
                for position, document in enumerate(documents)
            )
        understood = True
    if problems:
        raise ConfigError(*problems)
    message = (
        f"{text.name}: no configuration found; settings of optimum-rbln as JSON, YAML or "
        "TOML, Python that calls from_pretrained(rbln_config=...), a vllm serve line, a "
        "plan.json or lengths such as 1024,4096 is right"
    )
    raise ConfigError(message)


def mapping_document(config: Mapping[str, Any]) -> Document:
    """Return a configuration that is at hand as a value.

    Parameters
    ----------
    config : mapping
        As `rbln_config` takes it, or as a compiled folder holds it.

    Raises
    ------
    ConfigError
        When it holds what JSON cannot say.
    """
    text = Text(name="rbln_config", content="")
    plain = dict(config)
    refuse_odd_values(plain, text.name)
    [document] = mapping_documents(Tree(plain, {}), text)
    return document


def _with_processor(document: Document, text: Text) -> Document:
    """Return a configuration with the limits of the processor that is saved beside it.

    That of the compiled folder it stands in, or of the folder that it loads or serves.
    """
    limits, notes = saved_image_limits(text.folder or document.model)
    if limits is None:
        found = limits_of_plan_beside(document, text) if not document.limits else ()
        return replace(
            document, limits=document.limits + found, notes=(*document.notes, *notes)
        )
    saved = GivenLimits(
        min_pixels=limits.min_pixels,
        max_pixels=limits.max_pixels,
        source=limits.source,
    )
    return replace(document, limits=(*document.limits, saved))


def _json(text: Text) -> tuple[Document, ...]:
    tree = json_tree(text.content, text.name)
    if is_notebook(tree.value):
        return notebook_documents(tree.value, text)
    return mapping_documents(tree, text)


def _toml(text: Text) -> tuple[Document, ...]:
    refuse_long(text.content, text.name)
    return mapping_documents(toml_tree(text.content, text.name), text)


def _yaml(text: Text) -> tuple[Document, ...]:
    refuse_long(text.content, text.name)
    found = (
        document
        for tree in yaml_trees(text.content, text.name)
        for document in mapping_documents(tree, text)
    )
    return few(found, text.name)


def _first(text: Text) -> str:
    return text.content.lstrip()[:1]


FORMS: tuple[Form, ...] = (
    Form(
        "a list", lambda text: LIST.fullmatch(text.content) is not None, list_documents
    ),
    Form("a plan", lambda text: is_plan(text.content), plan_documents),
    Form("JSON", lambda text: _JSON.match(text.content) is not None, _json),
    Form(
        "Python",
        lambda text: _first(text) != "{" and HINTS.search(text.content) is not None,
        python_documents,
    ),
    Form(
        "shell",
        lambda text: _first(text) != "{" and SERVES.search(text.content) is not None,
        shell_documents,
    ),
    Form(
        "TOML",
        lambda text: _first(text) != "{" and _TOML.search(text.content) is not None,
        _toml,
    ),
    Form("YAML", lambda text: _first(text) not in ("{", ""), _yaml),
)
"""Every form, in the order they are tried."""
