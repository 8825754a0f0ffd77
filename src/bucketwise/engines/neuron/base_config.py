"""What stands beside the lists of a plan, and what the vendor's recipe takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bucketwise.engines.neuron.blocks import resolved
from bucketwise.engines.neuron.targets import VISION_SECTION
from bucketwise.errors import ConfigError
from bucketwise.nouns.document import GivenConfig

OWN_REQUESTS, OWN_CORES = 8, 16
"""max_num_seqs and tensor_parallel_size of the vendor's recipe."""

RECIPE = "AWS Neuron SDK 2.32.0, vllm-neuron/docs/tutorials/tutorial-qwen3-vl-32b.md"

_OPTIONS = {"kvcache_partition_len": "--kvcache-partition-len", "npu": "--npu"}
"""What is set over the configurations of other engines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeuronBase:
    """What the emitted configuration is made of beside the plan's lists.

    Attributes
    ----------
    given : mapping
        The configuration that was given, without its lists.
    max_model_len : int or None
        Context; None leaves the server the checkpoint's.
    cores : int or None
        Ranks of the server; None where nobody gave them.
    requests : int or None
        Requests that run at once; None where nobody gave them.
    frames : int
        Temporal patches of the longest clip; 0 where none is sent.
    images : int
        Most images of a request.
    counts : tuple of int
        Blocks of each graph of the encoder of vLLM Neuron.
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    max_model_len: int | None = None
    cores: int | None = None
    requests: int | None = None
    frames: int = 0
    images: int = 1
    counts: tuple[int, ...] = ()

    @property
    def mapping(self) -> dict[str, Any]:
        """What it says, as JSON values."""
        return dict(self.given)

    @property
    def world(self) -> int:
        """Ranks of the server."""
        return self.cores or OWN_CORES

    @property
    def max_num_seqs(self) -> int:
        """Requests that run at once."""
        return self.requests or OWN_REQUESTS

    @property
    def dp(self) -> int:
        """Ranks that blocks of vLLM Neuron are dealt out to."""
        vision = self.given.get(VISION_SECTION, {})
        tp, dp = (vision.get(name, 1) for name in ("tp_size", "dp_size"))
        return resolved(tp, dp, self.world)[1]

    def assumed(self) -> Sequence[Any]:
        """Return nothing: what was assumed is told among the plan's assumptions."""
        return ()

    def assumptions(self) -> tuple[tuple[str, str, str, str], ...]:
        """Return name, value, status and source of every value that nobody gave."""
        return tuple(self._assumptions())

    def _assumptions(self) -> Iterator[tuple[str, str, str, str]]:
        if self.cores is None:
            source = f"{RECIPE}; --devices sets it"
            yield "tensor_parallel_size", str(OWN_CORES), "assumed", source

    def gives(self, key: str) -> bool:
        """Return whether somebody gave the value of that name."""
        return key in self.given


def base_of(
    family: str, given: GivenConfig | None, over: Mapping[str, Any]
) -> NeuronBase:
    """Return what emitted configurations start from.

    Raises
    ------
    ConfigError
        Where something is set over it that Neuron has no setting for.
    """
    del family
    foreign = [option for name, option in _OPTIONS.items() if name in over]
    if foreign:
        message = f"{', '.join(foreign)}: no setting of AWS Neuron; leave it out"
        raise ConfigError(message)
    return NeuronBase(
        given=given.mapping if given else {},
        max_model_len=over.get("max_seq_len"),
        cores=over.get("devices"),
    )
