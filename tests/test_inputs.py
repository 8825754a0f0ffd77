"""Whatever people have, end to end: every form, nothing told that should not be."""

import glob
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bucketwise.cli import main
from bucketwise.cli.progress import progress_line
from bucketwise.errors import InputError
from bucketwise.nouns.traffic import Traffic, merge_traffic
from bucketwise.read import (
    alike,
    opening,
    read_rows,
    read_traffic,
    scratch,
    write_histogram,
)
from bucketwise.read import paths as inputs
from bucketwise.read import traffic as reading
from bucketwise.read.paths import Input
from bucketwise.read.progress import Progress
from tests.budget import drawn
from tests.commands import bucketwise

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SECRETS = ("hunter2", "patient-jones", "sk-live-7", "internal.example", "acme-clinic")
"""A folder, a prompt, a key, an address, an id: none may reach an output."""


def picture(width: int, height: int, kind: str = "PNG", orientation: int = 1) -> bytes:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("L", (width, height)).save(file, kind, exif=exif)
    return file.getvalue()


def request_line(*images: bytes, far: str = "") -> str:
    urls = [f"data:image/png;base64,{b64encode(each).decode()}" for each in images]
    parts: list[dict[str, object]] = [{"type": "text", "text": "who is patient-jones?"}]
    parts += [
        {"type": "image_url", "image_url": {"url": url}}
        for url in [*urls, *([far] if far else [])]
    ]
    body = {"model": "m", "messages": [{"role": "user", "content": parts}]}
    return json.dumps({"custom_id": "acme-clinic", "key": "sk-live-7", "body": body})


