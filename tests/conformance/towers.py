"""The real ViT objects, loaded onto made-up devices, and the length they pick."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.families import FAMILIES
from tests.conformance.sdk import (
    RELEASE,
    model_class,
    rebel,
    torch,
    tower_class,
    transformers,
)

Grid = tuple[int, int, int]

LONGEST_TRACED = 2_300

_LARGE = 2**20


def dry_config(lengths: Sequence[int]) -> dict[str, Any]:
    """Return the least configuration of the release with those lengths."""
    bucket_key = "max_seq_lens" if RELEASE.parsed < (0, 10, 4) else "max_seq_len"
    return {
        "visual": {bucket_key: list(lengths), "create_runtimes": False},
        "max_seq_len": 4_096,
        "create_runtimes": False,
    }


def load_tower(
    family_name: str, checkpoint: Path, folder: Path, lengths: Sequence[int]
) -> Any:
    """Compile a checkpoint into a folder and load it: the real way, to its tower."""
    family = FAMILIES[family_name]
    kind = model_class(family)
    config = family.nested(dry_config(lengths))
    kind.from_pretrained(
        str(checkpoint), export=True, rbln_config=config
    ).save_pretrained(str(folder))
    rebel.NPUS[:] = ["RBLN-CA25"]
    return family.level(kind.from_pretrained(str(folder), export=False)).visual


def run_images(tower: Any, grids: Sequence[Grid]) -> None:
    """Run made-up images of those grids in one call, as one request of them does."""
    size = tower.config.patch_size
    patches = sum(frames * height * width for frames, height, width in grids)
    pixels = torch.zeros(1, size * size).expand(patches, -1)
    with torch.inference_mode(), weightless_masks(tower):
        tower(pixels, torch.tensor(grids))


def picked(tower: Any, grids: Sequence[Grid]) -> list[int]:
    """Return the lengths the tower runs for images of those grids, one a run."""
    runtime = tower.transformer
    runtime.lengths.clear()
    run_images(tower, grids)
    found: list[int] = list(runtime.lengths)
    return found


def trace_tower(family_name: str, checkpoint: Path, settings: Any) -> None:
    """Run the real layers of the tower on zeros, as the compiler does to trace it.

    Longer graphs than `LONGEST_TRACED` are left out: they take seconds and are made of
    the same lines.
    """
    family = FAMILIES[family_name]
    kind = tower_class(family)
    named = getattr(transformers, f"{family.stem}{family.task}")
    model = family.level(named.from_pretrained(str(checkpoint)))
    for shapes in _traceable(settings.compile_cfgs[0].input_info):
        wrapped = kind._wrap_model_if_needed(  # noqa: SLF001 - what exporting calls
            getattr(model, "model", model).visual, settings
        )
        with torch.inference_mode():
            wrapped(*(torch.zeros(shape) for shape in shapes))


def _traceable(input_info: Any) -> Iterator[list[Any]]:
    """Yield the shapes of each graph that has some and is short enough."""
    for inputs in input_info:
        shapes = [entry[1] for entry in inputs if isinstance(entry, tuple)]
        sides = {type(side) for shape in shapes for side in shape}
        if sides == {int} and shapes[0][0] <= LONGEST_TRACED:
            yield shapes


@contextmanager
def weightless_masks(tower: Any) -> Iterator[None]:
    """Have large masks take no memory: one of 16,384 patches would take a gigabyte.

    They are made and filled by the same lines, on torch's meta device; only the graph
    would read them.
    """
    # Where `forward` was written: one family's tower inherits another's.
    written = type(tower).forward.__globals__
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(written, "torch", _Torch())
        yield


class _Torch:
    """The torch module with an economical `ones`."""

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    def ones(self, *shape: int, **options: Any) -> Any:
        """Return ones, without their memory where they are many."""
        many = torch.Size(int(side) for side in shape).numel() >= _LARGE
        return torch.ones(*shape, **options | ({"device": "meta"} if many else {}))
