"""The shapes of vLLM Neuron: blocks of attention, each with one image, and buckets.

AWS Neuron SDK 2.32.0, vllm-neuron/docs/guides/reference-configuration.md and
design/parallelism/vision_encoder_parallelism.md; vllm-neuron 0.24.0.1.1.0,
neuron_config.py and utils/vision_utils.py, read in a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isqrt

import numpy as np

from bucketwise.core.buckets import Demand
from bucketwise.core.optimize import EXACT, SOLVERS, Problem, align_up
from bucketwise.core.patching import MAX_ASPECT_RATIO
from bucketwise.errors import ConfigError
from bucketwise.nouns.profile import ModelProfile, PixelLimits
from bucketwise.nouns.traffic import FloatArray, IntArray

OWN_BLOCK = 2_048
"""`vision_attention_block_size` where nobody sets it, in ViT patches."""

MOST_COUNTS = 4
"""How many numbers of blocks are compiled at most: each takes minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a call of the encoder computes."""

    bucket: int
    blocks: int
    computed: int
    """ViT patches, padding among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """The graphs of the vision encoder.

    Attributes
    ----------
    buckets : tuple of int
        `num_vision_tokens_buckets`, ascending, in ViT patches.
    block : int
        `vision_attention_block_size`.
    dp : int
        Ranks that blocks are dealt out to.
    """

    buckets: tuple[int, ...]
    block: int = OWN_BLOCK
    dp: int = 1

    def blocks(self, bucket: int) -> int:
        """Return the blocks of a bucket, as many on every rank."""
        each = -(-bucket // (self.block * self.dp))
        return each * self.dp

    def run(self, patches: Sequence[int]) -> Run:
        """Return what a call of images, or frames of clips, computes.

        The bucket is chosen by their sum, and yet each takes a block of its own.

        Raises
        ------
        ConfigError
            Where they are more than every bucket, one is more than a block, or they
            are more than the blocks of their bucket: the engine fails.
        """
        total = sum(patches)
        bucket = next((each for each in self.buckets if each >= total), None)
        if bucket is None:
            message = (
                f"Total vision tokens ({total}) exceeds largest configured bucket "
                f"({self.buckets[-1]})"
            )
            raise ConfigError(message)
        blocks = self.blocks(bucket)
        for place, each in enumerate(patches):
            if each > self.block:
                message = (
                    f"Item {place} has {each} tokens, exceeds block_size={self.block}."
                )
                raise ConfigError(message)
            if place >= blocks:
                message = (
                    f"Cannot fit item {place} ({each} tokens, needs 1 blocks) starting "
                    f"at block {place} with only {blocks} total blocks."
                )
                raise ConfigError(message)
        return Run(bucket=bucket, blocks=blocks, computed=blocks * self.block)


def own_batches(max_num_seqs: int) -> tuple[int, ...]:
    """Return `num_seqs_buckets` where nobody sets it: doubling, then all."""
    return _doubling(1, max_num_seqs)


def own_buckets(most: int, block: int) -> tuple[int, ...]:
    """Return `num_vision_tokens_buckets` where nobody sets it."""
    return _doubling(block, most)


def wrong_batches(buckets: object, max_num_seqs: int | None) -> str:
    """Return what is wrong with `num_seqs_buckets`; "" for nothing.

    Parameters
    ----------
    buckets : object
        As it was given.
    max_num_seqs : int or None
        What the server runs at once; None where nobody tells.
    """
    name = "num_seqs_buckets"
    if not isinstance(buckets, list):
        return f"{name} must be a list, got {type(buckets).__name__}"
    if not buckets:
        return f"{name} cannot be empty"
    for place, each in enumerate(buckets):
        if type(each) is not int or each <= 0:
            return f"{name}[{place}] must be positive, got {each}"
    if buckets != sorted(set(buckets)):
        return f"{name} must be in strictly ascending order, got {buckets}"
    if max_num_seqs is not None and buckets[-1] != max_num_seqs:
        return (
            f"Last bucket in {name} must equal max_num_seqs ({max_num_seqs}), "
            f"got {buckets[-1]}"
        )
    return ""


def resolved(tp: int, dp: int, world: int) -> tuple[int, int]:
    """Return the ranks that share weights, and those that blocks are dealt out to.

    Raises
    ------
    ConfigError
        Where they do not make up the world.
    """
    if dp > 1 and tp == 1:
        tp = max(world // dp, 1)
    if world % tp:
        message = "world_size must be divisible by vision tp_size"
        raise ConfigError(message)
    dp = world // tp if dp == 1 else dp
    if tp * dp != world:
        message = "vision tp_size * dp_size must equal world_size"
        raise ConfigError(message)
    return tp, dp


def choose_counts(
    blocks: IntArray, weights: FloatArray, *, most: int, dp: int
) -> tuple[int, ...]:
    """Return the numbers of blocks to compile: the fewest blocks computed in all.

    Parameters
    ----------
    blocks : ndarray of int64, shape (n,)
        Images, or frames of a clip, in each kind of call.
    weights : ndarray of float64, shape (n,)
        How often it comes.
    most : int
        Images and frames that may come together.
    dp : int
        Ranks that blocks are dealt out to.
    """
    problem = Problem.of(
        Demand.of(blocks, weights),
        lambda counts: counts.astype(np.float64),
        align=dp,
        top=int(align_up(np.array([most]), dp)[0]),
    )
    return SOLVERS[EXACT](problem, MOST_COUNTS)


def is_safe(count: int, block: int, least: int) -> bool:
    """Return whether whatever goes into a bucket of so many blocks has no more images.

    A call goes by its sum. Only where one image more than there are blocks is always
    more than the bucket holds does none come that it has too few blocks for.

    Parameters
    ----------
    count : int
        Blocks.
    block : int
        ViT patches of one.
    least : int
        Of the smallest image that the processor makes.
    """
    return (count + 1) * least > count * block


def least_patches(limits: PixelLimits, profile: ModelProfile) -> int:
    """Return no more than the ViT patches of the smallest image there can be.

    That is one grown to the lower limit, or one shrunk to the upper, whose sides are
    rounded down: a thin one loses much of it.
    """
    area = limits.max_pixels / profile.factor_px**2
    merged = -(-limits.min_pixels // profile.factor_px**2)
    for short in range(1, isqrt(int(area)) + 1):
        if area <= MAX_ASPECT_RATIO * (short + 1) ** 2:
            merged = min(merged, short * max(short, ceil(area / (short + 1)) - 1))
    return max(merged, 1) * profile.patches_per_merged


def _doubling(least: int, most: int) -> tuple[int, ...]:
    found = []
    while least < most:
        found.append(least)
        least *= 2
    return (*found, most)
