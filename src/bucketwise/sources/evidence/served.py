"""One request as an access log tells it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

COMPLETIONS = (
    ".../completions, .../responses, .../messages, .../generate or .../invocations"
)

_ENDS = frozenset(
    {"completions", "responses", "messages", "generate", "generate_stream",
     "invocations"}
)  # fmt: skip
"""Of the paths under which vLLM generates (0.6.6, 0.33.0 entrypoints)."""


class Served(NamedTuple):
    """A request that was served; a tuple, as there are millions.

    Attributes
    ----------
    start_s, end_s : float
        Seconds since 1970.
    engine : str
        What tells the engine from others; "" where nothing does. Not to be kept.
    is_completion : bool or None
        Whether it asks for a completion; None where its path is not shown.
    by_second : bool
        Whether its end is told to the second only.
    """

    start_s: float
    end_s: float
    engine: str
    is_completion: bool | None
    by_second: bool


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


def is_completion(method: str, url: str) -> bool:
    """Return whether a request asks for a completion.

    Parameters
    ----------
    method : str
        Such as "POST"; "" where it is not told.
    url : str
        Path, or all of it.
    """
    if method not in {"POST", ""}:
        return False
    path = url.partition("?")[0].rstrip("/")
    return path.rpartition("/")[2] in _ENDS
