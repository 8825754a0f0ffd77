"""Hostile input, made by damaging real input: a clear error or counted rows, never else.

The number of examples a form gets is a budget, raised in continuous integration with
BUCKETWISE_FUZZ_EXAMPLES.
"""

import gzip
import io
import json
import os
import tarfile
from base64 import b64encode
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bucketwise.errors import BucketwiseError
from bucketwise.read import (
    read_evidence,
    read_rows,
    read_traffic,
    write_histogram,
)
from bucketwise.words.reject_reasons import OUTSIDE

pytestmark = pytest.mark.usefixtures("one_reader")

GOLD = Path(__file__).parent / "gold"
EXAMPLES = int(os.environ.get("BUCKETWISE_FUZZ_EXAMPLES", "4"))

CSV = b"time,tenant,width,height,frames,fps,count\n" + b"".join(
    b"2026-10-01T0%d:00:00Z,t%d,%d,480,%s,%s,2\n"
    % (hour % 10, hour % 3, 300 + hour, b"16" if hour % 4 == 0 else b"", b"")
    for hour in range(40)
)


def images() -> dict[str, bytes]:
    """Return one small image of each common format."""
    found = {}
    for kind in ("JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "AVIF", "ICO", "PPM"):
        file = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        known = (
            {"exif": exif} if kind in {"JPEG", "PNG", "WEBP", "TIFF", "AVIF"} else {}
        )
        Image.new("RGB", (37, 21)).save(file, kind, **known)
        found[kind.lower()] = file.getvalue()
    return found


def tar_of(files: dict[str, bytes]) -> bytes:
    """Return a shard."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"/deep/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


def requests() -> bytes:
    """Return a log of requests with images in them."""
    urls = [
        f"data:image/{kind};base64,{b64encode(data).decode()}"
        for kind, data in images().items()
    ]
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    far = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    said = [{"role": "user", "content": [*parts, far, {"type": "text", "text": "?"}]}]
    body = {"model": "m", "messages": said}
    return b"".join(
        json.dumps(line).encode() + b"\n"
        for line in (body, {"custom_id": "1", "method": "POST", "body": body})
    )


def copied(query: str) -> bytes:
    """Return what DuckDB writes as Parquet."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "out.parquet"
        duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
        return path.read_bytes()


def image_rows() -> bytes:
    """Return a Parquet file as Hugging Face `datasets` writes images."""

    def literal(data: bytes) -> str:
        return "".join(f"\\x{each:02X}" for each in data)

    values = ", ".join(
        f"({{'bytes': '{literal(data)}'::BLOB, 'path': 'p'}})"
        for data in images().values()
    )
    return copied(f"SELECT * FROM (VALUES {values}) AS t(image)")


def histogram() -> bytes:
    """Return a histogram."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "log.csv").write_bytes(CSV)
        traffic = read_traffic([Path(folder) / "log.csv"])
        write_histogram(traffic, Path(folder) / "h.parquet")
        return (Path(folder) / "h.parquet").read_bytes()


FORMS: dict[str, Callable[[], bytes]] = {
    "csv": lambda: CSV,
    "csv.gz": lambda: gzip.compress(CSV),
    "tokens": lambda: b"image_tokens;num_images\n" + b"100;1\n4;\n0;0\n" * 9,
    "jsonl": lambda: b'{"size": {"width": 640, "height": 480}, "ts": 7}\n' * 20,
    "parquet": lambda: copied("SELECT 640 AS width, 480 AS height, now() AS ts"),
    "histogram": histogram,
    "requests": requests,
    "image rows": image_rows,
    "tar": lambda: tar_of({f"a.{kind}": data for kind, data in images().items()}),
    "tar.gz": lambda: gzip.compress(tar_of(images())),
    **{kind: partial(images().__getitem__, kind) for kind in images()},
}


LOADS: dict[str, Callable[[], bytes]] = {
    "request log": lambda: b"".join(
        [b"start;latency_ms;pod;prompt_tokens;output_tokens\n"]
        + [
            b"2026-10-01T00:00:%02dZ;%d;p%d;9;5\n" % (n, n * 99, n % 3)
            for n in range(60)
        ]
    ),
    "request log.gz": lambda: gzip.compress(
        b"ts,request_time,text\n" + b"1,2,9\n" * 40
    ),
    "request log.jsonl": lambda: b'{"t": {"start": 4, "end": 9}, "host": "h"}\n' * 20,
    "arrivals": lambda: (
        b"TIMESTAMP,ContextTokens,GeneratedTokens\n" + b"7,374,44\n" * 40
    ),
    "arrivals.jsonl": lambda: (
        b'{"timestamp": 7, "input_length": 9, "output_length": 5, "hash_ids": [1]}\n'
        * 20
    ),
    "statistics": lambda: (
        b"ts,running,waiting,swapped\n" + b"06-16 14:14:37,1,2,\n" * 40
    ),
    "statistics.parquet": lambda: copied(
        "SELECT i AS time, i % 3 AS num_running, 'e' AS engine FROM range(50) t(i)"
    ),
    "engine log": lambda: b"".join(
        b"(APIServer pid=%d) INFO 12-31 23:59:%02d [loggers.py:123] Engine 00%d: "
        b"Avg prompt throughput: 2.1 tokens/s, Avg generation throughput: 3.0 tokens/s, "
        b"Running: %d reqs, Waiting: 0 reqs, GPU KV cache usage: 0.2%%\n"
        % (n // 20, n, n % 2, n % 5)
        for n in range(40)
    ),
    "prometheus": (GOLD / "prometheus" / "both.json").read_bytes,
    "nginx": (GOLD / "nginx" / "msec.log").read_bytes,
    "nginx.gz": lambda: gzip.compress((GOLD / "nginx" / "timed.log").read_bytes()),
    "balancer": lambda: b"".join(
        b"h2 2026-07-02T22:23:%02d.186641Z app/x/5 192.0.2.9:2817 10.0.0.%d:80 0.086 "
        b'0.048 0.037 200 200 0 57 "POST https://x:443/v1/completions HTTP/2.0" "c" - - '
        b'arn "Root=1" "x" "arn" 0 2026-07-02T22:22:48.364000Z "forward" "-" "-"\n'
        % (n, n % 3)
        for n in range(40)
    ),
}


@cache
def whole(form: str) -> bytes:
    return (FORMS | LOADS)[form]()


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Cut, repeat, overwrite or insert a few times."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 64)))
        what = draw(st.sampled_from(["cut", "drop", "repeat", "overwrite", "insert"]))
        noise = draw(st.one_of(st.binary(max_size=24), st.sampled_from(NASTY)))
        data = {
            "cut": data[:start] if draw(st.booleans()) else data[start:],
            "drop": data[:start] + data[end:],
            "repeat": data[:end] + data[start:],
            "overwrite": data[:start] + noise + data[start + len(noise) :],
            "insert": data[:start] + noise + data[start:],
        }[what]
    return data


NASTY = [
    b"\0" * 8, b"\xff" * 8, b'"', b"\r", b"\n\n", b",,,,", b"1e999", b"-0", b"nan",
    b"9" * 40, b"{" * 2_000, b"[" * 2_000, b"\xef\xbb\xbf", b"\x7f\xff\xff\xff", b"\\",
    b"=cmd|' /C calc'!A0", b"../../etc/passwd", b"\xe2\x80\xae", b"data:,",
]  # fmt: skip


def check(path: Path) -> None:
    """Read a file by both doors; whatever happens, it is one of two things."""
    told = ""
    try:
        traffic = read_traffic([path], max_bad_rows=1.0)
    except BucketwiseError as error:
        told = str(error)
    else:
        rejected = sum(each.count for each in traffic.rejections)
        assert traffic.rows_read == traffic.rows_used + rejected
        assert all(len(each.places) <= 5 for each in traffic.rejections)
    assert str(path.parent) not in told
    try:
        rows = list(read_rows([path], max_bad_rows=1.0))
    except BucketwiseError:
        return
    assert all(len(each.reason) == each.line.size for each in rows)


def check_load(path: Path) -> None:
    """Read a file for the load of a decoder; it is one of the same two things."""
    told = ""
    try:
        evidence = read_evidence([path], max_bad_rows=1.0)
    except BucketwiseError as error:
        told = str(error)
    else:
        assert evidence.samples > evidence.rejected
        assert all(len(each.places) <= 5 for each in evidence.rejections)
    assert str(path.parent) not in told


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_while_it_is_whole(form: str, tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(whole(form))
    traffic = read_traffic([path], max_bad_rows=1.0)
    assert traffic.rows_used > 0


@pytest.mark.parametrize("form", FORMS)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_damage_is_counted_or_told(form: str, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        path.write_bytes(data.draw(damaged(whole(form))))
        check(path)


@pytest.mark.parametrize("form", LOADS)
def test_every_load_is_read_while_it_is_whole(form: str, tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(whole(form))
    evidence = read_evidence([path])
    assert evidence.samples > evidence.rejected
    assert {each.reason for each in evidence.rejections} <= OUTSIDE


@pytest.mark.parametrize("form", LOADS)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_a_damaged_load_is_counted_or_told(form: str, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        path.write_bytes(data.draw(damaged(whole(form))))
        check_load(path)


@settings(max_examples=EXAMPLES * 4, deadline=None)
@given(st.one_of(st.binary(max_size=600), st.text(max_size=300).map(str.encode)))
def test_noise_is_counted_or_told(noise: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        path.write_bytes(noise)
        check(path)
        check_load(path)
