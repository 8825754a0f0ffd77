"""What a test says of a server that cannot be had here."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

MUST_START = "BUCKETWISE_MUST_START"
"""Names of servers, apart by commas, that CI says must be there."""


def absent(name: str, why: str) -> NoReturn:
    """Skip in words; fail where that server must be there."""
    if name in os.environ.get(MUST_START, "").split(","):
        pytest.fail(f"{name} must start here: {why}")
    pytest.skip(f"{name}: {why}")
