"""The command line: parse, call, say where it wrote. Nothing else."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module

import click

from bucketwise import __version__
from bucketwise.cli.terminal import say
from bucketwise.errors import BucketwiseError

# Name -> (module, what `--help` says): a command's module is imported when it is used,
# so that `bucketwise --help` imports nothing heavy.
COMMANDS = {
    "analyze": ("analyze", "Choose ViT buckets from traffic; write plan and report."),
    "count": ("count", "List every distinct size and what it becomes."),
    "explain": ("explain", "Follow one image or clip to its bucket, in words."),
    "histogram": ("histogram", "Reduce traffic once; keep the histogram."),
    "lint": ("lint", "Say whether configurations will work, and for this traffic."),
    "compare": ("compare", "Set two or more plans or bucket lists side by side."),
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
        command: click.Command = getattr(module, name)
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


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
    try:
        main.main(prog_name="bucketwise")
    except BucketwiseError as error:
        for problem in error.problems:
            say(f"error: {problem}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        say("error: no space left where the output goes; free some", err=True)
        # What is still to be written would fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
