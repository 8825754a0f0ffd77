"""Python text -> its syntax tree."""

from __future__ import annotations

import ast
import warnings

from bucketwise.errors import ConfigError


def parsed(content: str, name: str) -> ast.Module:
    """Return the syntax tree of a Python text.

    Parameters
    ----------
    content : str
        The text.
    name : str
        What to call it.

    Raises
    ------
    ConfigError
        When it is no Python, or nested too deeply.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(content)
    except (RecursionError, MemoryError) as error:
        message = f"{name}: nested too deeply for a script"
        raise ConfigError(message) from error
    except (SyntaxError, ValueError) as error:
        # A null byte is a ValueError in older releases of Python 3.11.
        line = getattr(error, "lineno", None)
        place = f"{name}: line {line}" if line else name
        message = f"{place}: not Python ({getattr(error, 'msg', error)})"
        raise ConfigError(message) from error
