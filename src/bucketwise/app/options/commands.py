"""The options of the commands that judge what there is: all but `analyze`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, dataclass
from typing import TYPE_CHECKING

from bucketwise.app.options.analyze import DEPLOYED
from bucketwise.app.options.option import UNITS, asked, not_among, typed_name
from bucketwise.app.options.shared import (
    LimitOptions,
    ProcessorOptions,
    dialect,
    image_limit,
    kept_places,
    named_model,
    run_cost,
)
from bucketwise.errors import UsageError, raise_all

if TYPE_CHECKING:
    from bucketwise.app.given_plans import PlanGiven
    from bucketwise.app.measured import CostGiven
    from bucketwise.core.limits import Limit

LEAST_LENGTHS = 3
"""Of a + b*S + c*S^2."""

OWN_LIMITS = "what each plan or configuration sets, else as for `analyze`"
OF_CONFIG = "what CONFIG sets, else the checkpoint's"
OF_PLAN = "those of --plan where it has some, else the checkpoint's"


@dataclass(frozen=True, kw_only=True)
class CountOptions(ProcessorOptions):
    """What `count` is asked beside the traffic."""

    model: str = named_model()
    target: str | None = dialect("the newest")


@dataclass(frozen=True, kw_only=True)
class ExplainOptions(CountOptions):
    """What `explain` is asked beside the sizes; `buckets` are in ViT patches."""

    min_pixels: Limit = image_limit("lower", OF_PLAN)
    max_pixels: Limit = image_limit("upper", OF_PLAN)
    buckets: Sequence[int] | None = asked(
        None,
        "choice",
        "name",
        "Buckets to choose from: a plan.json, or lengths such as 1024,4096.",
        name="--plan",
        metavar="PLAN|LIST",
    )


@dataclass(frozen=True, kw_only=True)
class CompareOptions(ProcessorOptions):
    """What `compare` is asked beside the traffic and the plans.

    Limits are of every scenario; without them each brings its own. Without `places` no
    name of an input or a file is told.
    """

    model: str | None = named_model(
        "what the plans name, else qwen3-vl-2b, with a note"
    )
    min_pixels: Limit = image_limit("lower", OWN_LIMITS)
    max_pixels: Limit = image_limit("upper", OWN_LIMITS)
    bucket_unit: str = asked(
        "vit",
        "choice",
        "unit",
        "Unit of lengths given as numbers; every released runtime compares vit.",
        shown="vit",
    )
    cost: CostGiven | None = run_cost()
    target: str | None = dialect("the newest")
    places: bool = kept_places()

    def problems(self) -> list[str]:
        """Return what is wrong with them."""
        return [
            *super().problems(),
            *not_among("bucket-unit", self.bucket_unit, UNITS),
        ]


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What `check` is asked beside the plan and the traffic.

    Without `places` no name of an input or a file is told.
    """

    max_regret: float = asked(
        0.05,
        "gate",
        "percent",
        "Share that the plan's lists may cost above the best ones of as many entries; "
        "beyond it the status is 3.",
        shown="5%",
    )
    model: str | None = named_model("what PLAN names")
    target: str | None = dialect("the newest that PLAN was made for")
    cost: CostGiven | None = run_cost("what PLAN records")
    places: bool = kept_places()

    def __post_init__(self) -> None:
        """Check the share."""
        if not 0 <= self.max_regret < float("inf"):
            message = f"--max-regret: expected 0 or more, got {self.max_regret}"
            raise UsageError(message)


