"""What bucketwise's tables of the SDK say, for the real classes to confirm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bucketwise.engines.rbln.defaults import UNSET, unset
from bucketwise.engines.rbln.keys import Level, inherited
from bucketwise.engines.rbln.model_classes import (
    MODEL_CLASSES,
    generates,
    splits_visual,
)
from bucketwise.engines.rbln.nesting import NESTINGS
from bucketwise.engines.rbln.releases import RELEASES, Version, written

NPUS = ("RBLN-CA25", "RBLN-CR13")


def tables() -> dict[str, Any]:
    """Return, by release, what `visual` inherits, what splits, and what is left out."""
    return {
        written(version): {
            "inherited": {
                family: sorted(inherited(version, family)) for family in served(version)
            },
            "splits": {
                family: splits_visual(family, version) for family in served(version)
            },
            "unset": list(rows(version)),
        }
        for version in RELEASES
    }


def served(version: Version) -> list[str]:
    """Return the families that a release has a class for."""
    # check_soft_tokens.py asks the classes that nest their language model.
    return [
        name
        for name, kind in MODEL_CLASSES.items()
        if version >= kind.since and name not in NESTINGS
    ]


def rows(version: Version) -> Iterator[dict[str, Any]]:
    """Yield what the table says of each setting that is left out, by family and NPU."""
    settings: dict[tuple[Level, str], None] = {
        (level, row.name): None for row in UNSET for level in row.levels
    }
    for level, name in settings:
        of_an_npu = any(row.npu for row in UNSET if row.name == name)
        for npu in NPUS if of_an_npu else NPUS[:1]:
            for family in served(version):
                if name == "decoder_batch_sizes" and not generates(family):
                    continue
                try:
                    row = unset(name, level, version, npu=npu, family=family)
                except KeyError:
                    continue
                if row.name == name:
                    yield {
                        "name": name,
                        "level": level,
                        "family": family,
                        "npu": npu,
                        "value": row.value,
                        "follows": row.follows,
                        "raises": row.raises,
                    }
