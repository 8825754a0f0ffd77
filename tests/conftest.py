"""One way of drawing examples for all tests, and what they share."""

import os
import pkgutil
from collections.abc import Iterator
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import settings

import bucketwise
from bucketwise.read import database
from bucketwise.read.isolated import Isolation

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


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests that start servers, unless they are named: `make servers`."""
    is_servers = collection_path.name == "servers"
    return (is_servers and not any("servers" in each for each in config.args)) or None


@pytest.fixture(scope="module")
def one_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the process that reads Parquet: to start it costs more than to read."""
    with (
        Isolation(tmp_path_factory.mktemp("scratch")) as kept,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(database, "Isolation", lambda _: nullcontext(kept))
        yield
