"""The list of ViT lengths under the names that releases take."""

from __future__ import annotations

from dataclasses import dataclass

from bucketwise.core.plan import Plan
from bucketwise.engines.rbln.model_classes import first_release, serving_targets
from bucketwise.engines.rbln.targets import TARGETS, RblnTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class ListToSet:
    """One list, in the unit of the plan, and the releases that take it by one name.

    Attributes
    ----------
    key : str
        Its name inside `visual`.
    lengths : tuple of int
        What it holds.
    first, last : str
        The oldest and the newest of those releases.
    is_oldest, is_newest : bool
        Whether no covered release stands before or after them.
    """

    key: str
    lengths: tuple[int, ...]
    first: str
    last: str
    is_oldest: bool
    is_newest: bool

    @property
    def releases(self) -> str:
        """The releases in words: "up to 0.10.3", "from 0.10.4"."""
        if self.is_newest:
            return f"from {self.first}"
        return (
            f"up to {self.last}" if self.is_oldest else f"{self.first} to {self.last}"
        )


def lists_to_set(plan: Plan) -> tuple[ListToSet, ...]:
    """Return what to write for each name of the list, oldest releases first.

    Parameters
    ----------
    plan : Plan
        With `visual_by_target` where releases need different lists.

    Returns
    -------
    tuple of ListToSet
        () where no release compiles the model.
    """
    family = plan.model.family
    groups: dict[tuple[tuple[int, ...], str], list[RblnTarget]] = {}
    for target in serving_targets(family, plan.provenance.options.get("target") or ()):
        if plan.visual_by_target and target.version not in plan.visual_by_target:
            continue
        lengths = plan.visual_for(target.version).max_seq_lens
        groups.setdefault((lengths, target.bucket_key), []).append(target)
    return tuple(
        ListToSet(
            key=key,
            lengths=lengths,
            first=first_release(targets[0], family),
            last=targets[-1].version,
            is_oldest=targets[0].version == next(iter(TARGETS)),
            is_newest=targets[-1].version == next(reversed(TARGETS)),
        )
        for (lengths, key), targets in groups.items()
    )
