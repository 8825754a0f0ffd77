"""Reads refusals.toml: configurations with one fault each, and what releases make of it."""

from __future__ import annotations

import tomllib
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.families import FAMILIES
from tests.conformance.releases import Release, Version, parse_version

TABLE = Path(__file__).with_name("refusals.toml")

STAGES = ("build", "resolve", "trace", "compile", "load", "run")
"""How far a configuration can get: its class; what export makes of it; the tower on
zeros, as the compiler traces it; compiling; loading; work."""

HOST = "RBLN-CA25"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a release makes of a configuration.

    Attributes
    ----------
    at : str
        The stage that raises; "" where none does.
    error : str
        The type of the exception.
    says : str
        Part of its message; of a warning where nothing is raised.
    """

    at: str
    error: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One fault.

    Attributes
    ----------
    id : str
        The fault, in words.
    family : str
        The family of the model.
    change : mapping of str to object
        What it sets, by dotted key; {lengths} and {devices} stand for the release's
        names.
    without : tuple of str
        What it leaves out.
    npus : int
        How many NPUs the compiling host has.
    loading : mapping of str to object
        What loading is given, dotted; what is compiled is sound then.
    grid : tuple of int
        Frames, height and width in patches of an image to run; () for none.
    prompts : tuple of int
        Prompt lengths that are to share the cache, one a row; () for none.
    active : int
        Sequences of a decode step to run; 0 for none.
    verdicts : mapping of version to Verdict
        From that release on; releases before the first have no class for the family.
    """

    id: str
    family: str
    change: dict[str, Any]
    without: tuple[str, ...]
    npus: int
    loading: dict[str, Any]
    grid: tuple[int, ...]
    prompts: tuple[int, ...]
    active: int
    verdicts: dict[Version, Verdict]

    def config(self, release: Release) -> dict[str, Any]:
        """Return the faulty configuration in a release's own names."""
        config = FAMILIES[self.family].nested(sound_config(release))
        for key in self.without:
            level, last = _place(config, key, release)
            del level[last]
        _put(config, self.change, release)
        return config

    def asked_at_load(self, release: Release) -> dict[str, Any]:
        """Return what loading is given, in a release's own names."""
        asked: dict[str, Any] = {"create_runtimes": True}
        _put(asked, self.loading, release)
        return asked

    def verdict(self, release: Release) -> Verdict:
        """Return what a release makes of it."""
        return self.verdicts[max(v for v in self.verdicts if v <= release.parsed)]

    def concerns(self, release: Release) -> bool:
        """Return whether a release has a class for the family."""
        return FAMILIES[self.family].served_by(release)


def names_of(release: Release) -> dict[str, str]:
    """Return the release's names of the two keys that were renamed."""
    return {
        "lengths": "max_seq_lens" if release.parsed < (0, 10, 4) else "max_seq_len",
        "devices": "tensor_parallel_size"
        if release.parsed < (0, 11)
        else "num_devices",
    }


def sound_config(release: Release) -> dict[str, Any]:
    """Return the configuration that faults are put into; every family takes it."""
    names = names_of(release)
    return {
        "visual": {
            names["lengths"]: [1_024, 4_096],
            names["devices"]: 1,
            "npu": HOST,
            "create_runtimes": False,
        },
        names["devices"]: 1,
        "max_seq_len": 32_768,
        "kvcache_partition_len": 16_384,
        "batch_size": 1,
        "npu": HOST,
        "create_runtimes": False,
    }


def read_refusals() -> tuple[Refusal, ...]:
    """Return the table."""
    with TABLE.open("rb") as stream:
        rows = tomllib.load(stream)["refusal"]
    return tuple(
        Refusal(
            id=row["id"],
            family=row.get("family", "qwen3_vl"),
            change=row.get("change", {}),
            without=tuple(row.get("without", ())),
            npus=row.get("npus", 16),
            loading=row.get("loading", {}),
            grid=tuple(row.get("grid", ())),
            prompts=tuple(row.get("prompts", ())),
            active=row.get("active", 0),
            verdicts={
                parse_version(version): _verdict(said)
                for version, said in row["since"].items()
            },
        )
        for row in rows
    )


def _verdict(said: dict[str, str]) -> Verdict:
    return Verdict(
        at=said.get("at", ""), error=said.get("error", ""), says=said.get("says", "")
    )


def _put(config: dict[str, Any], change: dict[str, Any], release: Release) -> None:
    for key, value in change.items():
        level, last = _place(config, key, release)
        level[last] = deepcopy(value)


def _place(
    config: dict[str, Any], key: str, release: Release
) -> tuple[dict[str, Any], str]:
    """Return the level a dotted key is in, made where missing, and its last part."""
    *path, last = key.format(**names_of(release)).split(".")
    for part in path:
        config = config.setdefault(part, {})
    return config, last
