"""Python lines for releases that run a ViT on one device, whatever is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bucketwise.engines.rbln.emit.context import EmitContext

VERSION_IMPORT = "from importlib.metadata import version\n"


def first_device_lines(
    context: EmitContext, name: str, devices: Mapping[str, Any]
) -> str:
    """Return lines that leave the ViT its first device, where a release splits none.

    A list of several ends in "The number of devices (8) does not match tensor parallel
    size (1)" there (optimum-rbln 0.10.2, modeling_base.py).

    Parameters
    ----------
    context : EmitContext
        The plan for one dialect.
    name : str
        The constant that holds the devices.
    devices : mapping
        What it holds.

    Returns
    -------
    str
        "" where every release splits the ViT, or no devices are listed.
    """
    releases = context.unsplit_releases
    if not releases or not isinstance(devices["visual"].get("device"), list):
        return ""
    return (
        f'if version("optimum-rbln") in {releases!r}:\n'
        "    # Compiled for one device, whatever was asked.\n"
        f'    {name}["visual"]["device"] = {name}["visual"]["device"][:1]\n'
    )
