"""Objects in a store give what the same files give on this disk."""

from __future__ import annotations

import gzip
import http.client
import http.server
import importlib
import io
import random
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from glob import glob
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from urllib.parse import unquote

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bucketwise.errors import InputError
from bucketwise.nouns.traffic import Traffic
from bucketwise.read import read_evidence, read_rows, stores
from bucketwise.read.histograms import write_histogram
from bucketwise.read.scratch import Scratch
from bucketwise.read.traffic import read_traffic
from tests.commands import bucketwise
from tests.servers.loopback import absent, free_port

NAME = "moto"
BUCKET = "bucket"


class Flaky(http.server.BaseHTTPRequestHandler):
    """What stands before the store: it fails as the name of an object says."""

    server_port: ClassVar[int]
    protocol_version = "HTTP/1.1"
    asked: ClassVar[dict[str, int]] = {}

    def do_GET(self) -> None:
        """Hand a request on, or fail."""
        name = unquote(self.path).rpartition("/")[2].partition("?")[0]
        nth = self.asked[name] = self.asked.get(name, 0) + 1
        status = (
            403 * ("denied" in name)
            or 404 * ("gone" in name and self.command == "GET")
            or 503 * ("broken" in name or ("flaky" in name and nth == 1))
            or 503 * ("late" in name and nth > 1)
        )
        if status:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        there = http.client.HTTPConnection("127.0.0.1", self.server_port)
        there.request(self.command, self.path, headers=dict(self.headers))
        answer = there.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in {"transfer-encoding", "connection"}:
                self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the name that is called

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """Start a store on loopback; its address."""
    program = Path(sys.executable).with_name("moto_server")
    if not program.exists():
        absent(NAME, "moto_server is not beside this Python")
    port = free_port()
    server = subprocess.Popen(
        [program, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        else:
            absent(NAME, "it did not open its port in 30 s")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module", autouse=True)
def environment(moto: str) -> Iterator[None]:
    """Say where the store is, as its own clients are told."""
    told = {
        "AWS_ENDPOINT_URL": moto,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key-of-nobody",
        "AWS_SECRET_ACCESS_KEY": "secret-of-nobody",
        "AWS_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setenv(name, value)
        put_named(moto, BUCKET)
        yield


@pytest.fixture(scope="module")
def proxy(moto: str) -> Iterator[str]:
    """Put what fails at times before the store; its address."""
    Flaky.server_port = int(moto.rpartition(":")[2])
    with serving(Flaky) as address:
        yield address


class Pages(http.server.SimpleHTTPRequestHandler):
    """A server of files, which knows no ranges."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@contextmanager
def serving(
    handler: Callable[..., http.server.BaseHTTPRequestHandler],
) -> Iterator[str]:
    """Serve on loopback; the address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def put(files: Mapping[str, bytes], prefix: str) -> None:
    """Put files as objects."""
    obstore: Any = importlib.import_module("obstore")

    store = obstore.store.from_url(f"s3://{BUCKET}")
    for name, data in files.items():
        obstore.put(store, f"{prefix}/{name}", data)


def put_named(address: str, key: str) -> None:
    """Put an object of no bytes under a name that clients do not take."""
    with closing(http.client.HTTPConnection(address.removeprefix("http://"))) as there:
        there.request("PUT", f"/{key}", b"")
        assert there.getresponse().status == 200


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the same files on this disk."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def kept(traffic: Traffic) -> bytes:
    """Return the histogram file of traffic: cells, rejections, places, rows, names."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "kept.parquet")
        write_histogram(traffic, path)
        return path.read_bytes()


CELLS = st.sampled_from(
    ["640", "1080", "", "null", "0", "-1", "1e9", "junk", "3.5", " 32 "]
)
ROWS = st.lists(
    st.tuples(CELLS, CELLS, st.sampled_from(["2026-01-01 00:00:01", "", "x"])),
    min_size=1,
    max_size=30,
)


def as_table(rows: list[tuple[str, str, str]], form: str) -> bytes:
    """Write rows in a form."""
    if form.startswith("parquet"):
        with duckdb.connect() as connection, TemporaryDirectory() as folder:
            connection.execute(
                "CREATE TABLE t (width VARCHAR, height VARCHAR, time VARCHAR)"
            )
            connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
            connection.execute(f"COPY t TO '{folder}/t' (FORMAT parquet)")
            data = Path(folder, "t").read_bytes()
    elif form.startswith("jsonl"):
        data = b"".join(
            b'{"width": "%b", "height": "%b", "time": "%b"}\n'
            % tuple(map(str.encode, row))
            for row in rows
        )
    else:
        lines = ["width,height,time", *map(",".join, rows)]
        data = "\n".join(lines).encode()
    return gzip.compress(data, mtime=0) if form.endswith("gz") else data


FORMS = st.sampled_from(["csv", "csv.gz", "jsonl", "jsonl.gz", "parquet", "parquet.gz"])
PREFIXES = iter(f"tables-{at}" for at in range(10**6))


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    tables=st.lists(st.tuples(ROWS, FORMS), min_size=1, max_size=5),
    kept_bytes=st.sampled_from([0, stores.MOST_KEPT_BYTES]),
    chunk_bytes=st.sampled_from([700, stores.CHUNK_BYTES]),
)
def test_tables_in_a_store_give_what_the_same_files_give(
    tables: list[tuple[list[tuple[str, str, str]], str]],
    kept_bytes: int,
    chunk_bytes: int,
) -> None:
    files = {
        f"part-{at}.{form}": as_table(rows, form)
        for at, (rows, form) in enumerate(tables)
    }
    prefix = next(PREFIXES)
    put(files, prefix)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(stores, "MOST_KEPT_BYTES", kept_bytes)
        patch.setattr(stores, "CHUNK_BYTES", chunk_bytes)
        write(files, Path(folder))
        read = [
            read_or_refused(f"{where}/*.*")
            for where in (folder, f"s3://{BUCKET}/{prefix}")
        ]
    assert read[0] == read[1]


def read_or_refused(given: str, **options: Any) -> bytes | tuple[str, ...]:
    """Return what an input gives, or what is said of it."""
    try:
        return kept(read_traffic([given], **{"max_bad_rows": 1.0, **options}))
    except InputError as error:
        return error.problems


def picture(
    form: str, size: tuple[int, int], exif_bytes: int = 0, **more: Any
) -> bytes:
    """Return an image, with so much EXIF before its size."""
    rng = np.random.default_rng(size[0])
    pixels = rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    exif = Image.Exif()
    if exif_bytes:
        exif[0x0112] = 6
        exif[0x010E] = "x" * exif_bytes
        more["exif"] = exif
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **more)
    return file.getvalue()


def turned_late(png: bytes) -> bytes:
    """Return a PNG that says behind its data how it is turned."""
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    chunk = struct.pack(">L", len(tiff)) + b"eXIf" + tiff
    return png[:-12] + chunk + struct.pack(">L", zlib.crc32(chunk[4:])) + png[-12:]


def pictures() -> dict[str, bytes]:
    """Return 2,000 images of every kind that is read otherwise, and what is none."""
    profile = random.Random(0).randbytes(250_000)  # noqa: S311 - the same each time
    distinct: dict[str, bytes] = {
        "small.png": picture("PNG", (64, 48)),
        "large.png": picture("PNG", (900, 700)),
        "long.jpg": picture("JPEG", (640, 480), exif_bytes=60_000),
        "profile.jpg": picture("JPEG", (320, 200), 60_000, icc_profile=profile),
        "huge.jpg": picture("JPEG", (80, 60), icc_profile=4 * profile + profile),
        "photo.webp": picture("WEBP", (900, 900), exif_bytes=300, lossless=True),
        "late.tif": picture("TIFF", (500, 400)),
        "one.gif": picture("GIF", (70, 30)),
        "one.bmp": picture("BMP", (120, 90)),
        "one.avif": picture("AVIF", (128, 64)),
        "late-turn.png": turned_late(picture("PNG", (500, 300))),
        "single.png": picture("PNG", (300, 700), compress_level=0),
        "empty.jpg": b"",
        "aa/notes.txt": b"nothing to see",
        "table.csv": b"width,height\n1,2\n",
    }
    whole = dict(distinct)
    for name in ("long.jpg", "large.png", "photo.webp", "late.tif"):
        distinct[f"cut-{name}"] = whole[name][: len(whole[name]) // 3]
    rng = random.Random(1)  # noqa: S311 - as above
    for name in ("small.png", "large.png", "long.jpg", "photo.webp"):
        damaged = bytearray(whole[name])
        for _ in range(40):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        distinct[f"bad-{name}"] = bytes(damaged)
    names = sorted(distinct)
    small = {
        f"{'abc'[at % 3]}{'/d' * (at % 2)}/{at:04d}.jpg": picture(
            "JPEG" if at % 4 else "PNG", (16 + at % 50, 16 + at % 31), 8 * (at % 5)
        )
        for at in range(2_000 - 5 * len(names))
    }
    return small | {f"{at}/{name}": distinct[name] for at in range(5) for name in names}


@pytest.fixture(scope="module")
def photos() -> dict[str, bytes]:
    """Put 2,000 images in the store."""
    files = pictures()
    assert len(files) == 2_000
    put(files, "photos")
    return files


def test_images_in_a_store_give_what_the_same_folder_gives(
    photos: dict[str, bytes], tmp_path: Path
) -> None:
    write(photos, tmp_path / "photos")
    here = read_traffic([tmp_path / "photos"], max_bad_rows=1.0)
    assert kept(read_traffic([f"s3://{BUCKET}/photos"], max_bad_rows=1.0)) == kept(here)
    assert here.rows_read == 2_000
    assert here.rows_used > 1_900


def test_headers_are_read_without_the_images(
    photos: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, int] = {}
    read = stores.Stored.read

    def counted(stored: stores.Stored, start: int, length: int) -> bytes:
        data = read(stored, start, length)
        asked[stored.key] = asked.get(stored.key, 0) + len(data)
        return data

    monkeypatch.setattr(stores.Stored, "read", counted)
    read_traffic([f"s3://{BUCKET}/photos/0"], max_bad_rows=1.0)
    told = {name: asked[f"photos/0/{name}"] for name in ("long.jpg", "large.png")}
    assert max(told.values()) <= stores.HEAD_BYTES + stores.STEP_BYTES + 100
    assert len(photos["0/large.png"]) > 20 * told["large.png"]


def test_patterns_match_as_they_do_on_this_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [
        "1.csv", "2.csv", "2.txt", ".3.csv", "a/4.csv", "a/b/5.csv", "a/.c/6.csv",
        "ab/7.csv", "a b%2Fü+#/8.csv", "[9].csv", "a/b/10.csv/11.csv",
    ]  # fmt: skip
    files = {name: b"width,height\n%d,1\n" % (at + 1) for at, name in enumerate(names)}
    put(files, "tree")
    write(files, tmp_path / "tree")
    monkeypatch.chdir(tmp_path)
    for pattern in (
        "*.csv", "?.csv", "[12].*", ".*", "*/*.csv", "a*/*", "**/*.csv", "**", "a/**",
        "**/b/*", "a/**/*.csv", "*/b/?.csv", "**/.c/*", "a/*/5.csv", "nothing*",
    ):  # fmt: skip
        matched = [
            name
            for name in glob(f"tree/{pattern}", recursive=True)  # noqa: PTH207 - what is told of
            if Path(name).is_file()
        ]
        address = stores.Address.of(f"s3://{BUCKET}/tree/{pattern}")
        if not matched:
            with pytest.raises(InputError, match="nothing matches"):
                stores.find(address)
            continue
        found = stores.find(address)
        assert [each.key for each in found.objects] == sorted(matched)
        assert not found.is_prefix


def test_one_object_and_one_image_are_what_the_files_are(
    photos: dict[str, bytes], tmp_path: Path
) -> None:
    files = {"one [1].csv": b"width,height\n640,480\n", "2.jpg": photos["0/long.jpg"]}
    put(files, "alone")
    write(files, tmp_path)
    for name in files:
        there = read_or_refused(f"s3://{BUCKET}/alone/{name}")
        assert there == read_or_refused(str(tmp_path / name))
    several = read_or_refused(f"s3://{BUCKET}/photos/[01]/*.*")
    write(photos, tmp_path / "photos")
    assert several == read_or_refused(f"{tmp_path}/photos/[01]/*.*")


def test_objects_that_fail_are_asked_again_and_then_counted_by_reason(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "_RETRIES", {"max_retries": 2})
    small = picture("PNG", (64, 48))
    names = [
        *(f"{at}-flaky.png" for at in range(20)), "1-denied.png", "2-denied.png",
        "gone.png", "broken.png",
    ]  # fmt: skip
    put(dict.fromkeys(names, small), "failing")
    put({"late.jpg": picture("JPEG", (640, 480), exif_bytes=60_000)}, "failing")
    table = b"width,height\n640,480\n"
    put({"1.csv": table, "2-denied.csv": table, "3-flaky.csv": table}, "parts")
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy)
    for each in (f"s3://{BUCKET}/failing", f"s3://{BUCKET}/failing/*"):
        Flaky.asked.clear()
        traffic = read_traffic([each], max_bad_rows=0.2)
        assert traffic.rows_used == 20
        assert {why.reason: why.count for why in traffic.rejections} == {
            "access denied": 2,
            "no such object": 1,
            "no answer from the store": 2,
        }
    # A table that cannot be had is no row: the others alone would be another traffic.
    assert read_or_refused(f"s3://{BUCKET}/parts/*") == ("2-denied.csv: access denied",)
    assert read_traffic([f"s3://{BUCKET}/parts/[13]*"]).rows_used == 2


def test_what_is_amiss_is_told_in_a_line_without_the_address(
    moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put({"x.csv": b"width,height\n1,2\n"}, "told")
    put_named(moto, f"{BUCKET}/odd/%07.csv")
    page = f"{moto}/{BUCKET}/told"
    for address, said in {
        "s3://no-such-bucket/x.csv": "s3://no-such-bucket: there is no such bucket",
        f"s3://{BUCKET}/told/y.csv": "y.csv: there is no such object, and nothing under",
        f"s3://{BUCKET}/told/*.x": "*.x: nothing matches this pattern",
        f"s3://{BUCKET}/told/../x.csv": "x.csv: a name with control characters",
        f"s3://{BUCKET}/odd": "odd: a name with control characters",
        "s3://": "s3://: expected a bucket behind it, as in s3://name/path, got none",
        "s3://me:secret@bucket/x": "s3://: a name or a password in the address",
        "https://me:secret@host/x": "https://: a name or a password in the address",
        "hdfs://host/secret": "hdfs://: expected a file or an address of s3://, gs://",
        "az://secret/x.csv": "az://secret: no credentials were found; set those",
        f"{page}/x.csv?sig=secret": "x.csv: access is denied",
        f"{page}/": "told: a folder of a server, which lists nothing",
        "http://127.0.0.1:9/x.csv?secret": "x.csv: the store cannot be reached",
    }.items():
        [told] = read_or_refused(address)
        assert isinstance(told, str)
        assert told.startswith(said)
        assert "\n" not in told
        assert "secret" not in told.removeprefix("az://secret")
    monkeypatch.setenv("AWS_TIMEOUT", "1s")
    monkeypatch.setattr(stores, "_RETRIES", {"max_retries": 0})
    silent = socket.create_server(("127.0.0.1", 0))
    never = f"http://127.0.0.1:{silent.getsockname()[1]}"
    for name, value, said in (
        ("AWS_ENDPOINT_URL", never, "x.csv: the store did not answer in time"),
        (
            "AWS_ENDPOINT_URL",
            "http://127.0.0.1:9",
            "x.csv: the store cannot be reached",
        ),
        (
            "AWS_ALLOW_HTTP",
            "false",
            "x.csv: the endpoint in the environment has no https",
        ),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            [told] = read_or_refused(f"s3://{BUCKET}/told/x.csv")
            assert str(told).startswith(said)
    silent.close()
    with pytest.raises(InputError, match=r"name tables by a pattern: 's3://"):
        read_traffic([f"s3://{BUCKET}/told"])
    command = ["histogram", f"s3://{BUCKET}/told/y.csv", "-o", "h.parquet"]
    ran = bucketwise(*command, cwd=tmp_path)
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1


def test_an_object_that_changes_meanwhile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = b"width,height\n" + b"640,480\n" * 50
    put({"x.csv": table}, "changing")
    [found] = stores.find(stores.Address.of(f"s3://{BUCKET}/changing/x.csv")).objects
    path = tmp_path / "x"
    shelf = stores.Shelf(Scratch(tmp_path), deque())
    monkeypatch.setattr(stores, "CHUNK_BYTES", 100)
    stored = replace(found, path=path, shelf=shelf)
    stored.fetch()
    assert path.read_bytes() == table
    stored.let_go()
    shelf.fetched.clear()
    put({"x.csv": table.replace(b"640", b"641")}, "changing")
    with pytest.raises(InputError, match=r"x.csv: it changed while it was read"):
        stored.fetch()


def test_an_address_of_a_server_of_pages_gives_the_file(
    photos: dict[str, bytes], tmp_path: Path
) -> None:
    files = {
        "a b.csv.gz": gzip.compress(b"width,height\n640,480\n", mtime=0),
        "x.png": photos["0/large.png"],
    }
    write(files, tmp_path)
    pages = partial(Pages, directory=str(tmp_path))
    with serving(pages) as address:
        for name in files:
            there = f"{address}/{name.replace(' ', '%20')}?signature=x"
            assert read_or_refused(there) == read_or_refused(str(tmp_path / name))
        (tmp_path / "plain").write_bytes(b"width,height\n640,480\n")
        signed = f"{address}/plain?signature=never-told"
        ran = bucketwise("analyze", signed, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    written = [*tmp_path.glob("bucketwise-plain/**/*")]
    assert written
    told = [ran.stdout, ran.stderr, *map(str, tmp_path.rglob("*"))]
    told += [each.read_text() for each in written if each.suffix in {".html", ".json"}]
    assert not [each for each in told if "never-told" in each or address in each]


def test_what_a_listing_says_leads_nowhere_and_has_an_end(
    moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    table = b"width,height\n640,480\n"
    names = ["x%2Fy.csv", "~root", "-rf", "C:\\x", "$(id)", "'\"", "a\u2028b"]
    put(dict.fromkeys(names, table), "names")
    traffic = read_traffic([f"s3://{BUCKET}/names/*"])
    assert sorted(each.name for each in traffic.inputs) == sorted(
        [*names[:-1], "a\\u2028b"]
    )
    assert [*tmp_path.iterdir()] == []
    # A folder that a console made is an object of no bytes.
    put({"x.png": picture("PNG", (64, 48))}, "made")
    put_named(moto, f"{BUCKET}/made/inner/")
    assert read_traffic([f"s3://{BUCKET}/made"]).rows_read == 1
    monkeypatch.setattr(stores, "MOST_OBJECTS", 3)
    [told] = read_or_refused(f"s3://{BUCKET}/names/*")
    assert str(told).startswith("*: more than 3 objects; give narrower prefixes")
    monkeypatch.setattr(Scratch, "room_bytes", lambda _: 5)
    [told] = read_or_refused(f"s3://{BUCKET}/names/-rf")
    assert str(told).startswith(
        "-rf: 0 MiB, for which the temporary folder has no room"
    )


def test_a_plan_of_objects_is_that_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(
        f"{512 + 8 * at},640,2026-01-01 00:00:{at:02d},2026-01-01 00:01:{at:02d}\n"
        for at in range(60)
    )
    files = {
        f"{at}.csv": b"width,height,start,end\n" + rows.encode() for at in range(3)
    }
    put(files, "plan")
    write(files, tmp_path / "plan")
    monkeypatch.setattr(stores, "MOST_KEPT_BYTES", 0)
    for each, out in (("plan/*.csv", "here"), (f"s3://{BUCKET}/plan/*.csv", "there")):
        ran = bucketwise("analyze", each, "--out", out, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
    for name in ("plan.json", "report.html"):
        here, there = (tmp_path / out / name for out in ("here", "there"))
        assert here.read_bytes() == there.read_bytes()
    for read in (read_rows, read_evidence):
        told = [
            repr(list(found) if isinstance(found, Iterator) else found)
            for found in map(read, ([f"{tmp_path}/plan/*"], [f"s3://{BUCKET}/plan/*"]))
        ]
        assert told[0] == told[1]
