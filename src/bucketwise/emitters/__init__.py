"""A plan -> the text of every file an operator runs, one function a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bucketwise.emitters.compile_script import compile_text
from bucketwise.emitters.config_json import config_text
from bucketwise.emitters.context import EmitContext
from bucketwise.emitters.load_script import load_text
from bucketwise.emitters.serve_script import serve_text
from bucketwise.plan import Plan
from bucketwise.rbln.base_config import BaseConfig
from bucketwise.rbln.targets import Target
from bucketwise.wording import worded

__all__ = ["EMITTERS", "EmitContext", "Emitter", "emit"]

Emitter = Callable[[EmitContext], str]

EMITTERS: dict[str, Emitter] = {
    "rbln_config.optimum-{version}{unit}.json": config_text,
    "compile.optimum-{version}{unit}.py": compile_text,
    "load.optimum-{version}{unit}.py": load_text,
    "serve.vllm-rbln-{version}{unit}.sh": serve_text,
}
"""File name, with {version} of the dialect and {unit} of its lengths -> its text."""


def emit(plan: Plan, base: BaseConfig, targets: Sequence[Target]) -> dict[str, str]:
    """Return every file for every dialect.

    Parameters
    ----------
    plan : Plan
        The answer; without a decoder half the base's batch sizes stay.
    base : BaseConfig
        The configuration emitted ones start from.
    targets : sequence of Target
        The dialects.

    Returns
    -------
    dict of str to str
        File name to text.

    Raises
    ------
    ConfigError
        When the model's family has no class.
    """
    files = {}
    for target in targets:
        context = EmitContext.of(plan, base, target)
        for pattern, text in EMITTERS.items():
            name = pattern.format(version=target.version, unit=context.unit_suffix)
            files[name] = worded(text(context), plan.model.family)
    return files
