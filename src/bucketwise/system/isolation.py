"""Keep what lies around a run from being imported, run or read as settings.

A downloaded data set may hold a json.py, a matplotlibrc or a program called chromium.
This module is imported before anything is safe, so it needs what Python has loaded by
itself and nothing more.
"""

import os
import site
import sys

SETTINGS = {
    # matplotlib reads ./matplotlibrc before this file: report/figures sees to that one.
    "MATPLOTLIBRC": os.devnull,
    "MPL_IGNORE_SYSTEM_FONTS": "1",
}
IGNORED = ("LIBHEIF_PLUGIN_PATH", "MPLBACKEND", "MPLCONFIGDIR")
"""Variables that make a library read settings, or code, from a place the user named."""


def isolate() -> None:
    """Leave this process with the modules, programs and settings of its installation.

    For the command line alone: it changes `sys.path` and the environment. What Python
    runs before any program (sitecustomize, `python -m` itself) is out of its reach.
    """
    # Where bucketwise stands is trusted: `pip install --user`, PYTHONPATH=src.
    package = os.path.dirname(os.path.dirname(__file__))
    trusted = {_real(os.path.dirname(package))}
    library = os.path.dirname(os.__file__)
    for folder in (library, f"{library}/lib-dynload", *site.getsitepackages()):
        trusted.add(_real(folder))
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    around = {_real(each) for each in ("", *named, site.getusersitepackages())}
    sys.path[:] = [each for each in sys.path if _real(each) not in around - trusted]
    # An empty PATH means the working folder; nothing is found below a device.
    os.environ.update(SETTINGS, PATH=program_path() or os.devnull)
    for name in IGNORED:
        os.environ.pop(name, None)


def program_path() -> str:
    """Return PATH without the working folder, however it is written there."""
    here = _real("")
    return os.pathsep.join(
        folder
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if os.path.isabs(folder) and _real(folder) != here
    )


def _real(path: str) -> str:
    try:
        return os.path.realpath(path)
    except OSError:  # the working folder itself is gone
        return path
