"""What stands in the folder that emit.py filled, for one release."""

from __future__ import annotations

import ast
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.families import FAMILIES, Family
from tests.conformance.releases import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitted:
    """What one run of bucketwise wrote for one release.

    Attributes
    ----------
    name : str
        family.unit.decoder.base, the folder's name.
    family_name : str
        The family.
    merged : bool
        Whether its lengths count merged patches.
    dialect : str
        The dialect of its files.
    folder : Path
        Where they are.
    """

    name: str
    family_name: str
    merged: bool
    dialect: str
    folder: Path

    @property
    def family(self) -> Family:
        """The family."""
        return FAMILIES[self.family_name]

    @property
    def plan(self) -> dict[str, Any]:
        """The plan."""
        loaded: dict[str, Any] = json.loads(self._text("plan.json"))
        return loaded

    @property
    def config(self) -> dict[str, Any]:
        """The configuration, a fresh copy: classes change what they are given."""
        loaded: dict[str, Any] = json.loads(
            self._text(self._file("rbln_config", "json"))
        )
        return loaded

    @property
    def level(self) -> dict[str, Any]:
        """What it says of the language model, `visual` among it."""
        found: dict[str, Any] = self.family.level(self.config)
        return found

    @property
    def compile_script(self) -> Path:
        """The script that compiles."""
        return self.folder / self._file("compile", "py")

    @property
    def load_script(self) -> Path:
        """The script that loads."""
        return self.folder / self._file("load", "py")

    @property
    def lengths(self) -> list[int]:
        """The lengths the plan says for the dialect, ascending, in its unit."""
        plan = self.plan
        visual = (plan.get("visual_by_target") or {}).get(self.dialect, plan["visual"])
        found: list[int] = visual["max_seq_lens"]
        return found

    def visual_devices(self, release: Release) -> int:
        """Return the devices the ViT is compiled for on a release."""
        visual = self.level["visual"]
        asked: int = visual.get("tensor_parallel_size") or visual.get("num_devices")
        return asked if tables_of(release)["splits"][self.family_name] else 1

    def _file(self, stem: str, suffix: str) -> str:
        unit = ".documented-unit" if self.merged else ""
        return f"optimum-rbln-{self.dialect}/{stem}{unit}.{suffix}"

    def _text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


def tables_of(release: Release) -> dict[str, Any]:
    """Return what the tables of bucketwise say of a release."""
    path = Path(os.environ["CONFORMANCE_EMITTED"]) / "tables.json"
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    found: dict[str, Any] = told[".".join(map(str, release.parsed))]
    return found


def emitted_for(release: Release) -> list[Emitted]:
    """Return everything that was emitted for a release."""
    folder = Path(os.environ["CONFORMANCE_EMITTED"])
    listed = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    return [
        Emitted(
            name=case["name"],
            family_name=case["family"],
            merged=case["unit"] == "merged",
            dialect=release.dialect,
            folder=folder / case["name"],
        )
        for case in listed
        if FAMILIES[case["family"]].served_by(release)
    ]


def constants_of(script: Path) -> dict[str, Any]:
    """Return the names a script binds to literals at its top."""
    return {
        target.id: ast.literal_eval(statement.value)
        for statement in ast.parse(script.read_text(encoding="utf-8")).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