def shard(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def everything(tmp_path: Path) -> list[str | Path]:
    """Build one input of each form, under a folder whose name is nobody's business."""
    home = tmp_path / "hunter2"
    images = home / "images"
    (images / "deep").mkdir(parents=True)
    (images / "a.png").write_bytes(picture(640, 480))
    (images / "deep" / "b.jpg").write_bytes(picture(300, 200, "JPEG", orientation=6))
    (images / "deep" / "c.txt").write_text("patient-jones")
    log = home / "requests.jsonl"
    far = "https://internal.example/a.png"
    log.write_text(
        request_line(picture(64, 80), picture(96, 32), far=far) + "\n" + request_line()
    )
    tokens = home / "tokens.csv"
    tokens.write_text("image_tokens,id\n300,sk-live-7\n")
    table = home / "sizes.csv"
    table.write_text(
        "width,height,prompt,endpoint\n"
        "1024,768,patient-jones,https://internal.example/v1\n"
    )
    tar = shard(home / "shard.tar", {"/hunter2/x.png": picture(50, 60), "y.cls": b"1"})
    return [images, log, tokens, table, tar]


def test_every_form_is_read_without_a_flag_and_adds_up(
    everything: list[str | Path],
) -> None:
    whole = read_traffic(everything)
    sizes = {
        (height, width, tokens)
        for height, width, tokens in zip(
            whole.height_px.tolist(),
            whole.width_px.tolist(),
            whole.visual_tokens.tolist(),
            strict=True,
        )
    }
    assert sizes == {
        (480, 640, 0),
        (300, 200, 0),
        (80, 64, 0),
        (32, 96, 0),
        (768, 1024, 0),
        (60, 50, 0),
        (0, 0, 300),
    }
    assert [(each.reason, each.count) for each in whole.rejections] == [
        ("not an image", 2),
        ("unsized", 1),
    ]
    assert [each.kind for each in whole.inputs] == [
        "folder",
        "requests",
        "csv",
        "csv",
        "tar",
    ]
    parts = [read_traffic([each]) for each in everything]
    assert merge_traffic(parts).sha256() == whole.sha256()
    rows = list(read_rows(everything))
    assert sum(len(each.reason) for each in rows) == whole.rows_read


def test_histograms_of_images_add_like_reading_them_together(
    everything: list[str | Path], tmp_path: Path
) -> None:
    kept = []
    for at, each in enumerate(everything):
        kept.append(tmp_path / f"{at}.parquet")
        write_histogram(read_traffic([each]), kept[-1])
    assert read_traffic(kept).sha256() == read_traffic(everything).sha256()


def test_nothing_private_reaches_an_output(
    everything: list[str | Path], tmp_path: Path
) -> None:
    done = bucketwise(
        "analyze", *everything, "--model", "qwen3-vl-2b", "--out", "out", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    kept = bucketwise("histogram", *everything, "-o", "kept.parquet", cwd=tmp_path)
    counted = bucketwise("count", *everything, "--model", "qwen3-vl-2b", cwd=tmp_path)
    said = {"stdout": done.stdout, "stderr": done.stderr}
    said |= {"histogram": kept.stdout + kept.stderr, "count": counted.stdout}
    texts = {name: text.encode() for name, text in said.items()}
    written = filter(Path.is_file, (tmp_path / "out").rglob("*"))
    texts |= {str(path): path.read_bytes() for path in written}
    texts["kept"] = (tmp_path / "kept.parquet").read_bytes()
    for name, text in texts.items():
        for secret in (*SECRETS, str(tmp_path)):
            assert secret.encode() not in text, (name, secret)


def test_without_places_not_even_base_names_are_kept(
    everything: list[str | Path], tmp_path: Path
) -> None:
    kept = "kept.parquet"
    bucketwise("histogram", *everything, "-o", kept, "--no-places", cwd=tmp_path)
    done = bucketwise("analyze", kept, "--no-places", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written = filter(Path.is_file, (tmp_path / "out").rglob("*"))
    for path in (tmp_path / kept, *written):
        for name in (b"requests.jsonl", b"shard.tar", b"c.txt", b"tokens.csv"):
            assert name not in path.read_bytes(), (path.name, name)


def test_sizes_are_as_displayed_unless_told_otherwise(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture(300, 200, "JPEG", orientation=6))
    [shown] = read_traffic([tmp_path]).height_px
    [stored] = read_traffic([tmp_path], ignore_orientation=True).height_px
    assert (shown, stored) == (300, 200)
    done = bucketwise(
        "count", "a.jpg", "--model", "qwen3-vl-2b", "--ignore-orientation", cwd=tmp_path
    )
    assert done.stdout.splitlines()[1].startswith("200,300,")
    options = ("analyze", "a.jpg", "--ignore-orientation", "--out", "out")
    assert bucketwise(*options, cwd=tmp_path).returncode == 0
    assert '"value": "as stored"' in (tmp_path / "out" / "plan.json").read_text()


def test_many_image_files_are_one_input(tmp_path: Path) -> None:
    names: list[str | Path] = []
    for at in range(7):
        names.append(tmp_path / f"{at}.png")
        (tmp_path / f"{at}.png").write_bytes(picture(10 + at, 10))
    traffic = read_traffic([str(tmp_path / "*.png")])
    assert [each.name for each in traffic.inputs] == ["7 image files"]
    assert traffic.sha256() == read_traffic(names).sha256()


def test_images_referred_to_are_told_and_never_fetched(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    line = request_line(picture(640, 480), far="file:///etc/passwd")
    log.write_text(f"{line}\n" * 3)
    done = bucketwise("analyze", log, "--out", "out", cwd=tmp_path)
    assert "3 images of 6 (50.0%) were only referred to" in done.stdout
    log.write_text(request_line(far="https://internal.example/a.png"))
    done = bucketwise("analyze", log, "--out", "none", cwd=tmp_path)
    assert done.returncode == 1
    assert "none of 1 rows tells the size of an image" in done.stderr
    assert not (tmp_path / "none").exists()


def test_an_endless_line_on_standard_input_ends_the_run(tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "bucketwise", "analyze", "-", "--out", "out"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert run.stdin is not None
    with suppress(BrokenPipeError):
        for _ in range(1 << 12):
            run.stdin.write(b"7" * (1 << 20))
    _, said = run.communicate()
    assert run.returncode == 1
    assert b"a line of more than 128 MiB" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_output(
    tmp_path: Path, ending: signal.Signals
) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "bucketwise", "analyze", "-", "--out", "out"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert run.stdin is not None
    run.stdin.write(b"width,height\n640,480\n")
    run.stdin.flush()
    time.sleep(1)
    run.send_signal(ending)
    run.wait()
    run.stdin.close()
    assert run.returncode != 0
    assert list(tmp_path.iterdir()) == []


def test_a_run_killed_while_it_writes_leaves_whole_files_alone(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("width,height\n640,480\n64,48\n")
    out = tmp_path / "out"
    run = subprocess.Popen(
        [sys.executable, "-m", "bucketwise", "analyze", "log.csv", "--out", "out"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while run.poll() is None and not (out.is_dir() and any(out.iterdir())):
        time.sleep(0.000_1)
    run.kill()
    run.wait()
    seen = [each for each in out.iterdir() if not each.name.startswith(".")]
    bucketwise("analyze", "log.csv", "--out", "whole", cwd=tmp_path)
    for each in seen:
        assert each.read_bytes() == (tmp_path / "whole" / each.name).read_bytes()


@pytest.mark.parametrize("gone", ["before", "emptied"])
def test_a_file_that_vanishes_while_it_is_read_is_told(
    tmp_path: Path, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gone.csv"
    path.write_text("width,height\n1,1\n")

    def vanish(each: Input) -> None:
        """Stand where the reading begins, after the file was found and sniffed."""
        if gone == "before":
            each.path.unlink()
        else:
            each.path.write_text("")

    monkeypatch.setattr(reading, "open_plain", vanish)
    with pytest.raises(InputError, match=r"^gone\.csv: (cannot be read|the file is)"):
        read_traffic([path])


def test_a_folder_nobody_may_list_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may list everything, so the answer of the system is stood in for."""
    (tmp_path / "a.png").write_bytes(picture(9, 9))
    (tmp_path / "closed").mkdir()
    really = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return really(path)

    monkeypatch.setattr(os, "scandir", scandir)
    traffic = read_traffic([tmp_path], max_bad_rows=0.5)
    assert [(str(each.places[0]), each.reason) for each in traffic.rejections] == [
        ("closed", "unreadable folder")
    ]
    with pytest.raises(InputError, match="closed: the folder cannot be listed"):
        read_traffic([tmp_path / "closed"])


BOUNDED = """
import resource, sys
from bucketwise.errors import InputError
from bucketwise.read import read_traffic
try:
    read_traffic([sys.argv[1]])
except InputError as error:
    print(error)
with open("/proc/self/status") as file:
    print([line.split()[1] for line in file if line.startswith("VmHWM")][0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the peak")
def test_a_decompression_bomb_ends_in_bounded_memory(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.csv.gz"
    with gzip.open(bomb, "wb", compresslevel=1) as file:
        file.write(b"width,height\n")
        for _ in range(1_000):
            file.write(b"7" * (1 << 20))
    said, peak_kb = subprocess.check_output(
        [sys.executable, "-c", BOUNDED, str(bomb)], text=True
    ).splitlines()
    assert "line 2 is longer than 128 MiB" in said
    assert int(peak_kb) < 600_000


@pytest.fixture
def no_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no folder that Python could find, as in a container that is read-only."""
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
    monkeypatch.setattr(tempfile, "tempdir", None)


def from_stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.skipif(sys.platform != "linux", reason="memory has names on Linux alone")
def test_without_a_temporary_folder_the_same_is_read_and_written(
    everything: list[str | Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    packed = tmp_path / "packed.parquet.gz"
    write_histogram(read_traffic(everything), tmp_path / "with.parquet")
    packed.write_bytes(gzip.compress((tmp_path / "with.parquet").read_bytes()))
    odd = tmp_path / "a*[1]=b.csv"
    odd.write_text("width,height\n7,9\n")
    given = [*everything, packed, odd, "-"]
    piped = b"width,height\n5,3\n"
    from_stdin(monkeypatch, piped)
    expected = read_traffic(given)
    request.getfixturevalue("no_temporary_folder")
    from_stdin(monkeypatch, piped)
    found = read_traffic(given)
    assert found.sha256() == expected.sha256()
    write_histogram(found, tmp_path / "without.parquet")
    assert read_traffic([tmp_path / "without.parquet"]).sha256() == found.sha256()
    monkeypatch.setattr(scratch, "MAX_MEMORY_BYTES", 100)
    from_stdin(monkeypatch, b"width,height\n" + b"5,3\n" * 99)
    with pytest.raises(InputError, match="set TMPDIR to one, or give a file"):
        read_traffic(["-"])


def test_a_pipe_without_end_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for endless in ("/dev/zero", "/dev/urandom"):
        with Path(endless).open("rb") as stream:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
            with pytest.raises(InputError, match="stdin: binary data"):
                read_traffic(["-"])
    monkeypatch.setattr(inputs, "MAX_PIPE_BYTES", 1 << 20)
    from_stdin(monkeypatch, b"width,height\n" + b"5,3\n" * (1 << 19))
    with pytest.raises(InputError, match="stdin: 1 MiB came and no end"):
        read_traffic(["-"])
    # What a container begins with may be followed by zeros, as in a tar.
    files = {"a.png": picture(9, 9), "b": bytes(1 << 18)}
    from_stdin(monkeypatch, shard(tmp_path / "t.tar", files).read_bytes())
    assert read_traffic(["-"], max_bad_rows=0.5).images == 1


def test_a_named_pipe_is_read_once_it_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    rows = "width,height\n" + "640,480\n" * 30_000

    def write_late() -> None:
        with pipe.open("w") as stream:
            # The reader is there, and has waited longer than for a writer.
            time.sleep(0.1)
            stream.write(rows)

    monkeypatch.setattr(inputs, "WRITER_WITHIN_S", 0.05)
    with pytest.raises(InputError, match="pipe: a pipe that nobody writes to"):
        read_traffic([pipe])
    monkeypatch.setattr(inputs, "WRITER_WITHIN_S", 5.0)
    writer = threading.Thread(target=write_late)
    writer.start()
    assert read_traffic([pipe]).images == 30_000
    writer.join()


def test_names_that_are_no_utf8_are_read_written_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"caf\xe9\n")
    folder = Path(f"{name}.d")
    folder.mkdir()
    (folder / f"{name}.png").write_bytes(picture(64, 48))
    Path(f"{name}.csv").write_text("width,height\n640,480\n")
    Path(f"{name}.json").write_text('{"visual": {"max_seq_len": [4096]}}')
    traffic = read_traffic([folder, f"*{name[3:]}.csv"])
    assert [each.name for each in traffic.inputs] == [
        r"caf\udce9\n.d",
        r"caf\udce9\n.csv",
    ]
    common = ["--base", f"{name}.json", "--current", f"{name}.json"]
    for words in (
        ["analyze", f"{name}.csv", *common, "--out", name, "--format", "md"],
        ["count", f"{name}.csv", "--model", "qwen3-vl-2b", "-o", f"{name}.parquet"],
        ["histogram", str(folder), "-o", f"{name}.h.parquet"],
        ["lint", f"{name}.json", "--format", "sarif", "--traffic", f"{name}.h.parquet"],
        [
            "compare",
            f"{name}.csv",
            "--plan",
            name,
            f"--plan={name}=4096",
            "-o",
            "a.html",
        ],
    ):
        done = CliRunner().invoke(main, words)
        assert done.exit_code in (0, 3), (words, done.output, done.exception)
        assert done.output.isascii()
    assert json.loads((Path(name) / "plan.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "pattern", ["**/*.csv", "a/**/*.csv", "**", "a/**", "**/b/*.csv", "*/**/c/**/*.csv"]
)
def test_deep_patterns_match_as_globs_do_but_follow_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a/b/c").mkdir(parents=True)
    Path("a/.hidden").mkdir()
    for at, folder in enumerate((".", "a", "a/b", "a/b/c", "a/.hidden")):
        (Path(folder) / f"{at}.csv").write_text(f"width,height\n{at + 1},1\n")
    found = [
        each
        for each in glob.glob(pattern, recursive=True)  # noqa: PTH207 - the one that is told of
        if Path(each).is_file()
    ]
    Path("a/root").symlink_to("/")
    Path("a/up").symlink_to("..")
    for each in (pattern, str(tmp_path / pattern)):
        names = [record.name for record in read_traffic([each]).inputs]
        assert names == [Path(each).name for each in sorted(found)]


def test_many_small_tables_are_read_as_each_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(15)
    cells = {
        "width": ["640", "", "x", "-1", '"1\n2"', "99"],
        "height": ["480", "480.0", "0", "7"],
        "tenant": ["a", "", "é", '"x y"', "me@x.org"],
        "time": ["2026-10-01T05:00:00Z", "1969-12-31T23:59:59Z", "", "soon"],
        "frames": ["", "8", "16"],
        "fps": ["", "29.97", "30000/1001"],
        "n": ["1", "0.1", "0.2", "0", "1e15", "x", "-1"],
        "count": ["1.024", "2,5", "3"],
        "time_ms": ["1760000000000", "1760000000", ""],
        "image_tokens": ["0", "77", "78"],
        "prompt_tokens": ["100", "177", "x"],
        "text_tokens": ["99", "100", ""],
        "num_images": ["1", "2", ""],
    }
    layouts = [
        "width,height,tenant",
        "time,height,width",
        "width,height,frames,fps,time",
        "image_tokens,tenant",
        "width,height,n",
        "height,time,width,tenant,frames,fps,n",
        "image_tokens,count,tenant",
        "time_ms,width,height,count",
        "prompt_tokens,text_tokens,num_images,n",
    ]
    for at in range(8 * len(layouts)):
        names = layouts[at // 8].split(",")
        rows = [
            ",".join(random.choice(cells[name]) for name in names) + ",9" * (row == 7)
            for row in range(1 + at % 11)
        ]
        text = "\n".join([",".join(names), *rows])
        (tmp_path / f"{at:02}.csv").write_text(text, encoding="utf-8")
    given = str(tmp_path / "*.csv")
    together = read_traffic([given], max_bad_rows=1.0)
    monkeypatch.setattr(alike.AlikeTables, "add", lambda *_: False)
    alone = read_traffic([given], max_bad_rows=1.0)
    assert together.sha256() == alone.sha256()
    assert together.inputs == alone.inputs
    assert together.rejections == alone.rejections
    assert (together.first_s, together.last_s) == (alone.first_s, alone.last_s)


CELLS = {
    "time": st.sampled_from(
        ["2026-10-01T05:00:00.25Z", "2026-10-01T05:00:00.26Z", "1767225600", "soon", ""]
    ),
    "w": st.sampled_from(["640", "99", "1e3", "x", "0", "", '"6\n4"', '"640"', "\xff"]),
    "h": st.sampled_from(["480", "7", "480.0", "-1", "nan"]),
    "tenant": st.sampled_from(["a", "é", '"x, y"', "", "me@x.org"]),
    "n": st.sampled_from(["1", "0.1", "0.3", "x"]),
    "request": st.sampled_from(["r1", "r2", ""]),
}
ORDERS = (
    ["time", "w", "h", "tenant"],
    ["h", "w"],
    ["w", "h", "n"],
    ["request", "w", "h"],
)


@st.composite
def table_bytes(draw: st.DrawFn) -> bytes:
    """Draw a table: junk, ragged rows, quotes, blank lines, any line end, packed or not."""
    names = draw(st.sampled_from(ORDERS))
    row = st.tuples(*(CELLS[name] for name in names)).map(",".join)
    odd = st.sampled_from(["1", "1,2,3,4,5,6", "", " ", '"', '5,"5', "\0,\0"])
    rows = draw(st.lists(row | row | row | odd, min_size=1, max_size=12))
    # What is far from the start is met by no sample of it.
    rows = rows[:1] * draw(st.sampled_from([1, 60, 12_000])) + rows
    end = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    text = end.join([",".join(names), *rows]) + draw(st.sampled_from(["", end, "\n"]))
    written = text.encode().replace("\xff".encode(), b"\xff")
    packed: Callable[[bytes], bytes] = draw(st.sampled_from(PACKINGS))
    return packed(written)


def as_parquet(written: bytes) -> bytes:
    """Return a text as Parquet, cells that are numbers as such; as it is where it is none."""
    with tempfile.TemporaryDirectory() as folder:
        text, table = Path(folder) / "a", Path(folder) / "b"
        text.write_bytes(written)
        with suppress(duckdb.Error):
            duckdb.execute(
                f"COPY (FROM read_csv('{text}')) TO '{table}' (FORMAT parquet)"
            )
        return table.read_bytes() if table.exists() else written


PACKINGS: tuple[Callable[[bytes], bytes], ...] = (bytes, gzip.compress, as_parquet)


@settings(
    max_examples=drawn(8, 300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    tables=st.lists(table_bytes(), min_size=2, max_size=6),
    most=st.sampled_from([500_000, 40]),
)
def test_tables_read_together_are_the_sum_of_each_read_alone(
    tmp_path: Path, tables: list[bytes], most: int
) -> None:
    paths = [tmp_path / str(at) for at in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        path.write_bytes(table)

    def read(paths: list[Path]) -> Traffic | str:
        try:
            return read_traffic(paths, max_bad_rows=1.0)
        except InputError as error:
            return str(error)

    alone = [read([path]) for path in paths]
    with pytest.MonkeyPatch.context() as patch:
        # Larger ones are read alone, between the others.
        patch.setattr(alike, "MOST_ROWS", most)
        together = read(paths)
    readable = [each for each in alone if isinstance(each, Traffic)]
    if len(readable) < len(alone):
        assert together in alone
        return
    assert isinstance(together, Traffic)
    added = merge_traffic(readable)
    assert together.sha256() == added.sha256()
    assert together.rejections == added.rejections
    assert (together.rows_read, together.rows_used) == (
        added.rows_read,
        added.rows_used,
    )
    assert (together.first_s, together.last_s) == (added.first_s, added.last_s)
    assert together.inputs == added.inputs
    said = [each for each in together.notes if "none of which" not in each]
    assert said == list(added.notes)


def test_without_room_a_packed_table_is_read_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"w,h\n640,480\nx,1\n"))
    unpacked = read_traffic([path], max_bad_rows=1.0)
    monkeypatch.setattr(scratch.Scratch, "room_bytes", lambda _: 3)
    as_it_is = read_traffic([path], max_bad_rows=1.0)
    assert as_it_is.sha256() == unpacked.sha256()
    assert as_it_is.rejections == unpacked.rejections


def test_a_parquet_file_that_ends_its_reader_is_named_among_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        table = tmp_path / f"{name}.parquet"
        duckdb.execute(
            f"COPY (SELECT 640 AS w, 480 AS h) TO '{table}' (FORMAT parquet)"
        )
    apart = opening.read_apart

    def ends_at_b(
        workspace: Any, each: Input, columns: Any, task: Any, *rest: Any
    ) -> Any:
        if any(one.name == "b.parquet" for one in task.args[0]):
            workspace.apart.run(os._exit, 3)
        return apart(workspace, each, columns, task, *rest)

    monkeypatch.setattr(reading, "read_apart", ends_at_b)
    with pytest.raises(InputError, match=r"^b\.parquet: damaged Parquet"):
        read_traffic([tmp_path / "a.parquet", tmp_path / "b.parquet"])


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="expected at least one row or image, found none"
    ):
        read_traffic([tmp_path])


def test_progress_says_bytes_rows_and_time_left() -> None:
    progress = Progress(bytes_total=2 << 20)
    progress.begin("log.csv", 1 << 20)
    progress.row_bytes = 64.0
    progress.share = lambda: 0.5
    line = progress_line(progress, elapsed_s=3.0)
    assert line == "reading log.csv, 25.0% of 2.00 MiB, about 8,000 rows, 9 s left"
    progress.finish(16_384)
    progress.begin("\x1b[31m.csv", 1 << 20)
    line = progress_line(progress, elapsed_s=3.0)
    assert "50.0% of 2.00 MiB" in line
    assert "16,384 rows" in line
    assert "\x1b" not in line


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_long_lines_and_parquet_are_read_packed_too(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1_000, 1_000, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    log = tmp_path / "log.jsonl"
    log.write_bytes(pack(f"{request_line(file.getvalue())}\n".encode() * 2))
    table = tmp_path / "sizes.parquet"
    duckdb.execute(f"COPY (SELECT 640 AS w, 480 AS h) TO '{table}' (FORMAT parquet)")
    table.write_bytes(pack(table.read_bytes()))
    traffic = read_traffic([log, table])
    assert traffic.width_px.tolist() == [640, 1_000]
    assert traffic.count.tolist() == [1, 2]


def test_a_store_without_its_package_tells_the_line_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    for each in ("s3://bucket/x.csv", "https://host/x.csv?signature=secret"):
        told = bucketwise("histogram", each, "-o", "x.parquet", cwd=tmp_path)
        assert told.returncode == 2
        assert "pip install 'bucketwise[cloud]'" in told.stderr
        assert "secret" not in told.stderr
