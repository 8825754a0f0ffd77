"""Traffic of several scenarios: each under its name, its files grown as asked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bucketwise.errors import UsageError, raise_all
from bucketwise.nouns.traffic import NO_TIME_S, Traffic, merge_traffic
from bucketwise.read.paths import Given
from bucketwise.read.traffic import read_traffic

Grown = tuple[Given, float]
"""An input, and how many times its images count."""


def read_scenarios(scenarios: Mapping[str, Sequence[Grown]], **reading: Any) -> Traffic:
    """Read scenarios as one traffic whose labels are their names.

    Parameters
    ----------
    scenarios : mapping of str to sequence of (str, Path or Query; float)
        Name to inputs, each with the factor that its images are counted by: what
        next year brings of it.
    **reading
        As of `read_traffic`.

    Raises
    ------
    UsageError
        When a scenario has no name or no input, or a factor is not positive.
    InputError
        As of `read_traffic`.
    """
    faults = [
        f"scenario {name!r}: expected inputs with factors above 0, got {list(inputs)}"
        for name, inputs in scenarios.items()
        if not name
        or not inputs
        or not all(0 < factor < math.inf for _, factor in inputs)
    ]
    raise_all(faults, UsageError)
    parts = [
        _under(name, read_traffic([given], **reading), factor)
        for name, inputs in scenarios.items()
        for given, factor in inputs
    ]
    return merge_traffic(parts)


def _under(name: str, traffic: Traffic, factor: float) -> Traffic:
    """Return a traffic under one label, grown; when it was sent tells nothing of it."""
    return replace(
        traffic,
        slot_start_s=np.full_like(traffic.slot_start_s, NO_TIME_S),
        first_s=None,
        last_s=None,
        labels=(name,),
        label=np.zeros_like(traffic.label),
        count=traffic.count * factor,
        weighted=traffic.weighted or factor != 1,
    )
