"""What stands beside the lists of a plan, most of it options of the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bucketwise.engines.gaudi.strategies import BLOCK_TOKENS, Server
from bucketwise.engines.gaudi.warming import Warmed
from bucketwise.errors import ConfigError
from bucketwise.nouns.document import GivenConfig

CONTEXT = 32_768
STEP_TOKENS = 2_048
"""Where nobody gives a context, and tokens of a step: both bound what is prepared."""

_FOREIGN = {
    "devices": "--devices",
    "kvcache_partition_len": "--kvcache-partition-len",
    "npu": "--npu",
}
"""What is set over the configurations of other engines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GaudiBase:
    """What the emitted files are made of beside the plan.

    Attributes
    ----------
    max_model_len : int or None
        Context; None where nobody gave it.
    warmed : Warmed or None
        The resolutions to warm; None before they are chosen.
    """

    max_model_len: int | None = None
    warmed: Warmed | None = None

    @property
    def mapping(self) -> dict[str, Any]:
        """What it says, as JSON values: all of it is in the environment."""
        return {}

    def server(self, max_num_seqs: int) -> Server:
        """Return what bounds the shapes of a step."""
        return Server(
            max_num_seqs=max_num_seqs,
            max_model_len=self.max_model_len or CONTEXT,
            max_num_batched_tokens=STEP_TOKENS,
        )

    def assumed(self) -> Sequence[Any]:
        """Return nothing: what is assumed stands among the assumptions of the plan."""
        return ()

    def assumptions(self) -> tuple[tuple[str, str, str, str], ...]:
        """Return name, value, status and source of every value."""
        source = "it bounds the shapes in the file; serve.sh sets it"
        rows = [
            (
                "block_size",
                str(BLOCK_TOKENS),
                "assumed",
                "vllm-gaudi's own (platform.py)",
            ),
            ("max_num_batched_tokens", str(STEP_TOKENS), "assumed", source),
        ]
        if self.max_model_len is None:
            told = f"{source}; --max-seq-len gives it"
            rows.append(("max_model_len", str(CONTEXT), "assumed", told))
        return tuple(rows)

    def gives(self, key: str) -> bool:
        """Return whether somebody gave the value of that name."""
        return key == "max_seq_len" and self.max_model_len is not None


def base_of(
    family: str, given: GivenConfig | None, over: Mapping[str, Any]
) -> GaudiBase:
    """Return what emitted files start from.

    Raises
    ------
    ConfigError
        Where something is set over it that vllm-gaudi has no setting for.
    """
    del family, given
    foreign = [option for name, option in _FOREIGN.items() if name in over]
    if foreign:
        message = f"{', '.join(foreign)}: no setting of vllm-gaudi; leave it out"
        raise ConfigError(message)
    return GaudiBase(max_model_len=over.get("max_seq_len"))
