"""The program: `bucketwise`, and `python -m bucketwise`."""

from bucketwise.isolation import isolate


def run() -> None:
    """Leave the surroundings behind, then run the command line.

    A request to terminate leaves nothing behind.
    """
    isolate()
    from bucketwise.atomic import one_scratch_folder  # noqa: PLC0415 - not before that
    from bucketwise.cli import run as run_commands  # noqa: PLC0415
    from bucketwise.interruption import end_cleanly_on_request  # noqa: PLC0415

    end_cleanly_on_request()
    with one_scratch_folder():
        run_commands()


if __name__ == "__main__":
    run()
