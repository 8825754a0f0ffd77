"""`--config FILE`: the options of a command out of a TOML file, for runs that repeat."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

from bucketwise.errors import meant

MOST_BYTES = 2**20


def _read(ctx: click.Context, param: click.Parameter, name: str | None) -> str | None:
    """Make what the file says the defaults of the other options."""
    if name is None:
        return None
    options = {
        max(each.opts, key=len).removeprefix("--"): each
        for each in ctx.command.params
        if isinstance(each, click.Option) and each is not param
    }
    defaults = {}
    wrong = []
    for key, value in _table(name, ctx, param).items():
        typed = key.replace("_", "-")
        option = options.get(typed)
        if option is None:
            near = meant(typed, options)
            wrong.append(f"got {key!r}" + (f" (did you mean {near}?)" if near else ""))
            continue
        defaults[str(option.name)] = _as_typed(value, option)
    if wrong:
        message = f"{name}: expected options of {ctx.info_name}, {'; '.join(wrong)}"
        raise click.BadParameter(message, ctx, param)
    ctx.default_map = {**defaults, **(ctx.default_map or {})}
    return Path(name).name


def _table(name: str, ctx: click.Context, param: click.Parameter) -> dict[str, Any]:
    try:
        with Path(name).open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            message = f"{name}: expected at most {MOST_BYTES:,} bytes"
            raise click.BadParameter(message, ctx, param)
        return tomllib.loads(text.decode())
    except (OSError, ValueError, RecursionError) as error:
        message = (
            f"{name}: expected TOML with a line for each option, such as "
            f'model = "qwen3-vl-2b"; got {error}'
        )
        raise click.BadParameter(message, ctx, param) from error


def _as_typed(value: Any, option: click.Option) -> Any:
    """Return a value as it would be typed."""
    if isinstance(value, bool):
        return value if option.is_flag else str(value)
    if isinstance(value, dict):
        value = ",".join(f"{key}={each}" for key, each in value.items())
    if option.multiple:
        return [str(each) for each in (value if isinstance(value, list) else [value])]
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)


config_option = click.option(
    "--config",
    is_eager=True,
    callback=_read,
    metavar="FILE",
    help='Take options from a TOML file, by their names: model = "qwen3-vl-2b", '
    'target = ["0.12.0"], max_pixels = 1003520. What is typed beside it counts more  '
    "[default: none]",
)
