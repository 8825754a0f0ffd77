"""Which requests ask for a completion, by what they show."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ENDS = frozenset(
    {"completions", "responses", "messages", "generate", "generate_stream",
     "invocations", "chat"}
)  # fmt: skip
"""Of the paths under which vLLM generates (0.6.6, 0.33.0 entrypoints), and Ollama."""


OF_A_COMPLETION = rf"(?:POST )?[^? ]*/(?:{'|'.join(sorted(_ENDS))})/?(?:[? ].*)?"
"""How columns show such a request: its line, its path, or all of its address."""


OF_A_PROBE = (
    r"(?:GET |HEAD )?[^? ]*/(?:health|healthz|livez|readyz|ready|ping|metrics|models|load|"
    r"version)/?(?:[? ].*)?"
)
"""The same for what watches a server: vLLM's own paths (0.33.0 entrypoints) and those of
Kubernetes."""


def shows_completions(paths: Iterable[str]) -> bool:
    """Return whether requests tell completions from others by what they asked for.

    Parameters
    ----------
    paths : iterable of str
        Some of the values of a column.
    """
    return any(re.fullmatch(OF_A_COMPLETION, path) for path in paths)
