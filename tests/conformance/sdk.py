"""The real libraries of the release under test, imported in one place."""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from typing import Any

from tests.conformance.families import Family
from tests.conformance.releases import RELEASES, Release

RELEASE: Release = RELEASES[os.environ["CONFORMANCE_RELEASE"]]

torch: Any = import_module("torch")

# torchvision's package index serves a build whose operators need CUDA; processors use
# none of them, but importing it looks for these two.
for _operator in ("nms", "qnms"):
    torch.library.define(
        f"torchvision::{_operator}",
        "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    )

with warnings.catch_warnings():
    # "optimum-rbln requires rebel-compiler": the stand-in has no package metadata.
    warnings.simplefilter("ignore")
    transformers: Any = import_module("transformers")
    rbln: Any = import_module("optimum.rbln")
runtime_utils: Any = import_module("optimum.rbln.utils.runtime_utils")
rebel: Any = import_module("rebel")

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def model_class(family: Family) -> Any:
    """Return the class that compiles and loads a family."""
    return getattr(rbln, family.model_class)


def config_class(family: Family) -> Any:
    """Return the class of its configuration."""
    return getattr(rbln, f"{family.model_class}Config")


def tower_class(family: Family) -> Any:
    """Return the class of its ViT."""
    return getattr(rbln, family.tower)


def devices_of(config: Any) -> int:
    """Return the number of devices a configuration of the release holds."""
    old = RELEASE.parsed < (0, 11)
    found: int = config.tensor_parallel_size if old else config.num_devices
    return found


def lengths_of(tower: Any) -> list[int]:
    """Return the ViT lengths a configuration of the release holds, ascending."""
    old = RELEASE.parsed < (0, 10, 4)
    return sorted(tower.max_seq_lens if old else tower.max_seq_len)
