"""Where a server of these tests listens, and what they say of one that cannot be had."""

from __future__ import annotations

import os
import socket
from typing import NoReturn

import pytest

MUST_START = "BUCKETWISE_MUST_START"
"""Names of servers, apart by commas, that CI says must be there."""


def absent(name: str, why: str) -> NoReturn:
    """Skip in words; fail where that server must be there."""
    if name in os.environ.get(MUST_START, "").split(","):
        pytest.fail(f"{name} must start here: {why}")
    pytest.skip(f"{name}: {why}")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
