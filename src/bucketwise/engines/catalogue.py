"""The targets of an engine by name, where each covers a run of releases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bucketwise.errors import UsageError
from bucketwise.nouns.engine import Target, parse_version

ALL_TARGETS = "all"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The targets of one package, oldest first; each serves every family."""

    targets: tuple[Target, ...]

    def named(self, names: Iterable[str]) -> tuple[Target, ...]:
        """Return the targets asked for, oldest first; all of them without a name."""
        found = {self._named(name) for name in names}
        return tuple(each for each in self.targets if not found or each in found)

    def of(self, family: str) -> tuple[Target, ...]:
        """Return every target."""
        del family
        return self.targets

    def pick(self, family: str, names: Iterable[str]) -> tuple[Target, ...]:
        """Return the targets to plan for: those named, each for "all", else the newest."""
        del family
        asked = tuple(names)
        if ALL_TARGETS in asked:
            return self.targets
        return self.named(asked) if asked else self.targets[-1:]

    def _named(self, name: str) -> Target:
        sdk = self.targets[0].sdk
        version = parse_version(name.strip().lower().removeprefix(sdk).lstrip("=@ "))
        for each in self.targets:
            if each.least <= version <= each.parsed:
                return each
        first, last = self.targets[0], self.targets[-1]
        known = f"{sdk}=={'.'.join(map(str, first.least))}"
        upto = "" if known == last.name else f" to {last.version}"
        message = f"--target: expected {known}{upto}, got {name!r}"
        raise UsageError(message)
