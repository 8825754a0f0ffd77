"""What the checks share: what bucketwise says, a clean compiler, checkpoints."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.families import FAMILIES


@pytest.fixture(scope="session")
def lengths() -> dict[str, list[dict[str, Any]]]:
    """Grids by family, with what bucketwise says of each."""
    file = Path(os.environ["CONFORMANCE_EMITTED"]) / "lengths.json"
    loaded: dict[str, list[dict[str, Any]]] = json.loads(
        file.read_text(encoding="utf-8")
    )
    return loaded


@pytest.fixture(autouse=True)
def _clean_compiler() -> None:
    """Have the stand-in for the compiler forget what other tests told it."""
    from tests.conformance.sdk import rebel

    rebel.COMPILED.clear()
    rebel.NPUS.clear()


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One checkpoint a family that the release serves."""
    from tests.conformance.checkpoints import write_checkpoint
    from tests.conformance.sdk import RELEASE

    return {
        name: write_checkpoint(name, tmp_path_factory.mktemp(name))
        for name, family in FAMILIES.items()
        if family.served_by(RELEASE)
    }
