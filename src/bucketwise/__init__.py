"""Choose the shapes to compile for vision-language models, from real traffic.

Every command is a function on plain values: `read_traffic`, `read_evidence`, `analyze`,
`compare`, `count`, `explain`, `lint_config`, `write_comparison`, `write_histogram`,
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
    "compare",
    "count",
    "explain",
    "lint_config",
    "models",
    "read_evidence",
    "read_traffic",
    "targets",
    "write_comparison",
    "write_histogram",
    "write_plan",
]

if TYPE_CHECKING:
    from typing import Any

    from bucketwise.activity import Evidence
    from bucketwise.analysis import Analysis
    from bucketwise.api.built_in import models, targets
    from bucketwise.api.comparing import compare, write_comparison
    from bucketwise.api.counting import count
    from bucketwise.api.explaining import explain
    from bucketwise.api.linting import lint_config
    from bucketwise.api.planning import analyze, write_plan
    from bucketwise.errors import BucketwiseError
    from bucketwise.sources import Query, read_evidence, read_traffic, write_histogram
    from bucketwise.traffic import Traffic

_HOMES = {
    "Analysis": "analysis",
    "BucketwiseError": "errors",
    "Evidence": "activity",
    "Query": "sources",
    "Traffic": "traffic",
    "analyze": "api.planning",
    "compare": "api.comparing",
    "count": "api.counting",
    "explain": "api.explaining",
    "lint_config": "api.linting",
    "models": "api.built_in",
    "read_evidence": "sources",
    "read_traffic": "sources",
    "targets": "api.built_in",
    "write_comparison": "api.comparing",
    "write_histogram": "sources",
    "write_plan": "api.planning",
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
