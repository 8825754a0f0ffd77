"""Runs the checks against every release: `make conformance`.

Each set of libraries gets a virtual environment, each release a folder beside them; what
passed is not run again until a file it read changes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.releases import RELEASES, Release

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHON = (3, 11)
"""The Python whose wheels the locks hold."""


class SkippedError(Exception):
    """Why nothing can be run here."""


class FailedError(Exception):
    """What a command that failed had to say."""


@dataclass(frozen=True, slots=True)
class Cache:
    """The folder that keeps environments, what was emitted, and what passed."""

    folder: Path

    def python(self, libraries: str) -> Path:
        """Return the Python of a set of libraries."""
        return self.folder / libraries / "bin" / "python"

    def sdk(self, release: Release) -> Path:
        """Return the folder a release is unpacked in."""
        return self.folder / "releases" / release.version

    def served_by(self, release: Release) -> Path:
        """Return the folder of the vllm-rbln that serves a release."""
        return self.folder / "serving" / release.version

    @property
    def emitted(self) -> Path:
        """The folder of what bucketwise wrote."""
        return self.folder / "emitted"

    @property
    def passed(self) -> Path:
        """The folder of digests of what passed."""
        return self.folder / "passed"


def main(arguments: list[str]) -> int:
    """Run everything; return the exit status."""
    options = _options(arguments)
    cache = Cache(options.cache.resolve())
    releases = options.releases or list(RELEASES.values())
    try:
        _check_host()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            sets = dict.fromkeys(release.libraries for release in releases)
            made = [pool.submit(make_environment, cache, name) for name in sets]
            made += [pool.submit(fetch, cache, release) for release in releases]
            emit(cache)
            for each in made:
                each.result()
            outcomes = list(
                pool.map(lambda each: check(cache, each, options.again), releases)
            )
    except SkippedError as skipped:
        say(f"conformance SKIPPED: {skipped}")
        return 1 if options.required else 0
    except FailedError as failed:
        say(f"conformance: {failed}")
        return 1
    return 0 if all(outcomes) else 1


def make_environment(cache: Cache, libraries: str) -> None:
    """Make the environment of a set of libraries, unless it stands as locked."""
    lock = HERE / f"requirements-{libraries}.lock"
    folder = cache.folder / libraries
    stamp, wanted = folder / "made-from", digest([lock])
    if _text(stamp) == wanted:
        return
    say(f"conformance: making {folder.name} (torch and transformers, about 250 MB) ...")
    shutil.rmtree(folder, ignore_errors=True)
    _call([sys.executable, "-m", "venv", str(folder)])
    try:
        _pip(cache.python(libraries), "--require-hashes", "--no-deps", "-r", str(lock))
    except FailedError as failed:
        if "No matching distribution found for torch" not in str(failed):
            raise
        message = (
            "pip finds no CPU build of torch (torch==2.13.0+cpu). Tell it of the index "
            "that PyTorch publishes CPU builds on, with PIP_EXTRA_INDEX_URL"
        )
        raise SkippedError(message) from failed
    stamp.write_text(wanted, encoding="utf-8")


def fetch(cache: Cache, release: Release) -> None:
    """Unpack a release and what serves it, without dependencies, unless they are there.

    Where the one that serves is not to be had, its lines are not tried.
    """
    folder = cache.sdk(release)
    _unpack(folder, "optimum-rbln", release.version, release.sha256)
    if not release.serving:
        return
    try:
        _unpack(
            cache.served_by(release),
            "vllm-rbln",
            release.serving,
            release.serving_sha256,
        )
    except FailedError as failed:
        reason = str(failed).strip().splitlines()[-1]
        say(f"vllm-rbln {release.serving} SKIPPED: its serve lines, {reason}")


def _unpack(folder: Path, name: str, version: str, sha256: str) -> None:
    stamp = folder / "fetched"
    if _text(stamp) == sha256:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wanted = folder / "requirement.txt"
    wanted.write_text(f"{name}=={version} --hash=sha256:{sha256}\n", encoding="utf-8")
    options = ["--require-hashes", "--no-deps", "--target", str(folder)]
    _pip(Path(sys.executable), *options, "-r", str(wanted))
    stamp.write_text(sha256, encoding="utf-8")


def emit(cache: Cache) -> None:
    """Have bucketwise write everything, unless it is as it was."""
    read = [*(ROOT / "src").rglob("*"), *(ROOT / "tests" / "gold").glob("*.gz")]
    mine = ["emit.py", "families.py", "tables.py", "linted.py", "releases.py"]
    mine += ["serve_lines.py", "serve_lines.toml", "text_encoders.py"]
    read += [HERE / name for name in mine]
    wanted = digest(read)
    stamp = cache.emitted / "emitted-from"
    if _text(stamp) == wanted:
        return
    say("conformance: having bucketwise emit for every family ...")
    shutil.rmtree(cache.emitted, ignore_errors=True)
    cache.emitted.mkdir(parents=True)
    _call([sys.executable, "-m", "tests.conformance.emit", str(cache.emitted)])
    stamp.write_text(wanted, encoding="utf-8")


def check(cache: Cache, release: Release, again: bool) -> bool:
    """Run the checks of one release; return whether they passed."""
    mine = [HERE / f"requirements-{release.libraries}.lock", *HERE.rglob("*.py")]
    mine += [HERE / "refusals.toml", HERE / "serve_lines.toml", HERE / "pytest.ini"]
    mine.append(cache.served_by(release) / "fetched")
    read = digest([*mine, *_without_stamp(cache.emitted)])
    stamp = cache.passed / release.version
    if not again and _text(stamp) == read:
        say(f"optimum-rbln {release.version}: unchanged since it passed")
        return True
    started = time.monotonic()
    done = subprocess.run(
        [
            *(str(cache.python(release.libraries)), "-m", "pytest", "-q"),
            *("-c", str(HERE / "pytest.ini"), "-p", "no:cacheprovider", str(HERE)),
        ],
        env=_environment(cache, release),
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )
    seconds = time.monotonic() - started
    if done.returncode:
        say(done.stdout + done.stderr)
        say(f"optimum-rbln {release.version}: FAILED after {seconds:.0f} s")
        return False
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(read, encoding="utf-8")
    summary = done.stdout.strip().splitlines()[-1].split(",")[0]
    say(f"optimum-rbln {release.version}: {summary} in {seconds:.0f} s")
    return True


def digest(paths: Iterable[Path]) -> str:
    """Return a digest of files: their names and what they hold."""
    whole = hashlib.sha256()
    for path in sorted(path for path in paths if path.is_file()):
        if "__pycache__" in path.parts:
            continue
        whole.update(path.name.encode() + b"\0")
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def say(line: str) -> None:
    """Print a line now: the next may take minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    parser.add_argument(
        "releases",
        nargs="*",
        type=_release,
        metavar="RELEASE",
        help=", ".join(RELEASES),
    )
    parser.add_argument(
        "--cache", type=Path, default=ROOT / ".conformance", help="[.conformance]"
    )
    parser.add_argument("--again", action="store_true", help="run what passed too")
    parser.add_argument(
        "--required", action="store_true", help="exit 1 where it must be skipped"
    )
    return parser.parse_args(arguments)


