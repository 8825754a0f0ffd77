"""Options, each defined once and bundled by meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeVar

import click

from bucketwise.app.options.option import Option, options_in, typed_name
from bucketwise.cli.option_types import KINDS, Columns, Duration, Percent, ScenarioFiles
from bucketwise.errors import UsageError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_SQL, _SCENARIOS = "bucketwise.sql", "bucketwise.scenarios"
"""Where the query waits for the inputs that it reads, and what stands for them."""
_ELSEWHERE = ("connect", "table", "query", "where", "print_sql")
"""Options that tell where a table is that is no file."""

counts = KINDS["count"]


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


def derived(options: type, *groups: str) -> tuple[Callable[[Any], Any], ...]:
    """Return the options of a command's fields, or those of some groups."""
    found = options_in(options, *groups)
    return tuple(_derived(field, option) for field, option in found.items())


def _derived(field: str, option: Option) -> Callable[[Any], Any]:
    name = option.name or typed_name(field)
    if option.kind == "flag":
        callback = turned if name.startswith("--no-") else None
        return click.option(
            name, field, is_flag=True, callback=callback, help=option.text
        )
    return click.option(
        name,
        field,
        type=KINDS[option.kind],
        show_default=option.shown is not None,
        metavar=option.metavar,
        multiple=option.repeats or option.once,
        callback=_one if option.once else None,
        help=option.text,
        # A default of None, too, would do for what must be given.
        **{"required": True} if option.required else {"default": option.shown},
    )


def turned(_: click.Context, __: click.Parameter, value: bool) -> bool:
    """Return what a flag that leaves something out says of it."""
    return not value


def _one(_: click.Context, param: click.Parameter, values: Sequence[Any]) -> Any:
    """Return the one value of an option that has room for no second."""
    if len(values) > 1:
        message = f"give one {param.opts[0]} here, {len(values)} found"
        raise click.UsageError(message)
    return values[0] if values else None


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
    told = {name: ctx.meta.get(f"bucketwise.{name}") for name in _ELSEWHERE}
    if any(told.values()):
        return _elsewhere(ctx, values, **told)
    sql = ctx.meta.get(_SQL)
    if sql is not None:
        from bucketwise.read.query import Query

        return (Query(sql, tuple(values)),)
    if ctx.meta.get(_SCENARIOS):
        if values:
            message = "expected INPUT or --scenario, got both"
            raise click.UsageError(message, ctx)
        return ()
    if isinstance(param, click.Argument) and not values:
        raise click.MissingParameter(ctx=ctx, param=param)
    return tuple(values)


def _elsewhere(
    ctx: click.Context, values: Sequence[str], connect: str | None,
    print_sql: str | None, **told: str | None,
) -> Any:  # fmt: skip
    """Return the table in a database in the place of inputs; none where it is not read."""
    if not (connect or print_sql):
        given = next(name for name, value in told.items() if value)
        message = f"--{given}: expected --connect URL beside it"
        raise click.UsageError(message, ctx)
    if (
        values
        or ctx.meta.get(_SQL)
        or ctx.meta.get(_SCENARIOS)
        or (connect and print_sql)
    ):
        message = "expected one of INPUT, --sql, --scenario, --connect and --print-sql"
        raise click.UsageError(message, ctx)
    if not connect:
        return ()
    from bucketwise.read.elsewhere import Elsewhere

    return (Elsewhere(connect, **{name: value or "" for name, value in told.items()}),)


def kept_apart(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    """Keep the value of an option where the inputs look for it."""
    ctx.meta[f"bucketwise.{param.name}"] = value
    return value


def _elsewhere_option(
    name: str, metavar: str, text: str, *, kept: bool = False
) -> Callable[[Any], Any]:
    return click.option(
        name,
        is_eager=True,
        expose_value=kept,
        callback=kept_apart,
        metavar=metavar,
        help=text,
    )


def _kept(ctx: click.Context, _: click.Parameter, sql: str | None) -> None:
    ctx.meta[_SQL] = sql


def _named(ctx: click.Context, _: click.Parameter, found: Sequence[Any]) -> Any:
    ctx.meta[_SCENARIOS] = dict(found)
    return dict(found)


scenario_option = click.option(
    "--scenario",
    "scenarios",
    is_eager=True,
    multiple=True,
    type=ScenarioFiles(),
    callback=_named,
    metavar="NAME=FILES",
    help="In the place of INPUT: what one scenario sends, its files apart by commas, each "
    "with *FACTOR where it grows: next-year=chat.csv*1.5,docs.csv*3; repeatable. One plan "
    "for all together, and what it costs each; --robust for the worst of them  "
    "[default: INPUT, its labels]",
)


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


def bad_rows_option(rows: str) -> Callable[..., Any]:
    """Return the option of how many of some rows may be unusable."""
    return click.option(
        "--max-bad-rows",
        type=Percent(),
        default="5%",
        show_default=True,
        help=f"Stop when more than this share of {rows} cannot be used.",
    )


half_life_option = click.option(
    "--half-life",
    "half_life_s",
    type=Duration(),
    metavar="14d|36h",
    help="Count an image half as much as one that was sent this much later  [default: all "
    "alike]",
)

connect_option = _elsewhere_option(
    "--connect",
    "URL",
    "In the place of INPUT: a database that SQLAlchemy knows, such as "
    "postgresql+psycopg://host/name (needs bucketwise[sql]) or postgresql+adbc://host/name "
    "(needs adbc-driver-postgresql), or Spark: sc://host:port, spark://host:port (needs "
    "bucketwise[spark]). Alike rows are counted "
    "there, in UTC, and judged here; only sizes, counts, hours and the label leave it  "
    "[default: INPUT]",
)


def table_options(*, kept: bool = False) -> tuple[Callable[..., Any], ...]:
    """Return the options of what is counted in a database."""
    return (
        _elsewhere_option(
            "--table",
            "NAME",
            "The table there: its name, parts of it apart by dots  [default: --query]",
            kept=kept,
        ),
        _elsewhere_option(
            "--query",
            "SQL",
            "One SELECT there in the place of a table, in the words of its engine  "
            "[default: --table]",
            kept=kept,
        ),
        _elsewhere_option(
            "--where",
            "SQL",
            "Count the rows alone that meet this, in the words of its engine  "
            "[default: all]",
            kept=kept,
        ),
    )


k_anonymity_option = click.option(
    "--k-anonymity",
    type=counts,
    default=1,
    show_default=True,
    help="Drop each size of an hour and label that is seen fewer times than this, and say "
    "how many.",
)

traffic_options = bundle(
    click.argument("inputs", nargs=-1, callback=asked, metavar="INPUT..."),
    sql_option,
    columns_option,
    bad_rows_option("the rows"),
    click.option(
        "--ignore-orientation",
        is_flag=True,
        help="Count images as stored, for serving stacks that do not turn them.",
    ),
)
