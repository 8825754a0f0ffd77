"""The program: `bucketwise`, and `python -m bucketwise`."""

import sys

from bucketwise.system.isolation import isolate


def run() -> None:
    """Leave the surroundings behind, then run the command line.

    A request to terminate leaves nothing behind.
    """
    isolate()
    # ruff: noqa: PLC0415 - not before that
    try:
        from bucketwise.cli import run as run_commands
        from bucketwise.system.atomic import one_scratch_folder
        from bucketwise.system.interruption import end_cleanly_on_request
    except ModuleNotFoundError as error:
        sys.exit(
            f"error: {error.name} is not installed where bucketwise is, and modules on "
            "PYTHONPATH are not taken; run: pip install bucketwise"
        )

    end_cleanly_on_request()
    with one_scratch_folder():
        run_commands()


if __name__ == "__main__":
    run()
