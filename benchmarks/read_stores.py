"""Read image headers from an object store on loopback, and from a folder, in one run.

    make .venv-servers/.installed
    .venv-servers/bin/python benchmarks/read_stores.py [--objects 2000]

Puts JPEG and PNG pictures of about 100 kB, some of them photos with long EXIF and large
PNGs, into moto's server, a process of its own, and into a folder. Told are the seconds of
this program's own processor time, imports left out, its peak memory, and the bytes that
were asked for. On loopback nothing waits for a network: what a real store adds is time,
not work.
"""

from __future__ import annotations

import argparse
import io
import os
import socket
import statistics
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from read_headers import make_picture

BUCKET = "bucket"
DISTINCT = 200

PROGRAMS = {
    "folder": """
from pathlib import Path
from bucketwise.read.images.read import read_folder
items = lambda: read_folder(Path(sys.argv[1]))
""",
    "store": """
from bucketwise.read import stores
import obstore.store
read = stores.Stored.read
def counted(stored, start, length):
    data = read(stored, start, length)
    asked.append(len(data))
    return data
stores.Stored.read = counted
def items():
    found = stores.find(stores.Address.of("s3://bucket/photos"))
    return stores.side_by_side(stores.read_image, found.objects)
""",
}
START = "import sys, time\nfrom PIL import Image\nImage.init()\nasked = []\n"
MEASURE = """
before, start = time.process_time(), time.perf_counter()
assert sum(item.header is not None for item in items()) == int(sys.argv[2])
cpu_s, wall_s = time.process_time() - before, time.perf_counter() - start
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1e3
print(cpu_s, wall_s, peak, len(asked), sum(asked))
"""


def make(number: int, random: np.random.Generator) -> tuple[str, bytes]:
    """Return a picture: of ten one a photo with long EXIF, one a PNG of a megabyte."""
    if number % 10 > 1:
        return make_picture(number, random)
    pixels = random.integers(0, 256, (600, 600, 3), dtype=np.uint8)
    file = io.BytesIO()
    if number % 10:
        Image.fromarray(pixels).save(file, "PNG")
        return ".png", file.getvalue()
    exif = Image.Exif()
    exif[0x010E] = "x" * 60_000
    profile = random.bytes(100_000)
    Image.fromarray(pixels).save(file, "JPEG", exif=exif, icc_profile=profile)
    return ".jpg", file.getvalue()


def put(url: str, folder: Path, objects: int) -> float:
    """Put pictures into the store and the folder; return their mean size in kB."""
    random = np.random.default_rng(0)
    pictures = [make(number, random) for number in range(DISTINCT)]
    written = 0
    with closing(HTTPConnection(url.removeprefix("http://"))) as there:
        for number in range(-1, objects):
            suffix, data = pictures[number % DISTINCT]
            name = f"photos/{number:05d}{suffix}"
            there.request(
                "PUT", *((f"/{BUCKET}",) if number < 0 else (f"/{BUCKET}/{name}", data))
            )
            there.getresponse().read()
            if number >= 0:
                written += (folder / Path(name).name).write_bytes(data)
    return written / objects / 1e3


def measure(name: str, folder: Path, objects: int) -> list[float]:
    """Return what one process tells of itself."""
    program = START + PROGRAMS[name] + MEASURE
    told = subprocess.check_output(
        [sys.executable, "-c", program, str(folder), str(objects)]
    )
    return [float(each) for each in told.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    os.environ |= {
        "AWS_ENDPOINT_URL": url, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any",
    }  # fmt: skip
    server = subprocess.Popen(
        [
            Path(sys.executable).with_name("moto_server"),
            "-H",
            "127.0.0.1",
            "-p",
            str(port),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(5)
        with TemporaryDirectory() as folder:
            mean_kb = put(url, Path(folder), options.objects)
            print(f"{options.objects:,} images, {mean_kb:.0f} kB in the mean")
            runs: dict[str, list[list[float]]] = {name: [] for name in PROGRAMS}
            for _ in range(options.repeats):
                for name, measured in runs.items():
                    measured.append(measure(name, Path(folder), options.objects))
    finally:
        server.terminate()
        server.wait()
    for name, measured in runs.items():
        cpu_s, wall_s, peak_mb, asks, size = map(
            statistics.median, zip(*measured, strict=True)
        )
        print(
            f"{name:<7} {cpu_s:5.2f} CPU s, {wall_s:5.2f} s, {peak_mb:4.0f} MB, "
            f"{asks / options.objects:.2f} requests and "
            f"{size / options.objects / 1e3:.1f} kB a header"
        )


if __name__ == "__main__":
    main()
