"""Will plain vLLM start on another accelerator: its own accounting of memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from bucketwise.core.language_model import (
    input_embedding,
    kv_values_per_token,
    parameters,
    sliding_values,
    state_values,
)
from bucketwise.core.tower import (
    device_parameters,
    host_parameters,
    projector_parameters,
)
from bucketwise.errors import ConfigError, UsageError, raise_all
from bucketwise.nouns.profile import ModelProfile

BYTES_PER_VALUE = 2
"""Weights, cache and activations in 16 bits, as the checkpoints are stored."""

GB = 10**9

Outcome = Literal["refuses", "cannot tell", "should start"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmFit:
    """What vLLM counts before it starts.

    Attributes
    ----------
    model : str
        The model's name.
    device_bytes : int
        Memory of the device.
    utilization : float
        `--gpu-memory-utilization`.
    used_bytes : int or None
        What others hold when vLLM starts; None where nobody told.
    max_model_len : int or None
        Tokens of the longest request; None for the checkpoint's own.
    weights_bytes : int
        All parameters; derived.
    activation_bytes : int
        Peak while vLLM runs the largest image once; assumed.
    token_bytes, state_bytes : int
        Cache of a token, and what a sequence keeps beside it; derived.
    """

    model: str
    device_bytes: int
    utilization: float
    used_bytes: int | None
    max_model_len: int | None
    weights_bytes: int
    activation_bytes: int
    token_bytes: int
    state_bytes: int

    def __post_init__(self) -> None:
        """Check that there is a device and a share of it."""
        wrong = {
            f"device-gb: expected above 0, got {self.device_bytes / GB:g}": (
                self.device_bytes <= 0
            ),
            "gpu-memory-utilization: expected above 0 and up to 1, got "
            f"{self.utilization:g}": not 0 < self.utilization <= 1,
            f"used-gb: expected 0 to device-gb, got {(self.used_bytes or 0) / GB:g}": (
                not 0 <= (self.used_bytes or 0) <= self.device_bytes
            ),
            f"max-model-len: expected at least 1, got {self.max_model_len}": (
                self.max_model_len is not None and self.max_model_len < 1
            ),
        }
        raise_all([what for what, holds in wrong.items() if holds], UsageError)

    @property
    def share_bytes(self) -> int:
        """What vLLM may take, weights, activations and cache together."""
        return math.ceil(self.device_bytes * self.utilization)

    @property
    def room_bytes(self) -> int:
        """What the weights leave of it; negative where they do not go in."""
        return self.share_bytes - self.weights_bytes

    @property
    def request_bytes(self) -> int:
        """Cache of the longest request; of one token where nobody told its length."""
        return self.state_bytes + self.token_bytes * (self.max_model_len or 1)

    @property
    def free_bytes(self) -> int | None:
        """What is free when vLLM starts; None where nobody told."""
        return None if self.used_bytes is None else self.device_bytes - self.used_bytes

    @property
    def refused_at_start(self) -> bool | None:
        """Whether less is free than the share; None where nobody told."""
        free = self.free_bytes
        return None if free is None else free < self.share_bytes

    @property
    def refused_for_cache(self) -> bool:
        """Whether the longest request does not go in, even without activations."""
        return self.request_bytes > self.room_bytes

    @property
    def least_utilization(self) -> float:
        """Below this it refuses for certain; above 1 where the device is too small."""
        return (self.weights_bytes + self.request_bytes) / self.device_bytes

    @property
    def likely_utilization(self) -> float:
        """The same with the activations that are assumed."""
        return self.least_utilization + self.activation_bytes / self.device_bytes

    @property
    def largest_model_len(self) -> int:
        """Above this many tokens it refuses for certain."""
        room = self.room_bytes - self.state_bytes
        return max(room // self.token_bytes, 0)

    @property
    def likely_model_len(self) -> int:
        """The same with the activations that are assumed."""
        room = self.room_bytes - self.state_bytes - self.activation_bytes
        return max(room // self.token_bytes, 0)

    @property
    def outcome(self) -> Outcome:
        """What the arithmetic allows to say."""
        if self.refused_at_start or self.refused_for_cache:
            return "refuses"
        known = self.max_model_len is not None and self.refused_at_start is not None
        likely = self.likely_utilization <= self.utilization
        return "should start" if known and likely else "cannot tell"


def vllm_preflight(
    profile: ModelProfile,
    device_gb: float,
    utilization: float,
    used_gb: float | None = None,
    max_model_len: int | None = None,
) -> VllmFit:
    """Add up what vLLM counts on one device.

    It starts only where at least its share is free, and where the share holds weights,
    peak activations, what lies outside torch, and the cache of one request of full
    length (vllm 0.33.0, v1/worker/gpu_worker.py, determine_available_memory).

    `used_gb` is what others hold of the device when vLLM starts, in 10^9 bytes.
    """
    shape = profile.lm
    if shape is None:
        message = (
            f"{profile.name}: the shape of its language model is not known; give a "
            "checkpoint folder whose config.json tells it"
        )
        raise ConfigError(message)
    tower = device_parameters(profile) + host_parameters(profile)
    tower += projector_parameters(profile)
    weights = parameters(shape) + input_embedding(shape) + tower
    patches = profile.checkpoint.max_pixels // profile.patch_px**2
    # Input and output of an MLP, and what it holds between twice: before and after the
    # activation.
    widths = 2 * (profile.tower.hidden + profile.tower.intermediate)
    kept = state_values(shape) + sliding_values(shape)
    return VllmFit(
        model=profile.name,
        device_bytes=round(device_gb * GB),
        utilization=utilization,
        used_bytes=None if used_gb is None else round(used_gb * GB),
        max_model_len=max_model_len,
        weights_bytes=weights * BYTES_PER_VALUE,
        activation_bytes=patches * widths * BYTES_PER_VALUE,
        token_bytes=kv_values_per_token(shape) * BYTES_PER_VALUE,
        state_bytes=round(kept) * BYTES_PER_VALUE,
    )
