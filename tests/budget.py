"""How many examples a dear law draws: some in every run, all in `make fuzz`."""

import os

FUZZ = "BUCKETWISE_FUZZ_EXAMPLES"


def drawn(here: int, in_fuzz: int) -> int:
    """Return the examples to draw, here or where time is given to it."""
    return in_fuzz if FUZZ in os.environ else here
