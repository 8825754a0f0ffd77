"""Choose the shapes to compile for vision-language models, from real traffic.

Every command is a function on plain values: `read_traffic`, `read_evidence`, `analyze`,
`analyze_lengths`, `calibrate`, `check`, `compare`, `count`, `diff`, `explain`, `lint_config`,
`measure`, `read_image_size`, `write_comparison`, `write_cost`, `write_encoder_plan`, `write_histogram`,
`write_plan`. Nothing heavy is imported before one is used.
"""

# Nothing is imported here: PYTHONPATH may still stand before Python's own modules.
TYPE_CHECKING = False

__version__ = "0.1.0"

__all__ = [
    "Analysis",
    "BucketwiseError",
    "Evidence",
    "Query",
    "Traffic",
    "__version__",
    "analyze",
    "analyze_lengths",
    "calibrate",
    "check",
    "compare",
    "count",
    "diff",
    "explain",
    "export_load",
    "lint_config",
    "measure",
    "models",
    "read_evidence",
    "read_image_size",
    "read_traffic",
    "targets",
    "write_comparison",
    "write_cost",
    "write_encoder_plan",
    "write_histogram",
    "write_plan",
]

if TYPE_CHECKING:
    from typing import Any

    from bucketwise.app.built_in import models, targets
    from bucketwise.app.calibrating import calibrate, write_cost
    from bucketwise.app.checking import check
    from bucketwise.app.comparing import compare, write_comparison
    from bucketwise.app.counting import count
    from bucketwise.app.diffing import diff
    from bucketwise.app.encoding import analyze_lengths, write_encoder_plan
    from bucketwise.app.explaining import explain
    from bucketwise.app.exporting import export_load
    from bucketwise.app.linting import lint_config
    from bucketwise.app.measuring import measure
    from bucketwise.app.planning import analyze, write_plan
    from bucketwise.core.analysis import Analysis
    from bucketwise.errors import BucketwiseError
    from bucketwise.nouns.activity import Evidence
    from bucketwise.nouns.traffic import Traffic
    from bucketwise.read import (
        Query,
        read_evidence,
        read_image_size,
        read_traffic,
        write_histogram,
    )

_HOMES = {
    "Analysis": "core.analysis",
    "BucketwiseError": "errors",
    "Evidence": "nouns.activity",
    "Query": "read",
    "Traffic": "nouns.traffic",
    "analyze": "app.planning",
    "analyze_lengths": "app.encoding",
    "calibrate": "app.calibrating",
    "check": "app.checking",
    "compare": "app.comparing",
    "count": "app.counting",
    "diff": "app.diffing",
    "explain": "app.explaining",
    "export_load": "app.exporting",
    "lint_config": "app.linting",
    "measure": "app.measuring",
    "models": "app.built_in",
    "read_evidence": "read",
    "read_image_size": "read",
    "read_traffic": "read",
    "targets": "app.built_in",
    "write_comparison": "app.comparing",
    "write_cost": "app.calibrating",
    "write_encoder_plan": "app.encoding",
    "write_histogram": "read",
    "write_plan": "app.planning",
}


def __getattr__(name: str) -> "Any":
    """Import a public name when it is first used."""
    from importlib import import_module  # noqa: PLC0415 - keeps `import` instant

    if name not in _HOMES:
        message = f"module 'bucketwise' has no attribute {name!r}"
        raise AttributeError(message)
    # A submodule may carry the function's name; the function wins from here on.
    found = getattr(import_module(f"bucketwise.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