def _release(name: str) -> Release:
    if name not in RELEASES:
        message = f"expected one of {', '.join(RELEASES)}, got {name}"
        raise argparse.ArgumentTypeError(message)
    return RELEASES[name]


def _check_host() -> None:
    host = (sys.version_info[:2], platform.system(), platform.machine())
    if host != (PYTHON, "Linux", "x86_64"):
        found = f"Python {platform.python_version()}, {host[1]} {host[2]}"
        message = f"{found} found; the locks are for Python 3.11 on Linux x86_64"
        raise SkippedError(message)


def _environment(cache: Cache, release: Release) -> dict[str, str]:
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "TMPDIR")
        if name in os.environ
    }
    search = [HERE / "stand_in", cache.sdk(release), cache.served_by(release), ROOT]
    return kept | {
        "PYTHONPATH": os.pathsep.join(map(str, search)),
        "CONFORMANCE_RELEASE": release.version,
        "CONFORMANCE_EMITTED": str(cache.emitted),
        # Nothing is fetched: checkpoints are made here.
        "HF_HUB_OFFLINE": "1",
        # Two releases run side by side, a thread each.
        "OMP_NUM_THREADS": "1",
    }


def _without_stamp(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name != "emitted-from"]


def _pip(python: Path, *options: str) -> None:
    # Modules are compiled when they are imported: most never are.
    quiet = ["--quiet", "--no-compile", "--disable-pip-version-check"]
    _call([str(python), "-m", "pip", "install", *quiet, *options])


def _call(command: list[str]) -> None:
    done = subprocess.run(
        command, cwd=ROOT, text=True, capture_output=True, check=False
    )
    if done.returncode:
        message = f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"
        raise FailedError(message)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
