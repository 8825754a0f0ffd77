"""The options of a choice of lengths, checked where they are made."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from bucketwise.core.batches import RunTogether
from bucketwise.core.buckets import MAX_LENGTH
from bucketwise.core.budgets import NO_BUDGETS, Budgets
from bucketwise.core.cost import COSTS, FLOP, MEASURE
from bucketwise.core.optimize import EXACT, OF_SCENARIOS, SOLVERS
from bucketwise.core.optimize.choose import GraphPrice
from bucketwise.core.plan import BucketUnit
from bucketwise.errors import UsageError, raise_all
from bucketwise.nouns.measured_cost import MeasuredCost
from bucketwise.nouns.profile import ModelProfile
from bucketwise.words.numbers import TIME_UNIT

SEARCHED = "local search"
"""What stands in the place of a strategy where a search found the lengths."""

MOST_BUCKETS = 64
"""More graphs than anybody compiles: the most any published advice names is 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the images are served at, as far as somebody said."""

    images_per_day: float | None = None
    device_hour: tuple[float, float] | None = None
    """Least and most that an hour of one device costs."""

    def __post_init__(self) -> None:
        """Check that a price is one."""
        if self.device_hour and not 0 < self.device_hour[0] <= self.device_hour[1]:
            low, high = self.device_hour
            message = (
                "price-per-device-hour: expected above 0, the lower first, got "
                f"{low:g}-{high:g}"
            )
            raise UsageError(message)


NO_SERVICE = Service()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What is asked of the traffic; lengths are in ViT patches.

    Attributes
    ----------
    strategy : str
        A key of `SOLVERS`.
    k_range : tuple of int
        Least and most buckets.
    min_saving : float
        Share of the compute left that the last bucket must save, 0 to 1.
    graph_price : GraphPrice or None
        What one more graph costs; decides k when given.
    budgets : Budgets
        What the plan may not exceed; kept by the exact optimum alone.
    align : int or None
        Multiple of every bucket; the model's own when None.
    headroom : float
        Share added to the top bucket.
    pins : tuple of int
        Lengths that must be compiled.
    bucket_unit : {"vit_patches", "merged_patches"}
        Unit of the lists that are emitted.
    cost : str or MeasuredCost
        A key of `COSTS`, or what runs were measured to take.
    service : Service
        Images a day and the price of a device-hour, as far as somebody said.
    keep_max_pixels : bool
        Whether somebody chose the upper image limit, which is then not lowered where
        that shrinks images.
    allow_overflow : bool
        Whether the emitted limits may let images through that no bucket holds.
    together : RunTogether or None
        How images that came together run; None where each runs alone.
    """

    strategy: str = EXACT
    k_range: tuple[int, int] = (2, 4)
    min_saving: float = 0.05
    graph_price: GraphPrice | None = None
    budgets: Budgets = NO_BUDGETS
    align: int | None = None
    headroom: float = 0.0
    pins: tuple[int, ...] = ()
    bucket_unit: BucketUnit = "vit_patches"
    cost: str | MeasuredCost = "flops"
    service: Service = NO_SERVICE
    keep_max_pixels: bool = False
    allow_overflow: bool = False
    together: RunTogether | None = None

    def __post_init__(self) -> None:
        """Check every option by itself."""
        least, most = self.k_range
        known = (*SOLVERS, *OF_SCENARIOS)
        wrong = {
            f"strategy: expected one of {', '.join(known)}, got {self.strategy!r}": (
                self.strategy not in known
            ),
            f"cost: expected one of {', '.join(COSTS)}, got {self.cost!r}": (
                isinstance(self.cost, str) and self.cost not in COSTS
            ),
            f"buckets: expected 1 to {MOST_BUCKETS}, ascending, got {least}-{most}": (
                not 1 <= least <= most <= MOST_BUCKETS
            ),
            f"min-saving: expected 0 or more and below 1, got {self.min_saving}": (
                not 0 <= self.min_saving < 1
            ),
            f"align: expected 1 to {MAX_LENGTH:,}, got {self.align}": (
                self.align is not None and not 1 <= self.align <= MAX_LENGTH
            ),
            f"headroom: expected 0 or more, got {self.headroom}": (
                not 0 <= self.headroom < float("inf")
            ),
            f"pin: expected 1 to {MAX_LENGTH:,}, got {list(self.pins)}": any(
                not 1 <= pin <= MAX_LENGTH for pin in self.pins
            ),
            f"strategy: expected {EXACT} with a budget, which no other keeps, got "
            f"{self.strategy!r}": self.budgets.is_any and self.strategy != EXACT,
            self._unpriced(): bool(self._unpriced()),
            "graph-minutes: the price of a graph needs --cost flops, or a measured one": (
                self.graph_price is not None and self.cost == "linear"
            ),
            f"price-per-device-hour: money needs a measured cost; {MEASURE}": (
                self.service.device_hour is not None
                and not isinstance(self.cost, MeasuredCost)
            ),
            "price-per-device-hour: expected --images-per-day beside it": (
                self.service.device_hour is not None
                and self.service.images_per_day is None
            ),
            "the price of a graph needs --graph-minutes too: none were measured": (
                self.graph_price is not None
                and self.graph_price.graph_minutes is None
                and self.budgets.graph_minutes is None
            ),
            "vit-tflops: expected above 0 with --cost flops, which tells no time": (
                self.graph_price is not None
                and self.graph_price.vit_tflops is None
                and self.cost == "flops"
            ),
        }
        problems = [problem for problem, holds in wrong.items() if holds]
        raise_all(problems, UsageError)

    def _unpriced(self) -> str:
        """Say why the cost cannot tell what one image takes; "" where it can."""
        unit = self.budgets.image_unit if self.budgets.image is not None else ""
        if unit == TIME_UNIT and not isinstance(self.cost, MeasuredCost):
            return f"max-latency: milliseconds need a measured cost; {MEASURE}"
        if unit == FLOP and isinstance(self.cost, MeasuredCost):
            return "max-latency: expected milliseconds such as 80ms with a measured cost, got TFLOP"
        if unit == FLOP and self.cost != "flops":
            return "max-latency: TFLOP of one image need --cost flops"
        return ""

    def check_pins(self, profile: ModelProfile) -> None:
        """Check the pins against the model."""
        own, unit = profile.align, self.patches_per_unit(profile)
        problems = [
            f"--pin: expected a multiple of {own} for {profile.name}, got "
            f"{pin // unit}; the next is {-(-pin // (own * unit)) * own}"
            for pin in self.pins
            if pin % (own * unit)
        ]
        priced = isinstance(self.cost, MeasuredCost) or profile.vit
        if self.graph_price is not None and not priced:
            problems.append(
                f"graph-minutes: the compute of {profile.name} is not known; leave it "
                "out, or give --cost a cost.json of its graphs"
            )
        raise_all(problems, UsageError)

    def align_for(self, profile: ModelProfile) -> int:
        """Return the alignment in force: a multiple of the model's own.

        The SDK asks that of the number that is written, whatever it counts.
        """
        own = profile.align * self.patches_per_unit(profile)
        asked = own if self.align is None else -(-self.align // own) * own
        return lcm(asked, self.together.align) if self.together else asked

    @property
    def searched(self) -> tuple[int, ...]:
        """Lengths that a search found; () where the strategy chooses."""
        return self.together.lengths if self.together else ()

    def patches_per_unit(self, profile: ModelProfile) -> int:
        """Return the ViT patches that a length of 1 in `bucket_unit` stands for."""
        merged = self.bucket_unit == "merged_patches"
        return profile.lengths_per_merged if merged else 1
