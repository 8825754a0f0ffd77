"""Stands in for the compiler's module of this name; it compiles and runs nothing.

It is not the vendor's: theirs is closed and comes with the drivers. Every name that
optimum-rbln 0.10.2 to 0.12.0 imports is here, and each only keeps what it was given.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

torch: Any = import_module("torch")

NPUS: list[str] = []
"""Names of the NPUs this host claims to have; none unless a test says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """One call of the compiler."""

    module: str
    input_info: list[Any]
    npu: str | None
    devices: int | None


_INPUTS_WITH_WINDOWS = 5

COMPILED: list[Compilation] = []
"""Every graph that was to be compiled, in order."""


class RBLNCompiledModel:
    """A graph that takes no memory."""

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = path
        self.names: list[str] = json.loads(Path(path).read_text()) if path else []
        self.multiplied: dict[str, int] = {}

    def save(self, path: str | Path) -> None:
        """Leave a file that holds the names of the inputs."""
        Path(path).write_text(json.dumps(self.names))

    def get_alloc_per_node_by_key(self) -> dict[str, list[int]]:
        """Return what the graph takes on each device: nothing."""
        return {}

    def get_alloc_per_chiplet_by_key(self) -> dict[str, list[list[int]]]:
        """Return what the graph takes on each chiplet: nothing."""
        return {}

    def exp_get_dram_tensor_sizes(self) -> dict[str, Any]:
        """Return the sizes of the cache tensors: none."""
        return {}

    def exp_multiply_buffer_size(self, multiples: dict[str, int]) -> None:
        """Keep by how much the cache was to grow."""
        self.multiplied = multiples


class Runtime:
    """A graph on its devices, which answers zeros."""

    def __init__(self, compiled: RBLNCompiledModel, **options: Any) -> None:
        self.compiled = compiled
        self._index_to_input_name = dict(enumerate(compiled.names))
        self.options = options
        self.lengths: list[int] = []
        self.shapes: list[tuple[int, ...]] = []
        self.calls: list[list[tuple[tuple[int, ...], str]]] = []

    def __call__(self, *tensors: Any, **named: Any) -> Any:
        """Keep the length that was picked; answer something that can be cut.

        A tower with windows puts its rows back in order, so there must be a row for
        each merged patch. The others take the first of two rows as the output and the
        next as the deepstack layer's, or cut the two.
        """
        first = next(iter((*tensors, *named.values())))
        length = int(first.shape[0])
        self.lengths.append(length)
        self.shapes.append(tuple(first.shape))
        given = (each for each in tensors if each is not None)
        self.calls.append([(tuple(each.shape), str(each.dtype)) for each in given])
        if "cache_position" in self.compiled.names:
            return torch.zeros(1, 1, 1, 1)  # logits, alone or the first of several
        has_windows = len(tensors) == _INPUTS_WITH_WINDOWS
        return torch.zeros(length // 4 if has_windows else 2, 1)


def npu_is_available(device: int = 0) -> bool:
    """Return whether the host claims that device."""
    return device < len(NPUS)


def get_npu_name(device: int = 0) -> str | None:
    """Return the name of a device; None where there is none."""
    return NPUS[device] if npu_is_available(device) else None


def device_count() -> int:
    """Return how many devices the host claims."""
    return len(NPUS)


def compile(*_: Any, num_devices: int = 1, **__: Any) -> None:  # noqa: A001 - the compiler's name
    """Do nothing: releases from 0.11.0 only look at the names of the parameters."""
    del num_devices


def compile_from_torch(
    module: Any, *, input_info: list[Any], npu: str | None = None, **options: Any
) -> RBLNCompiledModel:
    """Keep what was to be compiled."""
    # Releases before 0.11.0 say it in the older word.
    devices = options.get("num_devices", options.get("tensor_parallel_size"))
    COMPILED.append(
        Compilation(
            module=type(module).__name__,
            input_info=input_info,
            npu=npu,
            devices=devices,
        )
    )
    compiled = RBLNCompiledModel()
    first = next(iter(input_info), ())
    inputs = input_info if first and isinstance(first[0], str) else first
    static = getattr(options.get("compile_context"), "static", ())
    compiled.names = [name for name, *_ in inputs if name not in static]
    return compiled
