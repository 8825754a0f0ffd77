"""What stands beside the lists of a plan, and what vLLM would take by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.nouns.document import GivenConfig

STEP_TOKENS = 8_192
"""max_num_batched_tokens of a server on one H100 (0.33.0, engine/arg_utils.py,
get_batch_defaults)."""

OWN_REQUESTS = 256
"""max_num_seqs of a server on one GPU of less than 70 GiB; 1,024 on larger ones."""

_OPTIONS = {
    "devices": "--devices",
    "kvcache_partition_len": "--kvcache-partition-len",
    "npu": "--npu",
}
"""What is set over the configurations of other engines."""

_SOURCE = "vLLM's own on an H100 (engine/arg_utils.py): where its own list ends"


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmBase:
    """What the emitted configuration is made of beside the plan's lists.

    Attributes
    ----------
    given : mapping
        Other keys of the compilation config that was given.
    max_model_len : int or None
        Context; None leaves vLLM the checkpoint's.
    frames : int
        Temporal patches of the longest clip; 0 where none is sent.
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    max_model_len: int | None = None
    frames: int = 0

    @property
    def mapping(self) -> dict[str, Any]:
        """What it says, as JSON values."""
        return dict(self.given)

    @property
    def call_tokens(self) -> int:
        """What one call of the encoder holds, by which vLLM's own list ends."""
        return min(STEP_TOKENS, self.max_model_len or STEP_TOKENS)

    def assumed(self) -> Sequence[Any]:
        """Return nothing: no emitted file holds what was assumed."""
        return ()

    def assumptions(self) -> tuple[tuple[str, str, str, str], ...]:
        """Return name, value, status and source of every value."""
        return (("max_num_batched_tokens", str(STEP_TOKENS), "assumed", _SOURCE),)

    def gives(self, key: str) -> bool:
        """Return whether somebody gave the value of that name."""
        return key in self.given


def base_of(
    family: str, given: GivenConfig | None, over: Mapping[str, Any]
) -> VllmBase:
    """Return what emitted configurations start from.

    Raises
    ------
    ConfigError
        Where something is set over it that vLLM has no setting for.
    """
    del family
    foreign = [option for name, option in _OPTIONS.items() if name in over]
    if foreign:
        message = f"{', '.join(foreign)}: no setting of vLLM; leave it out"
        raise ConfigError(message)
    return VllmBase(
        given=given.mapping if given else {}, max_model_len=over.get("max_seq_len")
    )
