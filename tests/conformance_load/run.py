"""Lets load tools read what `export-load` writes for them: `make conformance-load`.

guidellm and aiperf weigh gigabytes with what they stand on: LOAD_TOOLS_PYTHON names a
Python in which they are installed. vLLM's dataset is read out of the wheel that
`make conformance` unpacks.
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

import bucketwise
from bucketwise.app.load_tools import LOAD_TOOLS
from bucketwise.core.load_profile import LoadProfile, profile_of
from bucketwise.nouns.traffic import Traffic
from tests.conformance_vllm.run import SkippedError, _unpacked

ROOT = Path(__file__).parents[2]
SAMPLE = "docs_screenshots.csv"
TOKENS = 32
WITHIN_S = 0.001

TOGETHER = "request_id,width,height,time\n" + "".join(
    f"{each // 3},{640 + 8 * (each % 7)},{480 + each % 5},2026-01-01T{each % 24:02}:00\n"
    for each in range(90)
)
"""Requests of three images, over a day."""


def main() -> int:
    """Judge every tool; return the exit status."""
    failed = 0
    for tool, known in LOAD_TOOLS.items():
        try:
            problems = [*judged(tool, known.release)]
        except SkippedError as skipped:
            print(f"{known.release}: SKIPPED: {skipped}")
            continue
        failed += len(problems)
        print(f"{known.release}: {'; '.join(problems) or 'reads what was written'}")
    return min(failed, 1)


def judged(tool: str, release: str) -> Iterator[str]:
    """Yield where what a tool reads is other than the traffic."""
    name, _, wanted = release.partition(" ")
    words = [*_python(name, wanted), "-m", "tests.conformance_load.judge", name]
    with TemporaryDirectory() as folder:
        table = Path(folder, "together.csv")
        table.write_text(TOGETHER, encoding="utf-8")
        for path in (ROOT / "sample_traffic" / SAMPLE, table):
            traffic = bucketwise.read_traffic([path])
            profile = profile_of(traffic, _all(traffic), arrivals=True)
            file = Path(folder, "load.jsonl")
            bucketwise.export_load(
                traffic,
                file,
                tool=tool,
                requests=len(profile.requests),
                output_tokens=TOKENS,
                arrivals=True,
            )
            found = _read([*words, str(file), *_wheel(name)])
            for problem in _differing(found, profile, traffic, name):
                yield f"{path.name}: {problem}"


def _all(traffic: Traffic) -> int:
    """Return how many requests the traffic has."""
    sent = traffic.requests
    return round(float(traffic.images - sent.images.sum() + sent.count.sum()))


def _differing(
    found: list[Any], profile: LoadProfile, traffic: Traffic, name: str
) -> Iterator[str]:
    requests = [tuple(map(_size, pictures)) for pictures, _, _ in found]
    if requests != [*profile.requests]:
        yield "other requests"
    sizes = traffic.sizes()
    told = zip(sizes.height_px, sizes.width_px, sizes.count, strict=True)
    histogram = {(int(h), int(w)): int(n) for h, w, n in told}
    if Counter(size for each in requests for size in each) != histogram:
        yield "another histogram"
    if len({each for pictures, _, _ in found for each in pictures}) != profile.images:
        yield "a picture comes twice"
    if name == "vllm":
        return  # its line has them
    if {tokens for _, tokens, _ in found} != {TOKENS}:
        yield "other output tokens"
    assert profile.starts_s is not None
    if any(
        abs(at_s - start_s) > WITHIN_S
        for (_, _, at_s), start_s in zip(found, profile.starts_s, strict=True)
    ):
        yield "other times"


def _size(uri: str) -> tuple[int, int]:
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"), validate=True)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image.height, image.width


def _python(name: str, wanted: str) -> list[str]:
    """Return the Python that has a tool, at the release that is told."""
    if name == "vllm":
        return [sys.executable]
    python = os.environ.get("LOAD_TOOLS_PYTHON", "")
    if not python:
        message = f"set LOAD_TOOLS_PYTHON to a Python in which {name} is installed"
        raise SkippedError(message)
    asks = f"from importlib.metadata import version; print(version({name!r}))"
    ended = subprocess.run(
        [python, "-c", asks], capture_output=True, text=True, check=False
    )
    if ended.stdout.strip() != wanted:
        message = f"expected {name} {wanted}, got {ended.stdout.strip() or 'none'}"
        raise SkippedError(message)
    return [python]


def _wheel(name: str) -> list[str]:
    return [str(_unpacked())] if name == "vllm" else []


def _read(words: list[str]) -> list[Any]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    ended = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise RuntimeError(ended.stderr[-2_000:])
    found: list[Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.exit(main())
