"""matplotlib as it ships: no settings, fonts or caches that lie around.

The command line asks for that (`bucketwise.system.isolation`). In a program of somebody else's
matplotlib is theirs to set, and `to_svg` sets what figures need.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, nullcontext
from pathlib import Path


def import_matplotlib() -> None:
    """Import matplotlib, in a way that the place it is done from cannot change."""
    if "matplotlib" in sys.modules or os.environ.get("MATPLOTLIBRC") != os.devnull:
        return
    # ./matplotlibrc comes first, whatever the environment says (matplotlib 3.11.2,
    # __init__.py, matplotlib_fname).
    elsewhere = chdir(Path(__file__).parent)
    with elsewhere if Path("matplotlibrc").exists() else nullcontext():
        import matplotlib  # noqa: ICN001, PLC0415 - the settings are read here

    with _no_cache():
        import matplotlib.font_manager  # noqa: F401, PLC0415 - the fonts are listed here


@contextmanager
def _no_cache() -> Iterator[None]:
    """Have the fonts that matplotlib ships listed anew: 0.2 s, and nothing written."""
    import matplotlib as mpl  # noqa: PLC0415 - as above

    logger = logging.getLogger("matplotlib.font_manager")
    place, mpl.get_cachedir = mpl.get_cachedir, lambda: os.devnull
    logger.disabled = True  # it warns that it cannot write there
    try:
        yield
    finally:
        mpl.get_cachedir = place
        logger.disabled = False
