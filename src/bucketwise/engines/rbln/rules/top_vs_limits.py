"""Lengths beside the limits of the processor that will feed them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bucketwise.core.buckets import Buckets
from bucketwise.core.in_service import Failures
from bucketwise.core.limits import marks_of
from bucketwise.core.patching import Preprocessing
from bucketwise.core.reach import WorstImage, safe_max_pixels, worst_reachable
from bucketwise.engines.rbln.rules.case import RblnCase, lengths_of
from bucketwise.nouns.engine import Release
from bucketwise.nouns.profile import ModelProfile, PixelLimits

CLEARLY_BEYOND = 2
"""From so many times the top length on, an image that fails is no rare one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """What the processor's limits let through, and the lengths that are to hold it."""

    lengths: tuple[int, ...]
    """Ascending."""
    profile: ModelProfile
    limits: PixelLimits
    release: Release
    all_served: bool = False
    """Whether the traffic is known and no image of it needs more than the top."""

    @classmethod
    def of(cls, subject: RblnCase) -> Limited | None:
        """Gather them; None where some are not known."""
        lengths, profile, limits = lengths_of(subject), subject.profile, subject.limits
        if not lengths or profile is None or limits is None:
            return None
        return cls(
            lengths=lengths,
            profile=profile,
            limits=limits,
            release=subject.release,
            all_served=subject.use is not None
            and not Failures.of(
                Buckets(lengths), subject.use.counts, subject.release
            ).overflow_images,
        )

    @property
    def marks(self) -> tuple[int, ...]:
        """Soft-token counts a length can be for; () for models without."""
        return marks_of(self.profile, self._preprocessing)

    @property
    def top(self) -> int:
        """The largest length."""
        return self.lengths[-1]

    @property
    def worst(self) -> WorstImage:
        """The image that needs most of all that the limits let through."""
        return worst_reachable(self.profile, self._preprocessing, self.release)

    @property
    def is_oversized(self) -> bool:
        """Whether a larger limit would fit too: grids leave gaps between lengths."""
        merged_patch = self.profile.factor_px**2
        wider = replace(self.limits, max_pixels=self.limits.max_pixels + merged_patch)
        preprocessing = replace(self._preprocessing, image=wider)
        reach = worst_reachable(self.profile, preprocessing, self.release)
        return reach.needed <= self.top

    @property
    def safe_max_pixels(self) -> int | None:
        """The upper limit under which nothing outgrows the top; None for none."""
        return safe_max_pixels(
            self.profile, self._preprocessing, self.release, self.top
        )

    @property
    def square(self) -> int:
        """ViT patches of the largest square image."""
        return self.limits.max_pixels // self.profile.length_px**2

    @property
    def is_merged(self) -> bool:
        """Whether the top holds the largest square in merged patches alone.

        A list that holds all of a traffic is in the right unit, however small its top.
        """
        return not self.all_served and fits_merged(self.square, self.top, self.profile)

    @property
    def is_clearly_short(self) -> bool:
        """Whether an image that fails is no rare one."""
        return not self.all_served and self.square >= CLEARLY_BEYOND * self.top

    @property
    def _preprocessing(self) -> Preprocessing:
        return Preprocessing(image=self.limits, video=None, video_fps=None)


def fits_merged(needed: int, top: int, profile: ModelProfile) -> bool:
    """Return whether a top length holds in merged patches alone what is needed."""
    return CLEARLY_BEYOND * top <= needed <= top * profile.lengths_per_merged
