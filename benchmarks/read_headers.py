"""Read image headers with bucketwise, imagesize and Pillow, in one run.

    python -m pip install imagesize
    python benchmarks/read_headers.py [--files 20000]

Writes 20,000 JPEG and PNG files (200 distinct pictures, noisy so that they weigh about
100 kB in the mean, 2 GB in all; half of the JPEGs carry EXIF) to a temporary folder in
subfolders of 1,000, then walks it with each program as a whole process, in turns, from
a warm cache. Only bucketwise reads orientation. Told are the whole process, imports
included, and the walk alone.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

DISTINCT = 200

WALK = """
import os, sys, time
def paths():
    for folder, _, names in os.walk(sys.argv[1]):
        for name in names:
            yield os.path.join(folder, name)
"""

PROGRAMS = {
    "bucketwise": """
import sys, time
from pathlib import Path
from bucketwise.read.images.read import read_folder
start = time.perf_counter()
for item in read_folder(Path(sys.argv[1])):
    assert item.header
print(time.perf_counter() - start)
""",
    "imagesize": WALK
    + """
import imagesize
start = time.perf_counter()
for path in paths():
    assert imagesize.get(path) > (0, 0)
print(time.perf_counter() - start)
""",
    "Pillow": WALK
    + """
from PIL import Image
start = time.perf_counter()
for path in paths():
    with Image.open(path) as image:
        assert image.size
print(time.perf_counter() - start)
""",
}


def make_picture(number: int, random: np.random.Generator) -> tuple[str, bytes]:
    """Return a suffix and the bytes of a picture with detail and noise."""
    width, height = random.integers(300, 800, 2)
    coarse = random.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
    scene = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    noise = random.integers(-9, 10, (height, width, 3))
    pixels = np.clip(np.asarray(scene) + noise, 0, 255).astype(np.uint8)
    picture = Image.fromarray(pixels)
    file = io.BytesIO()
    if number % 2:
        exif = Image.Exif()
        if number % 4 == 1:
            exif[0x010F] = "maker"
            exif[0x0112] = 1 + number // 4 % 8
        picture.save(file, "JPEG", quality=90, exif=exif)
        return ".jpg", file.getvalue()
    picture.resize((width // 3, height // 3)).save(file, "PNG")
    return ".png", file.getvalue()


def write_files(folder: Path, files: int) -> float:
    """Write the files and return their mean size in kB."""
    random = np.random.default_rng(0)
    pictures = [make_picture(number, random) for number in range(DISTINCT)]
    written = 0
    for number in range(files):
        suffix, data = pictures[number % DISTINCT]
        inner = folder / f"{number // 1000:04d}"
        inner.mkdir(exist_ok=True)
        written += (inner / f"{number:07d}{suffix}").write_bytes(data)
    return written / files / 1e3


def measure(program: str, folder: Path) -> tuple[float, float]:
    """Return the seconds of one whole process, and of its walk."""
    start = time.perf_counter()
    walked = subprocess.check_output([sys.executable, "-c", program, str(folder)])
    return time.perf_counter() - start, float(walked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if importlib.util.find_spec("imagesize") is None:
        sys.exit("imagesize is missing; run: python -m pip install imagesize")
    with TemporaryDirectory() as folder:
        mean_kb = write_files(Path(folder), options.files)
        print(f"{options.files:,} files, {mean_kb:.0f} kB in the mean")
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
        measure(PROGRAMS["imagesize"], Path(folder))  # warms the cache
        for _ in range(options.repeats):
            for name, program in PROGRAMS.items():
                runs[name].append(measure(program, Path(folder)))
    for part, told in enumerate(["whole process", "walk alone"]):
        for name, measured in runs.items():
            seconds = [run[part] for run in measured]
            ours = [run[part] for run in runs["bucketwise"]]
            ratios = [a / b for a, b in zip(seconds, ours, strict=True)]
            print(
                f"{told:<13} {name:<10} best {options.files / min(seconds):7,.0f} "
                f"files/s, median {options.files / statistics.median(seconds):7,.0f}, "
                f"{statistics.median(ratios):.2f} times the seconds of bucketwise"
            )


if __name__ == "__main__":
    main()
