"""The SDK dialects for which text is emitted, newest last."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bucketwise.engines.rbln.attention import limits_of
from bucketwise.engines.rbln.keys import BUCKETS, DEVICES, KEYS, Level, right_name
from bucketwise.engines.rbln.releases import Version, parse_version, written
from bucketwise.errors import UsageError
from bucketwise.nouns.engine import Target

SDK = "optimum-rbln"


@dataclass(frozen=True, slots=True, kw_only=True)
class RblnTarget(Target):
    """One dialect: releases that take the same text."""

    sdk: str = SDK
    transformers: str
    """The transformers release it pins (Requires-Dist of the wheel)."""
    vllm_rbln: str
    """The newest vllm-rbln release that serves what it compiles."""
    devices_env: str
    """Environment variable that tells vllm-rbln the number of devices; "" where the
    flag --rbln-num-devices-per-local-rank does."""

    @property
    def bucket_key(self) -> str:
        """Name of the list of ViT lengths inside `visual`."""
        return right_name(BUCKETS, "visual", self.parsed, "")

    @property
    def devices_key(self) -> str:
        """Name of the number of devices, at both levels."""
        return right_name(DEVICES, "top", self.parsed, "")

    @property
    def keys(self) -> str:
        """What it calls the settings that releases name differently."""
        return f"visual.{self.bucket_key}, {self.devices_key}"

    @property
    def min_flash_partition_len(self) -> int:
        """The shortest kvcache_partition_len that every release it covers takes."""
        return max(limits_of(None, each).min_partition_len for each in self.releases)

    def covers_since(self, since: Version) -> str:
        """Return the releases it covers, and with which of them a class came."""
        if since <= self.least:
            return self.covers
        return f"{self.covers} (the model's class came with {written(since)})"

    def compiled_folder(self, model: str) -> str:
        """Return the name of the folder that a model is compiled into."""
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip(".-") or "model"
        return f"compiled-{plain}.optimum-{self.version}"

    def refused_keys(self, level: Level) -> tuple[str, ...]:
        """Return keys that some release it covers raises on, and has no name for."""
        names = dict.fromkeys(key.name for key in KEYS if level in key.levels)
        return tuple(
            name
            for name in names
            if not all(right_name(name, level, each, "") for each in self.releases)
        )


TARGETS: dict[str, RblnTarget] = {
    target.version: target
    for target in (
        RblnTarget(
            version="0.10.3",
            covers="optimum-rbln 0.10.2 and 0.10.3",
            releases=((0, 10, 2), (0, 10, 3)),
            transformers="4.57.6",
            vllm_rbln="0.10.3",
            devices_env="VLLM_RBLN_TP_SIZE",
        ),
        RblnTarget(
            version="0.10.4",
            covers="optimum-rbln 0.10.4",
            releases=((0, 10, 4),),
            transformers="4.57.6",
            vllm_rbln="0.10.4",
            devices_env="VLLM_RBLN_TP_SIZE",
        ),
        RblnTarget(
            version="0.11.2",
            covers="optimum-rbln 0.11.0 to 0.11.2",
            releases=((0, 11, 0), (0, 11, 1), (0, 11, 2)),
            transformers="5.8.1",
            vllm_rbln="0.11.2.post1",
            devices_env="VLLM_RBLN_NUM_DEVICES_PER_LOCAL_RANK",
        ),
        RblnTarget(
            version="0.12.0",
            covers="optimum-rbln 0.12.0",
            releases=((0, 12, 0),),
            transformers="5.15.1",
            vllm_rbln="0.12.0",
            devices_env="",
        ),
    )
}


ALL_TARGETS = "all"
"""Stands for every dialect where several may be named."""


def pick_targets(names: Iterable[str]) -> tuple[RblnTarget, ...]:
    """Return the dialects asked for, oldest first; all of them when none is named."""
    asked = list(names)
    if not asked:
        return tuple(TARGETS.values())
    found = {_dialect(name).version for name in asked}
    return tuple(target for target in TARGETS.values() if target.version in found)


def _dialect(name: str) -> RblnTarget:
    text = name.strip().lower().removeprefix("optimum-rbln").lstrip("=@ ")
    for target in TARGETS.values():
        if text == target.version or parse_version(text) in target.releases:
            return target
    known = ", ".join(target.name for target in TARGETS.values())
    raise UsageError(f"--target: expected one of {known}, got {name!r}")
