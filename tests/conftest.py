"""One way of drawing examples for all tests."""

import os
import pkgutil
from importlib import import_module

from hypothesis import settings

import bucketwise

# The same examples each time, everywhere: what passes here passes in continuous
# integration. EXPLORE is for others, and for more of them `make fuzz`. No deadline: how
# long an example takes is the machine's doing.
EXPLORE = bool(os.environ.get("BUCKETWISE_EXPLORE"))
settings.register_profile(
    "bucketwise", settings(deadline=None, derandomize=not EXPLORE)
)
settings.load_profile("bucketwise")

# Hypothesis draws constants of the modules that are loaded, too (hypothesis/internal/
# conjecture/providers.py, _get_local_constants), whoever loaded them: so all are.
for module in pkgutil.walk_packages(bucketwise.__path__, "bucketwise."):
    if module.name != "bucketwise.__main__":
        import_module(module.name)
