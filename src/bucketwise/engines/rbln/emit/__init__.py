"""A plan -> the text of every file an operator runs, one function a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bucketwise.core.plan import Plan
from bucketwise.engines.rbln.base_config import BaseConfig
from bucketwise.engines.rbln.emit.context import EmitContext, config_text
from bucketwise.engines.rbln.emit.python_scripts import compile_text, load_text
from bucketwise.engines.rbln.emit.serve_script import serve_text
from bucketwise.engines.rbln.model_classes import generates
from bucketwise.engines.rbln.targets import SDK, RblnTarget
from bucketwise.words.text import worded

__all__ = [
    "EMITTED",
    "EMITTERS",
    "EmitContext",
    "Emitter",
    "emit",
    "emitters_for",
    "place_of",
]

Emitter = Callable[[EmitContext], str]

EMITTERS: dict[str, Emitter] = {
    "rbln_config{unit}.json": config_text,
    "compile{unit}.py": compile_text,
    "load{unit}.py": load_text,
    "serve{unit}.sh": serve_text,
}
"""File name, with the {unit} of its lengths where it is not the usual -> its text."""

EMITTED = re.compile(
    rf"{SDK}-[\d.]+/(rbln_config|compile|load|serve)(\.[\w-]+)?\.(json|py|sh)"
    # As runs before there was a folder for each target named them.
    r"|(rbln_config|compile|load|serve)\.[\w.-]+\.(json|py|sh)"
)
"""Where these stand among the results."""


def place_of(pattern: str, context: EmitContext) -> str:
    """Return where a file stands among the results, such as optimum-rbln-0.12.0/load.py."""
    name = pattern.format(unit=context.unit_suffix)
    return f"{context.target.folder}/{name}"


def emitters_for(family: str) -> dict[str, Emitter]:
    """Return what is emitted for a family: nothing serves one that does not generate."""
    if generates(family):
        return EMITTERS
    return {name: text for name, text in EMITTERS.items() if text is not serve_text}


def emit(plan: Plan, base: BaseConfig, targets: Sequence[RblnTarget]) -> dict[str, str]:
    """Return every file for every dialect."""
    files = {}
    for target in targets:
        context = EmitContext.of(plan, base, target)
        for pattern, text in emitters_for(plan.model.family).items():
            files[place_of(pattern, context)] = worded(
                text(context), plan.model.family, unit=plan.visual.cost.unit
            )
    return files
