"""Lets files of an unpacked vLLM be imported where what they stand on is not installed.

Files named here are the wheel's own; every other module of vLLM and all of torch answers
any name with a class that does nothing.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Self

REAL = frozenset(
    {
        *("vllm.config.compilation", "vllm.config.utils", "vllm.config.vllm"),
        *("vllm.utils.math_utils", "vllm.v1.worker.encoder_cudagraph"),
        *("vllm.v1.worker.encoder_cudagraph_defs", "vllm.v1.cudagraph_dispatcher"),
        "vllm.model_executor.models.qwen3_vl",
    }
)
FOREIGN = ("numpy", "torch", "transformers", "vllm")


class AnyName(type):
    """Gives a class every name, too."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _anything(name)

    def __or__(cls, other: Any) -> Any:
        return Any

    __ror__ = __or__


class Anything(metaclass=AnyName):
    """Stands for a class, a function or a decorator of somebody else's."""

    def __init__(self, *given: Any, **named: Any) -> None:
        del given, named

    def __call__(self, *given: Any, **named: Any) -> Any:
        del named
        return given[0] if len(given) == 1 and callable(given[0]) else Anything()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()

    def __bool__(self) -> bool:
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @classmethod
    def __class_getitem__(cls, item: Any) -> Any:
        del item
        return cls

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: Any) -> Any:
        from pydantic_core import (  # type: ignore[import-not-found]
            core_schema,
        )

        return core_schema.any_schema()


def _anything(name: str) -> AnyName:
    return AnyName(name, (Anything,), {})


class StandIn(ModuleType):
    """A module that has every name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _anything(name)


class Finder:
    """Finds the real files in a folder, and stand-ins for the rest."""

    def __init__(self, wheel: Path, real: frozenset[str]) -> None:
        self.wheel = wheel
        self.real = real

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if name.partition(".")[0] not in FOREIGN:
            return None
        if name in self.real:
            file = self.wheel.joinpath(*name.split(".")).with_suffix(".py")
            loader = importlib.machinery.SourceFileLoader(name, str(file))
            return importlib.machinery.ModuleSpec(name, loader, origin=str(file))
        return importlib.machinery.ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        del module


def stand_in_for(wheel: Path, real: frozenset[str] = REAL) -> None:
    """Make vLLM's files importable from an unpacked wheel."""
    sys.meta_path.insert(0, Finder(wheel, real))
