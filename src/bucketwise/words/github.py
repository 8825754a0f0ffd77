"""Commands of GitHub Actions, which shows them beside a run."""

from __future__ import annotations

from bucketwise.words.text import printable


def annotation(command: str, said: str, **properties: object) -> str:
    """Return one line that Actions shows as an error, a warning or a notice."""
    told = ",".join(
        f"{name}={_property(str(each))}" for name, each in properties.items()
    )
    return f"::{command} {told}::{_data(said)}\n"


# As GitHub's own toolkit does it (actions/toolkit, packages/core/src/command.ts,
# escapeData and escapeProperty); a carriage return is made visible before.
def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
