"""How a processor makes runs of the ViT out of an image: one rule a kind, with its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from bucketwise.errors import raise_all

NO_LIMIT = "no limit in pixels"
"""What the source of limits in pixels begins with where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What all rules have: numbers above 0, a switch or a share apart."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        raise_all(
            [
                f"image rule: {each.name}: expected at least 1, got {value}"
                for each in fields(self)
                if type(value := getattr(self, each.name)) is int and value < 1
            ]
        )

    def most_pixels(self, patch_px: int) -> int:
        """Return the pixels that are cut into runs at most, about."""
        raise NotImplementedError

    @property
    def words(self) -> str:
        """What is done, in a few words."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Square(Rule):
    """Resize to a square, whatever the shape (or crop its middle)."""

    tile_px: int

    def most_pixels(self, patch_px: int) -> int:  # noqa: ARG002
        """Return the pixels that are cut into runs at most, about."""
        return self.tile_px**2

    @property
    def words(self) -> str:
        """What is done, in a few words."""
        return f"scaled to squares of {self.tile_px:,} px"


@dataclass(frozen=True, slots=True, kw_only=True)
class PanAndScan(Rule):
    """A square, and where `crops` crops of an elongated image beside it."""

    tile_px: int
    crops: bool
    min_crop_px: int
    max_crops: int
    """The least side of a crop, and the most of them."""
    min_ratio: float
    """Longer side over shorter from which crops are taken."""

    def most_pixels(self, patch_px: int) -> int:  # noqa: ARG002
        """Return the pixels that are cut into runs at most, about."""
        return self.tile_px**2

    @property
    def words(self) -> str:
        """What is done, in a few words."""
        crops = f"up to {self.max_crops} crops beside" if self.crops else "no crops"
        return f"scaled to squares of {self.tile_px:,} px, {crops}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosestGrid(Rule):
    """The grid of tiles whose shape is closest, and a thumbnail beside several.

    `min_tiles` and `max_tiles` bound rows times columns.
    """

    tile_px: int
    min_tiles: int
    max_tiles: int
    thumbnail: bool = True

    def most_pixels(self, patch_px: int) -> int:  # noqa: ARG002
        """Return the pixels that are cut into runs at most, about."""
        return self.tile_px**2 * self.max_tiles

    @property
    def words(self) -> str:
        """What is done, in a few words."""
        tiles = f"{self.min_tiles} to {self.max_tiles} tiles"
        return f"cut into {tiles} of {self.tile_px:,} x {self.tile_px:,} px"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinpoints(Rule):
    """The listed size that keeps most of the image, in tiles, beside the whole of it."""

    tile_px: int
    pinpoints: tuple[tuple[int, int], ...]
    """Heights and widths to choose from."""
    most_tiles: int | None = None
    """Tiles' worth of tokens above which the image's are pooled; None for no limit."""

    def __post_init__(self) -> None:
        """Check that there is something to choose from, in whole tiles."""
        Rule.__post_init__(self)
        wrong = [
            list(point)
            for point in self.pinpoints
            if min(point) < self.tile_px or any(side % self.tile_px for side in point)
        ]
        problems = [
            f"image rule: pinpoints: expected multiples of {self.tile_px}, got {each}"
            for each in wrong
        ]
        raise_all(problems if self.pinpoints else ["image rule: pinpoints: none given"])

    def most_pixels(self, patch_px: int) -> int:  # noqa: ARG002
        """Return the pixels that are cut into runs at most, about."""
        return max(high * wide for high, wide in self.pinpoints)

    @property
    def words(self) -> str:
        """What is done, in a few words."""
        sizes = f"the closest of {len(self.pinpoints)} sizes"
        return f"cut into tiles of {self.tile_px:,} x {self.tile_px:,} px by {sizes}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LongestSide(Rule):
    """Scale the longer side to `longest_px`, cut into tiles, and add the whole.

    Without `splits` the whole alone.
    """

    tile_px: int
    longest_px: int
    splits: bool

    def most_pixels(self, patch_px: int) -> int:  # noqa: ARG002
        """Return the pixels that are cut into runs at most, about."""
        return (self.longest_px if self.splits else self.tile_px) ** 2

    @property
    def words(self) -> str:
        """What is done, in a few words."""
        tile = f"{self.tile_px:,} x {self.tile_px:,} px"
        if not self.splits:
            return f"scaled to squares of {self.tile_px:,} px"
        return (
            f"cut into tiles of {tile}, the longer side scaled to {self.longest_px:,}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrink(Rule):
    """Shrink to `longest_px`, then up to whole merged patches."""

    longest_px: int
    rounds: bool = False
    """Whether shrunk sides are rounded, to 1 px at least, and not down."""

    def most_pixels(self, patch_px: int) -> int:  # noqa: ARG002
        """Return the pixels that are cut into runs at most, about."""
        return self.longest_px**2

    @property
    def words(self) -> str:
        """What is done, in a few words."""
        return f"shrunk to a longer side of {self.longest_px:,} px"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget(Rule):
    """Shrink to a number of patches, and of patches along a side, then pad."""

    max_patches: int
    side_patches: int
    refuses: bool = False
    """Whether a side of as many patches is refused instead of being shrunk."""

    def most_pixels(self, patch_px: int) -> int:
        """Return the pixels that are cut into runs at most, about."""
        return self.max_patches * patch_px**2

    @property
    def words(self) -> str:
        """What is done, in a few words."""
        most = f"{self.max_patches:,} patches"
        return f"shrunk to {most}, of {self.side_patches:,} along a side"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices(Rule):
    """A view of about `scale_px` squared, and slices of a larger image beside it.

    View and slices keep their shape, so that they run at different lengths.
    """

    scale_px: int
    max_slices: int
    tokens_each: int | None = None
    """Tokens that view and slices become, whatever their length; None for one a merged
    patch."""

    def most_pixels(self, patch_px: int) -> int:  # noqa: ARG002
        """Return the pixels that are cut into runs at most, about."""
        return self.scale_px**2 * self.max_slices

    @property
    def words(self) -> str:
        """What is done, in a few words."""
        slices = f"up to {self.max_slices} slices"
        return f"cut into {slices} of about {self.scale_px:,} x {self.scale_px:,} px"


ImageRule = (
    Square
    | PanAndScan
    | ClosestGrid
    | Pinpoints
    | LongestSide
    | Shrink
    | Budget
    | Slices
)

IMAGE_RULES: dict[str, type[ImageRule]] = {
    "square": Square,
    "pan_and_scan": PanAndScan,
    "closest_grid": ClosestGrid,
    "pinpoints": Pinpoints,
    "longest_side": LongestSide,
    "shrink": Shrink,
    "budget": Budget,
    "slices": Slices,
}
"""By the name that a model's data file gives."""


def image_rule(told: Mapping[str, Any]) -> ImageRule:
    """Return the rule that a table names, made of its numbers."""
    numbers = {name: _fixed(each) for name, each in told.items() if name != "rule"}
    return IMAGE_RULES[told["rule"]](**numbers)


def _fixed(value: Any) -> Any:
    return tuple(map(_fixed, value)) if isinstance(value, list) else value
