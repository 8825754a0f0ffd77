"""Takes a configuration through the real SDK, stage by stage, as far as it goes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conformance.families import FAMILIES
from tests.conformance.refusals import HOST, STAGES, Refusal, Verdict
from tests.conformance.resolution import build, resolve
from tests.conformance.sdk import (
    RELEASE,
    model_class,
    rbln,
    rebel,
    torch,
)
from tests.conformance.towers import run_images, trace_tower

LOADING_HOST = 16


def judge(refusal: Refusal, checkpoint: Path, folder: Path) -> Verdict:
    """Return what the release under test makes of a configuration.

    Parameters
    ----------
    refusal : Refusal
        The configuration.
    checkpoint : Path
        A checkpoint of its family.
    folder : Path
        An empty one, for what compiling makes.
    """
    trial = _Trial(refusal, checkpoint, folder)
    with heard_warnings() as warnings:
        for stage in STAGES:
            rebel.NPUS[:] = [HOST] * trial.npus(stage)
            try:
                trial.steps()[stage]()
            except Exception as error:  # noqa: BLE001 - whatever it raises is the answer
                return Verdict(
                    at=stage, error=type(error).__name__, says=str(error).strip()
                )
    return Verdict(at="", error="", says="\n".join(warnings))


@contextmanager
def heard_warnings() -> Iterator[list[str]]:
    """Collect what the SDK warns about."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    ear = Ear(level=logging.WARNING)
    logger = logging.getLogger("optimum.rbln")
    logger.addHandler(ear)
    try:
        yield heard
    finally:
        logger.removeHandler(ear)


class _Trial:
    """One configuration on its way."""

    def __init__(self, refusal: Refusal, checkpoint: Path, folder: Path) -> None:
        self.refusal = refusal
        self.checkpoint = checkpoint
        self.folder = folder
        self.kind = model_class(FAMILIES[refusal.family])
        self.loaded: Any = None

    @property
    def level(self) -> Any:
        """The language model that was loaded."""
        return FAMILIES[self.refusal.family].level(self.loaded)

    def steps(self) -> dict[str, Callable[[], object]]:
        return {
            "build": lambda: build(self.refusal.family, self.config()),
            "resolve": lambda: resolve(self.refusal.family, self.config()),
            "trace": self.trace,
            "compile": self.compile,
            "load": self.load,
            "run": self.run,
        }

    def config(self) -> dict[str, Any]:
        # Classes change what they are given.
        return self.refusal.config(RELEASE)

    def npus(self, stage: str) -> int:
        return LOADING_HOST if stage in ("load", "run") else self.refusal.npus

    def trace(self) -> None:
        """Run the tower on zeros, as the compiler does to trace it."""
        settings = resolve(self.refusal.family, self.config()).visual
        if isinstance(settings, rbln.RBLNModelConfig):
            trace_tower(self.refusal.family, self.checkpoint, settings)

    def compile(self) -> None:
        self.kind.from_pretrained(
            str(self.checkpoint), export=True, rbln_config=self.config()
        ).save_pretrained(str(self.folder))

    def load(self) -> None:
        self.loaded = self.kind.from_pretrained(
            str(self.folder),
            export=False,
            rbln_config=self.refusal.asked_at_load(RELEASE),
        )

    def run(self) -> None:
        """Run what the configuration is to be tried with, on the stand-in's graphs."""
        if self.refusal.grid:
            frames, height, width = self.refusal.grid
            run_images(self.level.visual, [(frames, height, width)])
        for row, length in enumerate(self.refusal.prompts):
            self.level.prefill_decoder.page_table_manager.get_block_tables(
                torch.arange(length)[None], batch_idx=row, phase="prefill"
            )
        if self.refusal.active:
            column = torch.zeros(self.refusal.active, 1, dtype=torch.int32)
            self.loaded(input_ids=column, cache_position=column, inputs_sorted=True)
