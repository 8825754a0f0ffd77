"""What makes `make conformance` run anew: all that its checks see, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conformance import run
from tests.conformance.releases import RELEASES

CHECKS = [*run.HERE.glob("check_*.py"), run.HERE / "conftest.py"]
RELEASE = next(iter(RELEASES.values()))


def imported(path: Path) -> set[str]:
    """Return the modules a file names to import, at its top or within."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{each.name}" for each in node.names}
    return found


@pytest.fixture
def cache(tmp_path: Path) -> run.Cache:
    """A folder in which bucketwise emitted a little."""
    made = run.Cache(tmp_path)
    for name in ("a/compile.py", "a/plan.json", "a/histogram.parquet", "b/compile.py"):
        (made.emitted / name).parent.mkdir(parents=True, exist_ok=True)
        (made.emitted / name).write_text(name)
    (made.emitted / "emitted-from").write_text("digest")
    return made


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty record of what passed, and the folder above it."""
    monkeypatch.setattr(run, "PASSED", tmp_path / "passed.txt")
    monkeypatch.setattr(run, "ROOT", tmp_path)
    return tmp_path / "passed.txt"


def test_checks_see_of_bucketwise_what_it_emitted_and_nothing_else() -> None:
    seen, todo = set(), [*CHECKS]
    while todo:
        path = todo.pop()
        seen.add(path)
        for name in imported(path):
            assert name.partition(".")[0] != "bucketwise", f"{path.name}: {name}"
            parts = name.removeprefix("tests.conformance.").split(".")
            module = run.HERE / f"{parts[0]}.py"
            if name.startswith("tests.") and module not in seen:
                assert name.startswith("tests.conformance."), f"{path.name}: {name}"
                todo.append(module)
    assert len(seen) > len(CHECKS)
    assert all(path.is_file() for path in seen)


def test_the_record_names_releases_and_two_digests_of_each() -> None:
    found = run._passed()  # noqa: SLF001
    assert list(found) == [name for name in RELEASES if name in found]
    assert {len(each.split(" ")) for each in found.values()} <= {2}


@pytest.mark.parametrize(
    "change",
    [
        lambda out: (out / "a" / "compile.py").write_text("other"),
        lambda out: (out / "b" / "compile.py").unlink(),
        lambda out: (out / "b" / "new.py").touch(),
        lambda out: (out / "b").rename(out / "c"),
    ],
    ids=["changed", "removed", "added", "moved"],
)
def test_what_passed_is_judged_again_once_what_is_emitted_changes(
    change: object, cache: run.Cache, record: Path
) -> None:
    assert run.is_stale(cache, RELEASE)
    run.record(cache, [RELEASE])
    assert not run.is_stale(cache, RELEASE)
    assert callable(change)
    change(cache.emitted)
    assert run.is_stale(cache, RELEASE)
    assert record.read_text().startswith(f"{RELEASE.version} ")


def test_the_same_files_elsewhere_are_the_same(
    cache: run.Cache, tmp_path: Path
) -> None:
    before = run.digests(cache)
    (cache.emitted / "a" / "histogram.parquet").write_text("packed otherwise")
    (cache.emitted / "emitted-from").write_text("other sources")
    (tmp_path / "else").mkdir()
    cache.emitted.rename(tmp_path / "else" / "emitted")
    assert run.digests(run.Cache(tmp_path / "else")) == before


def test_a_change_of_any_check_has_all_of_them_run_again(
    cache: run.Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["check_buckets.py", "stand_in/rebel/__init__.py", "refusals.toml"]
    names += ["pytest.ini", "requirements-0.12.0.lock"]
    for name in names:
        (tmp_path / "checks" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "checks" / name).touch()
    monkeypatch.setattr(run, "HERE", tmp_path / "checks")
    found = {run.digests(cache)}
    for name in names:
        (tmp_path / "checks" / name).write_text("changed")
        found.add(run.digests(cache))
    assert len(found) == 1 + len(names)


def test_a_release_is_not_recorded_when_its_serve_lines_were_left_out(
    cache: run.Cache,
) -> None:
    served = next(each for each in RELEASES.values() if each.serving)
    assert not run._has_all(cache, served)  # noqa: SLF001
    folder = cache.served_by(served)
    folder.mkdir(parents=True)
    (folder / "fetched").touch()
    assert run._has_all(cache, served)  # noqa: SLF001
