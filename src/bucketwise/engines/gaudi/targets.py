"""The releases that are planned for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bucketwise.core.plan import Plan
from bucketwise.engines.gaudi.model_classes import EXACT
from bucketwise.engines.gaudi.releases import (
    LENGTHS,
    RELEASES,
    RESOLUTIONS,
    RESOLUTIONS_SINCE,
    SHAPES_FILE,
)
from bucketwise.engines.gaudi.vision import PADS
from bucketwise.errors import ConfigError, UsageError
from bucketwise.nouns.engine import ListToSet, Target, parse_version, written

SDK = "vllm-gaudi"

ALL_TARGETS = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class GaudiTarget(Target):
    """Releases that read the same variables."""

    @property
    def keys(self) -> str:
        """The variables it reads."""
        more = (RESOLUTIONS,) if self.warms_resolutions else ()
        return ", ".join((LENGTHS, *more, SHAPES_FILE))

    @property
    def warms_resolutions(self) -> bool:
        """Whether it warms resolutions by name."""
        return self.parsed >= RESOLUTIONS_SINCE


def _target(*releases: tuple[int, ...]) -> GaudiTarget:
    first, last = written(releases[0]), written(releases[-1])
    upto = "" if first == last else f" and {last}"
    return GaudiTarget(
        sdk=SDK, version=last, covers=f"{SDK} {first}{upto}", releases=releases
    )


TARGETS = (_target(*RELEASES[:-1]), _target(RELEASES[-1]))


def named(names: Iterable[str]) -> tuple[Target, ...]:
    """Return the targets asked for, oldest first; all of them without a name."""
    found = {_named(name) for name in names}
    return tuple(each for each in TARGETS if not found or each in found)


def targets_of(family: str) -> tuple[Target, ...]:
    """Return the targets that have something to set for a family, oldest first."""
    if family in PADS:
        return TARGETS
    return tuple(each for each in TARGETS if family in EXACT and each.warms_resolutions)


def pick(family: str, names: Iterable[str]) -> tuple[Target, ...]:
    """Return the targets to plan for: those named, each for "all", else the newest.

    Raises
    ------
    ConfigError
        Where one that was named has nothing to set for the family.
    """
    asked, able = tuple(names), targets_of(family)
    if ALL_TARGETS in asked:
        return able
    chosen = named(asked) if asked else able[-1:]
    lacking = [each.name for each in chosen if each not in able]
    if lacking and able:
        message = (
            f"--target: {', '.join(lacking)} pads no image of {family} and warms none by "
            f"its size; expected {' or '.join(each.name for each in able)}"
        )
        raise ConfigError(message)
    return () if lacking else chosen


def lists_to_set(plan: Plan) -> tuple[ListToSet, ...]:
    """Return the lengths that images are padded to; () where none are padded."""
    if plan.model.family not in PADS:
        return ()
    return (
        ListToSet(
            level="",
            key=LENGTHS,
            lengths=plan.visual.vit_max_seq_lens,
            first=written(RELEASES[0]),
            last=written(RELEASES[-1]),
            is_oldest=False,
            is_newest=True,
        ),
    )


def _named(name: str) -> GaudiTarget:
    text = name.strip().lower().removeprefix(SDK).lstrip("=@ ")
    version = parse_version(text)
    for each in TARGETS:
        # A patch release stands with the minor one that it mends.
        if any(version[:2] == release[:2] for release in each.releases):
            return each
    known = " or ".join(written(each) for each in RELEASES)
    message = f"--target: expected {SDK}=={known}, got {name!r}"
    raise UsageError(message)
