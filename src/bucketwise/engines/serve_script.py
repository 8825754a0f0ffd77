"""The script that starts `vllm serve`, for every engine that is served so."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable

REMARK_WIDTH = 88


def serve_script(
    model: str, remarks: Iterable[str], flags: Iterable[str], variables: str = ""
) -> str:
    """Return serve.sh: remarks wrapped as comments, exported variables, the command."""
    wrapped = [
        row
        for line in remarks
        for row in (textwrap.wrap(line, width=REMARK_WIDTH) or [""])
    ]
    command = [f"exec vllm serve {shlex.quote(model)}", *flags, '"$@"']
    return (
        "#!/usr/bin/env bash\n"
        + "".join(f"# {row}".rstrip() + "\n" for row in wrapped)
        + f"\nset -euo pipefail\n\n{variables}"
        + " \\\n  ".join(command)
        + "\n"
    )
