"""A plan -> the text of every file an operator runs, one function a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bucketwise.emitters.compile_script import compile_text
from bucketwise.emitters.config_json import config_text
from bucketwise.emitters.context import EmitContext
from bucketwise.emitters.load_script import load_text
from bucketwise.emitters.serve_script import serve_text
from bucketwise.errors import ConfigError
from bucketwise.plan import Plan
from bucketwise.rbln.base_config import BaseConfig
from bucketwise.rbln.targets import Target

__all__ = ["EMITTERS", "EmitContext", "Emitter", "emit"]

Emitter = Callable[[EmitContext], str]

EMITTERS: dict[str, Emitter] = {
    "rbln_config.optimum-{version}{unit}.json": config_text,
    "compile.optimum-{version}{unit}.py": compile_text,
    "load.optimum-{version}{unit}.py": load_text,
    "serve.vllm-rbln-{version}{unit}.sh": serve_text,
}
"""File name, with {version} of the dialect and {unit} of its lengths -> its text."""


def emit(
    plan: Plan,
    base: BaseConfig,
    targets: Sequence[Target],
    *,
    decoder_batch_sizes: tuple[int, ...] | None = None,
) -> dict[str, str]:
    """Return every file for every dialect.

    Parameters
    ----------
    plan : Plan
        The answer.
    base : BaseConfig
        The configuration emitted ones start from.
    targets : sequence of Target
        The dialects.
    decoder_batch_sizes : tuple of int, optional
        Ascending; the last one becomes the batch size. None keeps the base's.

    Returns
    -------
    dict of str to str
        File name to text.

    Raises
    ------
    ConfigError
        When the model's family has no class, or the batch sizes do not ascend.
    """
    _check(decoder_batch_sizes)
    files = {}
    for target in targets:
        context = EmitContext(
            model=plan.model,
            visual=plan.visual_for(target.version),
            base=base,
            target=target,
            decoder_batch_sizes=decoder_batch_sizes,
        )
        for pattern, text in EMITTERS.items():
            name = pattern.format(version=target.version, unit=context.unit_suffix)
            files[name] = text(context)
    return files


def _check(sizes: tuple[int, ...] | None) -> None:
    if sizes is None:
        return
    if not sizes or sizes[0] < 1 or list(sizes) != sorted(set(sizes)):
        message = (
            f"decoder_batch_sizes: {list(sizes)} found; ascending sizes from 1 up, the "
            "last one the batch size, are right"
        )
        raise ConfigError(message)
