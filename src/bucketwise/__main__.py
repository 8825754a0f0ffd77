"""The program: `bucketwise`, and `python -m bucketwise`."""

from bucketwise.isolation import isolate


def run() -> None:
    """Leave the surroundings behind, then run the command line."""
    isolate()
    from bucketwise.cli import run as run_commands  # noqa: PLC0415 - not before that

    run_commands()


if __name__ == "__main__":
    run()
