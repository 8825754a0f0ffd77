"""Holds what bucketwise says of vLLM against its wheel: `make conformance`."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

from bucketwise.engines.vllm.releases import NEWEST
from bucketwise.nouns.engine import written

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".conformance" / f"vllm-{written(NEWEST)}"
REQUIREMENT = f"vllm=={written(NEWEST)}"
NEEDED = "pydantic==2.14.4"
FETCH_S = 1_800


class SkippedError(Exception):
    """Why nothing can be judged here."""


def main() -> int:
    """Judge; return the exit status."""
    try:
        wheel, python = _unpacked(), _python()
    except SkippedError as skipped:
        print(f"{REQUIREMENT}: SKIPPED: {skipped}")
        return 0
    told = CACHE / "told.json"
    with told.open("w", encoding="utf-8") as file:
        subprocess.run(
            [sys.executable, "-m", "tests.conformance_vllm.emit"],
            stdout=file,
            cwd=ROOT,
            check=True,
        )
    print(f"{REQUIREMENT}: its config class, manager, model and sizes, on stand-ins")
    judged = subprocess.run(
        [python, "-m", "tests.conformance_vllm.judge", wheel, told],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    return judged.returncode


def _unpacked() -> Path:
    """Return the folder of the wheel's Python files, fetched where it is missing."""
    folder = CACHE / "wheel"
    if (folder / "vllm").is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    _pip(sys.executable, "download", "--no-deps", "--dest", str(CACHE), REQUIREMENT)
    [file] = CACHE.glob("vllm-*.whl")
    with ZipFile(file) as archive:
        members = [each for each in archive.namelist() if each.endswith(".py")]
        archive.extractall(folder, members)
    file.unlink()
    return folder


def _python() -> Path:
    """Return a Python that has what the config class stands on."""
    folder = CACHE / "env"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        _pip(str(python), "install", NEEDED)
    return python


def _pip(python: str, *words: str) -> None:
    try:
        subprocess.run(
            [python, "-m", "pip", *words, "--quiet"],
            check=True,
            capture_output=True,
            text=True,
            timeout=FETCH_S,
        )
    except (subprocess.SubprocessError, OSError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        message = f"pip cannot fetch it ({said[-1] if said else error})"
        raise SkippedError(message) from error


if __name__ == "__main__":
    sys.exit(main())
