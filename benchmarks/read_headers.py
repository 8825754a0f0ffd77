"""Read the headers of many small images with bucketwise, imagesize and Pillow, in turns.

    python -m pip install imagesize
    python benchmarks/read_headers.py [--files 200000] [--shards 4] [--repeats 5]

Makes 500 distinct pictures of 50 to 160 px a side (two JPEGs, half of them with EXIF, two
PNGs and a WebP of five; 9 kB in the mean), then 200,000 files in folders of 1,000, hard
links to them, and the same 200,000 in four tar shards. Each program walks one of the two
as a whole process, in turns, from a warm cache; told are its CPU seconds, imports
included. imagesize is left out where it is not installed. Only bucketwise reads
orientation, and only it and Pillow refuse what is no image.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import os
import statistics
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

DISTINCT = 500
KINDS = ("JPEG", "JPEG", "PNG", "PNG", "WEBP")

WALK = """
import os, sys
def paths():
    for folder, _, names in os.walk(sys.argv[1]):
        for name in names:
            yield os.path.join(folder, name)
"""

FOLDER, SHARDS = "folder", "shards"

PROGRAMS = {
    ("bucketwise histogram", FOLDER): """
import sys
from bucketwise.cli import main
main(["histogram", sys.argv[1], "-o", sys.argv[1] + ".parquet"])
""",
    ("bucketwise, headers alone", FOLDER): """
import sys
from pathlib import Path
from bucketwise.read.images.read import read_folder
for item in read_folder(Path(sys.argv[1])):
    assert item.header
""",
    ("imagesize", FOLDER): WALK
    + """
import imagesize
for path in paths():
    assert imagesize.get(path) > (0, 0)
""",
    ("Pillow", FOLDER): WALK
    + """
from PIL import Image
for path in paths():
    with Image.open(path) as image:
        assert image.size
""",
    ("bucketwise histogram", SHARDS): """
import sys
from pathlib import Path
from bucketwise.cli import main
shards = [str(path) for path in Path(sys.argv[1]).iterdir()]
main(["histogram", *shards, "-o", sys.argv[1] + ".parquet"])
""",
    ("bucketwise, headers alone", SHARDS): """
import sys
from pathlib import Path
from bucketwise.read.images.tar import read_tar
for path in Path(sys.argv[1]).iterdir():
    for item in read_tar(path, path.name, "none"):
        assert item.header
""",
    ("tarfile and Pillow", SHARDS): """
import sys, tarfile
from pathlib import Path
from PIL import Image
for path in Path(sys.argv[1]).iterdir():
    with tarfile.open(path) as shard:
        for member in shard:
            with Image.open(shard.extractfile(member)) as image:
                assert image.size
""",
}


def make_picture(number: int, random: np.random.Generator) -> tuple[str, bytes]:
    """Return a suffix and the bytes of a small picture."""
    width, height = (int(side) for side in random.integers(50, 160, 2))
    coarse = random.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((width, height))
    kind = KINDS[number % len(KINDS)]
    file = io.BytesIO()
    exif = Image.Exif()
    if kind == "JPEG" and number % 2:
        exif[0x010F] = "maker"
        exif[0x0112] = 1 + number // len(KINDS) % 8
    options: dict[str, Any] = {"exif": exif} if len(exif) else {}
    picture.save(file, kind, **options)
    return "." + kind.lower(), file.getvalue()


def write_images(top: Path, files: int, shards: int) -> float:
    """Write folders and shards of the same images; return their mean size in kB."""
    random = np.random.default_rng(0)
    pictures = [make_picture(number, random) for number in range(DISTINCT)]
    for name in ("distinct", FOLDER, SHARDS):
        (top / name).mkdir()
    for number, (_, data) in enumerate(pictures):
        (top / "distinct" / str(number)).write_bytes(data)
    for number in range(files):
        inner = top / FOLDER / f"{number // 1000:04d}"
        inner.mkdir(exist_ok=True)
        name = f"{number:07d}{pictures[number % DISTINCT][0]}"
        os.link(top / "distinct" / str(number % DISTINCT), inner / name)
    for shard in range(shards):
        with tarfile.open(top / SHARDS / f"{shard}.tar", "w") as archive:
            for number in range(shard, files, shards):
                suffix, data = pictures[number % DISTINCT]
                info = tarfile.TarInfo(f"{number:07d}{suffix}")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return statistics.mean(len(data) for _, data in pictures) / 1e3


def cpu_seconds(program: str, folder: Path) -> float:
    """Return the CPU seconds of one whole process."""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"a program ended with status {process.returncode}: {program}")
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    is_there = importlib.util.find_spec("imagesize") is not None
    programs = {
        key: text for key, text in PROGRAMS.items() if is_there or key[0] != "imagesize"
    }
    with TemporaryDirectory() as top:
        mean_kb = write_images(Path(top), options.files, options.shards)
        print(f"{options.files:,} images, {mean_kb:.0f} kB in the mean")
        runs: dict[tuple[str, str], list[float]] = {key: [] for key in programs}
        for repeat in range(options.repeats + 1):  # the first warms the cache
            for key, text in programs.items():
                seconds = cpu_seconds(text, Path(top) / key[1])
                runs[key] += [seconds] if repeat else []
    pillow = runs["Pillow", FOLDER]
    print("| program | images in | CPU s | headers a CPU second | to Pillow's folder |")
    print("|---|---|---|---|---|")
    for (name, where), measured in runs.items():
        middle = statistics.median(measured)
        ratios = [a / b for a, b in zip(measured, pillow, strict=True)]
        print(
            f"| {name} | {where} | {middle:.1f} | {options.files / middle:,.0f} | "
            f"{statistics.median(ratios):.2f} |"
        )


if __name__ == "__main__":
    main()
