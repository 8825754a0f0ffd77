"""The command line: parse, call, say where it wrote. Nothing else."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise

import click

from bucketwise import __version__
from bucketwise.cli.terminal import (
    complain,
    drop_unwritten,
    open_closed_streams,
    refused,
)
from bucketwise.errors import BucketwiseError, meant

INTERRUPTED = 130

NO_MEMORY = (
    "memory ran out; end other programs, set TMPDIR to a folder with room, or read parts "
    "with bucketwise histogram and give the histograms: they add up"
)

# Name -> (module, what `--help` says): a command's module is imported when it is used,
# so that `bucketwise --help` imports nothing heavy.
COMMANDS = {
    "analyze": ("analyze", "Choose ViT buckets from traffic; write plan and report."),
    "count": ("count", "List every distinct size and what it becomes."),
    "explain": ("explain", "Follow one image or clip to its bucket, in words."),
    "histogram": ("histogram", "Reduce traffic once; keep the histogram."),
    "lint": ("lint", "Say whether configurations will work, and for this traffic."),
    "compare": ("compare", "Set two or more plans or bucket lists side by side."),
    "calibrate": ("calibrate", "Fit a cost to measured times; other commands take it."),
    "check": ("check", "Say whether a plan is still good for newer traffic."),
    "diff": ("diff", "Say what changed between two plans, and what changed it."),
    "measure": ("measure", "Write the script that times graphs on a device host."),
    "export-load": ("export_load", "Write the mix as a profile for a load tool."),
    "models": ("built_in", "List the built-in models."),
    "targets": ("built_in", "List the SDK dialects."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Return the command names in reading order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import one command."""
        if name not in COMMANDS:
            return None
        module = import_module(f"bucketwise.cli.{COMMANDS[name][0]}")
        command: click.Command = getattr(module, name.replace("-", "_"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse an unknown command with the one that was meant."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            message = f"expected one of {', '.join(COMMANDS)}, got {name!r}"
            if likely := meant(name, COMMANDS):
                message += f". Did you mean {likely}?"
            elif "." in name or os.path.exists(name):  # noqa: PTH110 - no fault on odd names
                message += f". To plan from it: bucketwise analyze {shlex.join(args)}"
            raise click.UsageError(message, ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse empty values: a path of no name stands for the working folder."""
        for place in _empty_values(args):
            message = (
                f"{place}: an empty value found, as of a variable that is not set; give "
                "one or leave it out"
            )
            raise click.UsageError(message, ctx)
        return super().parse_args(ctx, args)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _empty_values(words: list[str]) -> Iterator[str]:
    """Yield the option, or "INPUT", for which nothing stands."""
    for before, word in pairwise(["", *words]):
        if not word:
            yield before if before.startswith("-") else "INPUT"
        elif word.startswith("--") and word.endswith("=") and word.count("=") == 1:
            yield word[:-1]


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: bucketwise analyze traffic.csv --model qwen3-vl-2b",
)
@click.version_option(__version__, prog_name="bucketwise")
def main() -> None:
    """Choose the shapes to compile for vision-language models from real traffic."""


def run() -> None:
    """Run the command line; every error a user can mend ends here.

    A closed pipe (`| head`) ends quietly.
    """
    open_closed_streams()
    status = 1
    try:
        returned = main.main(prog_name="bucketwise", standalone_mode=False)
        sys.stdout.flush()
        status = returned or 0
    except BrokenPipeError:
        pass
    except BucketwiseError as error:
        status = error.exit_code
        complain(*(f"error: {problem}" for problem in error.problems))
    except click.ClickException as error:
        status = error.exit_code
        error.show()
    except click.Abort:
        status = INTERRUPTED
        complain("interrupted: files are as they were, or whole; run it again to go on")
    except OSError as error:
        complain(f"error: {refused(error)}")
    except MemoryError:
        complain(f"error: {NO_MEMORY}")
    drop_unwritten()
    sys.exit(status)
