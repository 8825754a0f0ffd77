"""What is built in."""

from __future__ import annotations

from bucketwise.engines.rbln.engine import RBLN
from bucketwise.engines.rbln.targets import TARGETS, RblnTarget, pick_targets
from bucketwise.nouns.encoder_profile import EncoderProfile
from bucketwise.nouns.engine import Release
from bucketwise.nouns.profile import ModelProfile
from bucketwise.read.configs.encoders import built_in_encoders
from bucketwise.read.configs.profiles import (
    built_in_profiles,
)


def models() -> tuple[ModelProfile, ...]:
    """Return the built-in model profiles."""
    return tuple(built_in_profiles().values())


def encoders() -> tuple[EncoderProfile, ...]:
    """Return the built-in text encoders."""
    return tuple(built_in_encoders().values())


def targets() -> tuple[RblnTarget, ...]:
    """Return the SDK dialects text is emitted for, oldest first."""
    return tuple(TARGETS.values())


def newest(target: str | None) -> RblnTarget:
    """Return the dialect asked for, or the newest."""
    return pick_targets([target] if target else [])[-1]


def release_of(target: str | None) -> Release:
    """Return the release that the dialect asked for, or the newest, is named after."""
    return RBLN.release(newest(target).parsed)
