"""One way of drawing examples for all tests."""

from hypothesis import settings

# Built on the default, which draws the same examples each time under CI. No deadline:
# how long an example takes is the machine's doing.
settings.register_profile("bucketwise", settings(deadline=None))
settings.load_profile("bucketwise")
