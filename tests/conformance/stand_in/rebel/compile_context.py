"""Stands in for the compiler's module of this name; see the package."""

from __future__ import annotations

from importlib import import_module
from typing import Any

torch: Any = import_module("torch")


class CompileContext:
    """Where graphs would share weights."""

    def __init__(self, **_: Any) -> None:
        """Take what the release says of sharing, and bring the operator it swaps in.

        Releases up to 0.11.0 define the operator themselves; later ones take the
        compiler's.
        """
        if not hasattr(torch.ops.rbln_custom_ops, "linear"):
            torch.library.define(
                "rbln_custom_ops::linear",
                "(Tensor x, Tensor weight, Tensor? bias=None) -> Tensor",
            )

        self.static: list[str] = []

    def mark_static_address(self, _: Any, *names: str) -> None:
        """Take the name of a cache tensor, which no call is given."""
        self.static += names
