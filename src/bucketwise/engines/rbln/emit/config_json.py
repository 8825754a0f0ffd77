"""The configuration itself, as pure JSON."""

from __future__ import annotations

import json

from bucketwise.engines.rbln.emit.context import EmitContext


def config_text(context: EmitContext) -> str:
    """Return rbln_config.json."""
    return json.dumps(context.config(), indent=2, allow_nan=False) + "\n"