@dataclass(frozen=True, kw_only=True)
class MeasureOptions(ProcessorOptions):
    """What `measure` is asked beside the traffic."""

    model: str | None = named_model("what --plan names")
    min_pixels: Limit = image_limit("lower", DEPLOYED)
    max_pixels: Limit = image_limit("upper", DEPLOYED)
    target: str | None = dialect("the newest")
    plan: PlanGiven | None = asked(
        None,
        "choice",
        "name",
        "A plan.json, or lengths in ViT patches such as 1024,4096: they are measured "
        "first, up to the longest  [default: the lengths of INPUT, else what the limits let through]",
        metavar="PLAN|LIST",
    )
    lengths: int = asked(
        7,
        "choice",
        "points",
        "How many lengths of the ViT to measure.",
        shown="7",
    )
    batch_size: int | None = asked(
        None,
        "decoder",
        "batch",
        "Sequences decoded at once: decode steps up to it and prompts are measured too  "
        "[default: the ViT alone]",
    )

    def problems(self) -> list[str]:
        """Return what is wrong with them."""
        if self.lengths >= LEAST_LENGTHS:
            return super().problems()
        few = (
            f"--lengths: expected at least {LEAST_LENGTHS}, for a curve has as many "
            f"coefficients, got {self.lengths}"
        )
        return [*super().problems(), few]


COMPARE_RECORDED = (
    *("model", "min_pixels", "max_pixels", "video", "bucket_unit", "cost", "target"),
)


@dataclass(frozen=True, kw_only=True)
class LintOptions(LimitOptions):
    """What `lint` is asked beside the configurations."""

    model: str | None = named_model("what CONFIG names")
    min_pixels: Limit = image_limit("lower", OF_CONFIG)
    max_pixels: Limit = image_limit("upper", OF_CONFIG)
    target: str | None = dialect("what CONFIG says, else the newest", ", or vllm")
    npu: str | None = asked(
        None,
        "engine",
        "name",
        "NPU name, such as RBLN-CA25  [default: what CONFIG says]",
    )
    cost: CostGiven | None = run_cost("flops; only with traffic")


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """What `export-load` is asked beside the traffic."""

    tool: str = asked(
        MISSING,
        "load",
        "load_tool",
        "The tool whose form is written.",
        name="--for",
    )
    requests: int = asked(
        1_000,
        "load",
        "count",
        "Requests to write, in proportion to the traffic; as many as it has are all of them.",
        shown="1000",
    )
    prompt: str = asked(
        "Describe what you see.",
        "load",
        "text",
        "The text of every request.",
        shown="Describe what you see.",
    )
    output_tokens: int | None = asked(
        None,
        "load",
        "count",
        "Tokens that every request asks for  [default: not told]",
    )
    arrivals: bool = asked(
        False,  # noqa: FBT003 - the default of a flag
        "load",
        "flag",
        "Send as much each hour as the traffic did, at its rate: a part of the requests "
        "takes that part of the time. Within an hour times are drawn at random.",
    )

    def __post_init__(self) -> None:
        """Check what the command line reads as it is."""
        from bucketwise.app.load_tools import LOAD_TOOLS  # noqa: PLC0415 - keeps --help lean

        raise_all(not_among("for", self.tool, LOAD_TOOLS), UsageError)


@dataclass(frozen=True, kw_only=True)
class VllmOptions:
    """What plain vLLM is started with on one device; used_gb is what others hold then."""

    model: str | None = None
    device_gb: float = asked(
        None,
        "vllm",
        "amount",
        "With --target vllm: memory of the device in 10^9 bytes.",
    )
    gpu_memory_utilization: float = asked(
        None,
        "vllm",
        "share",
        "With --target vllm: vLLM's option of that name, a share of the device.",
    )
    used_gb: float | None = asked(
        None,
        "vllm",
        "any_amount",
        "With --target vllm: what others hold of it when vLLM starts, in 10^9 bytes  "
        "[default: not told]",
    )
    max_model_len: int | None = asked(
        None,
        "vllm",
        "count",
        "With --target vllm: vLLM's option of that name, in tokens  [default: the "
        "model's]",
    )

    def __post_init__(self) -> None:
        """Check that what nothing stands in for was given."""
        needed = ("device_gb", "gpu_memory_utilization")
        missing = [typed_name(name) for name in needed if getattr(self, name) is None]
        if missing:
            message = f"--target vllm needs {' and '.join(missing)}"
            raise UsageError(message)
