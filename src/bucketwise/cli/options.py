"""Options, each defined once and bundled by meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeVar

import click

from bucketwise.app.options import Option, options_in
from bucketwise.cli.option_types import (
    KINDS,
    MOST_COUNT,
    MOST_LEAST_PIXELS,
    Amount,
    Columns,
    Name,
    Percent,
    Pixels,
)
from bucketwise.errors import UsageError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_SQL = "bucketwise.sql"
"""Where the query waits for the inputs that it reads."""

counts = click.IntRange(min=1, max=MOST_COUNT)


def bundle(
    *options: Callable[[Decorated], Decorated], group: str = ""
) -> Callable[..., Any]:
    """Return one decorator that applies all the options, listed in reading order.

    `group` is the heading they stand under in `--help`.
    """

    def decorate(command: Decorated) -> Decorated:
        params = getattr(command, "__click_params__", [])
        before = len(params)
        done = reduce(lambda done, option: option(done), reversed(options), command)
        for each in getattr(done, "__click_params__", [])[before:]:
            each.heading = getattr(each, "heading", "") or group
        return done

    return decorate


class Grouped(click.Command):
    """A command whose options stand under headings."""

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the options, each group under its heading, those of none last."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                heading = getattr(param, "heading", "") or "Options"
                groups.setdefault(heading, []).append(record)
        for heading in sorted(groups, key="Options".__eq__):
            with formatter.section(heading):
                formatter.write_dl(groups[heading])


def derived(options: type, group: str) -> tuple[Callable[[Any], Any], ...]:
    """Return the options of one group of a command's fields."""
    return tuple(
        _derived(field, option) for field, option in options_in(options, group).items()
    )


def _derived(field: str, option: Option) -> Callable[[Any], Any]:
    name = option.name or f"--{field.replace('_', '-')}"
    if option.kind == "flag":
        return click.option(name, field, is_flag=True, help=option.text)
    return click.option(
        name,
        field,
        type=KINDS[option.kind],
        default=option.shown,
        show_default=option.shown is not None,
        metavar=option.metavar,
        multiple=option.repeats,
        help=option.text,
    )


def _together(
    ctx: click.Context,
    param: click.Parameter,
    values: Sequence[Sequence[tuple[str, str]]],
) -> dict[str, str] | None:
    """Return the columns by role, of all the times that the option is given."""
    pairs = [pair for each in values for pair in each]
    if not pairs:
        return None
    from bucketwise.read.tables.naming import Naming

    columns = dict(pairs)
    twice = [role for role, column in pairs if columns[role] != column]
    if twice:
        message = f"expected one column for {twice[0]}, got several"
        raise click.BadParameter(message, ctx, param)
    try:
        Naming(columns)
    except UsageError as error:
        said = str(error).removeprefix("--columns: ")
        raise click.BadParameter(said, ctx, param) from error
    return columns


columns_option = click.option(
    "--columns",
    type=Columns(),
    multiple=True,
    callback=_together,
    metavar="ROLE=NAME,...",
    help="Which column is which, such as width=imgW,height=imgH; a.b.c for nested JSON, "
    "positions from 1 for a file without header; repeatable. Columns of the usual names "
    "need no naming; a role that does not exist is refused with the list of those that do.",
)


