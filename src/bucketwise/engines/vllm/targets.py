"""The releases that are planned for, of vLLM and of engines that take its keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bucketwise.core.plan import Plan
from bucketwise.engines.vllm.model_classes import SINCE, UNPLANNED
from bucketwise.engines.vllm.releases import (
    BUDGETS,
    NEWEST,
    RELEASES,
    items_key,
)
from bucketwise.errors import ConfigError, UsageError
from bucketwise.nouns.engine import (
    ListToSet,
    Target,
    Version,
    parse_version,
    written,
)

SDK = "vllm"

ALL_TARGETS = "all"

_NEWEST_ALIKE: tuple[Version, ...] = ((0, 19, 0), (0, 21, 0), (0, 31, 0), NEWEST)
"""The newest of each run of releases with the same keys, checks and packing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmTarget(Target):
    """Releases with the same keys, checks and packing, by the numbers of vLLM's own."""

    @property
    def keys(self) -> str:
        """What it calls the list and the limit of images in a replay."""
        return f"{BUDGETS}, {items_key(self.parsed)}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The targets of one package, oldest first."""

    sdk: str
    targets: tuple[VllmTarget, ...]

    def named(self, names: Iterable[str]) -> tuple[Target, ...]:
        """Return the targets asked for, oldest first; all of them without a name."""
        found = {self._named(name) for name in names}
        return tuple(each for each in self.targets if not found or each in found)

    def of(self, family: str) -> tuple[Target, ...]:
        """Return the targets whose newest release captures graphs of a family."""
        if family in UNPLANNED:
            return ()
        since = SINCE.get(family, (*NEWEST, 1))
        return tuple(each for each in self.targets if since <= each.parsed)

    def pick(self, family: str, names: Iterable[str]) -> tuple[Target, ...]:
        """Return the targets to plan for: those named, each for "all", else the newest.

        Raises
        ------
        ConfigError
            Where one that was named captures no graph of the family.
        """
        asked, able = tuple(names), self.of(family)
        if family in UNPLANNED:
            raise ConfigError(f"--target: {UNPLANNED[family]}")
        if ALL_TARGETS in asked:
            return able
        named = self.named(asked) if asked else able[-1:]
        # A target stands for releases of which the oldest may lack the class.
        since = SINCE.get(family, NEWEST)[:2]
        early = [name for name in asked if _stated(name, since)[:2] < since]
        lacking = [each.name for each in named if each not in able] or early
        if lacking:
            known = " or ".join(each.name for each in able)
            right = f"expected {known}" if able else "leave --target out"
            message = (
                f"--target: {', '.join(lacking)} captures no encoder graph of {family}"
                f"; {right}"
            )
            raise ConfigError(message)
        return named

    def lists_to_set(self, plan: Plan) -> tuple[ListToSet, ...]:
        """Return the budgets under the one name that every release has for them."""
        family = plan.model.family
        able = self.of(family)
        if not able:
            return ()
        return (
            ListToSet(
                level="",
                key=BUDGETS,
                lengths=plan.visual.merged_max_seq_lens,
                first=written(max(SINCE[family], able[0].least)),
                last=able[-1].version,
                is_oldest=False,
                is_newest=True,
            ),
        )

    def _named(self, name: str) -> VllmTarget:
        text = name.strip().lower().removeprefix(self.sdk).lstrip("=@ ")
        version = parse_version(text)
        for each in self.targets:
            # A patch release stands with the minor one that it mends.
            if each.least <= version and version[:2] <= each.parsed[:2]:
                return each
        first, last = written(self.targets[0].least), self.targets[-1].version
        upto = "" if first == last else f" to {last}"
        message = f"--target: expected {self.sdk}=={first}{upto}, got {name!r}"
        raise UsageError(message)


def _stated(name: str, otherwise: Version) -> Version:
    """Return the release that the name of a target states."""
    return parse_version(name.partition("==")[2]) or otherwise


def _target(before: Version, newest: Version) -> VllmTarget:
    alike = tuple(each for each in RELEASES if before < each <= newest)
    first = written(alike[0])
    upto = "" if len(alike) == 1 else f" to {written(newest)}"
    return VllmTarget(
        sdk=SDK, version=written(newest), covers=f"{SDK} {first}{upto}", releases=alike
    )


def _single(sdk: str, version: Version) -> Catalogue:
    name = written(version)
    target = VllmTarget(
        sdk=sdk, version=name, covers=f"{sdk} {name}", releases=(version,)
    )
    return Catalogue(sdk, (target,))


VLLM_TARGETS = Catalogue(
    SDK, tuple(map(_target, ((0,), *_NEWEST_ALIKE), _NEWEST_ALIKE))
)
ASCEND_TARGETS = _single("vllm-ascend", (0, 23, 0))
TPU_TARGETS = _single("tpu-inference", (0, 32, 0))
"""Its numbers, too, are those of the vLLM whose keys it takes."""
