"""`python -m bucketwise`."""

from bucketwise.cli import run

if __name__ == "__main__":
    run()