def asked(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> Any:
    """Return the inputs, or the query over them."""
    sql = ctx.meta.get(_SQL)
    if sql is not None:
        from bucketwise.read.query import Query

        return (Query(sql, tuple(values)),)
    if isinstance(param, click.Argument) and not values:
        raise click.MissingParameter(ctx=ctx, param=param)
    return tuple(values)


def _kept(ctx: click.Context, _: click.Parameter, sql: str | None) -> None:
    ctx.meta[_SQL] = sql


sql_option = click.option(
    "--sql",
    is_eager=True,
    expose_value=False,
    callback=_kept,
    metavar="QUERY",
    help="Read what one SELECT in DuckDB's language gives, its columns named for what they "
    "are: \"SELECT w AS width, h AS height FROM read_json('x.json')\". It reads INPUT, or "
    "what is below this folder where there is none, and does nothing else  "
    "[default: INPUT as it is]",
)

traffic_options = bundle(
    click.argument("inputs", nargs=-1, callback=asked, metavar="INPUT..."),
    sql_option,
    columns_option,
    click.option(
        "--max-bad-rows",
        type=Percent(),
        default="5%",
        show_default=True,
        help="Stop when more than this share of the rows cannot be used.",
    ),
    click.option(
        "--ignore-orientation",
        is_flag=True,
        help="Count images as stored, for serving stacks that do not turn them.",
    ),
)

model_option = click.option(
    "--model",
    type=Name(),
    help="Built-in name, Hugging Face id or local folder  [default: qwen3-vl-2b, with a "
    "note]",
)
required_model_option = click.option(
    "--model",
    type=Name(),
    required=True,
    help="Built-in name, Hugging Face id or local folder.",
)

cost_option = click.option(
    "--cost",
    default="flops",
    show_default=True,
    help="What a ViT run costs: flops, or linear, in proportion to its length.",
)


def _kept_count(ctx: click.Context, param: click.Parameter, value: int | None) -> None:
    """Keep the count until the limit it stands for is read."""
    ctx.meta[str(param.name)] = value


def _or_soft_tokens(
    ctx: click.Context, param: click.Parameter, value: int | str | None
) -> int | str | None:
    """Return the upper limit, given as pixels or as a count of soft tokens."""
    count = ctx.meta.get("soft_tokens")
    if count is None:
        return value
    if value is not None:
        message = "expected --max-pixels or --soft-tokens, got both"
        raise click.BadParameter(message, ctx, param)
    from bucketwise.core.in_service import SOFT_TOKEN_PX

    pixels: int = count * SOFT_TOKEN_PX**2
    return pixels


def image_limits(default: str) -> Callable[..., Any]:
    """Return the options of the image limits, saying what holds without them."""
    return bundle(
        click.option(
            "--min-pixels",
            type=Pixels(most=MOST_LEAST_PIXELS),
            help='The processor\'s lower image limit in pixels, or "checkpoint"  '
            f"[default: {default}]",
        ),
        click.option(
            "--max-pixels",
            type=Pixels(),
            callback=_or_soft_tokens,
            help='The processor\'s upper image limit in pixels, or "checkpoint"  '
            f"[default: {default}]",
        ),
        click.option(
            "--soft-tokens",
            type=click.IntRange(min=1, max=MOST_COUNT),
            expose_value=False,
            is_eager=True,
            callback=_kept_count,
            help="max_soft_tokens of the processor, for models that scale every image to "
            "so many soft tokens  [default: the checkpoint's]",
        ),
    )


video_limits = bundle(
    click.option(
        "--video-fps",
        type=Amount(most=1_000_000),
        help="Sample clips of known fps at this rate  [default: the model's]",
    ),
    click.option(
        "--max-frames",
        type=counts,
        help="Frames the serving stack keeps before the processor sees a clip  "
        "[default: all]",
    ),
    click.option(
        "--video-min-pixels",
        type=Pixels(checkpoint=False, most=MOST_LEAST_PIXELS),
        help="Lower video limit in pixels  [default: the checkpoint's]",
    ),
    click.option(
        "--video-max-pixels",
        type=Pixels(checkpoint=False),
        help="Upper video limit in pixels  [default: the checkpoint's]",
    ),
    click.option(
        "--cap-pixels-per-frame",
        is_flag=True,
        help="The video processor's switch of that name (off in released versions).",
    ),
)


def target_option(default: str, also: str = "") -> Callable[..., Any]:
    """Return the option of the SDK dialects, saying what holds without it."""
    return click.option(
        "--target",
        type=Name(),
        multiple=True,
        metavar="SDK",
        help="An SDK dialect such as optimum-rbln==0.12.0 (see `bucketwise targets`)"
        f"{also}  [default: {default}]",
    )


def one_target(names: tuple[str, ...]) -> str | None:
    """Return the one target of a command that compares with a single release."""
    if len(names) > 1:
        message = f"give one --target here, {len(names)} found"
        raise click.UsageError(message)
    return names[0] if names else None
