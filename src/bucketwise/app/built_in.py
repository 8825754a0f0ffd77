"""What is built in."""

from __future__ import annotations

from bucketwise.engines import engine_for, engines
from bucketwise.nouns.encoder_profile import EncoderProfile
from bucketwise.nouns.engine import Engine, Release, Target
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


def targets() -> tuple[Target, ...]:
    """Return the SDK dialects text is emitted for, oldest first, engine by engine."""
    return tuple(target for engine in engines() for target in engine.named(()))


def newest(target: str | None) -> Target:
    """Return the dialect asked for, or the newest."""
    names = [target] if target else []
    found: Target = engine_for(names).named(names)[-1]
    return found


def release_of(target: str | None) -> Release:
    """Return the release that the dialect asked for, or the newest, is named after."""
    engine: Engine = engine_for([target] if target else [])
    return engine.release(newest(target).parsed)
