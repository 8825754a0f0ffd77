"""Tables with images in their cells, written here as others write them."""

import base64
import csv
import io
import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bucketwise.errors import InputError
from bucketwise.read import read_traffic
from bucketwise.read.database import Workspace, open_workspace
from bucketwise.read.detect import File, recognise
from bucketwise.read.images.header import Item
from bucketwise.read.images.read import read_header
from bucketwise.read.requests import rows as image_rows
from bucketwise.read.requests.reader import RequestLog
from bucketwise.read.requests.rows import has_images, read_parquet
from bucketwise.words.reject_reasons import (
    MISSING,
    NOT_AN_IMAGE,
    RAGGED,
    UNREADABLE,
    UNSIZED,
)

pytestmark = pytest.mark.usefixtures("one_reader")

STRUCT = "STRUCT(bytes BLOB, path VARCHAR)"


def noise_of(size: int) -> bytes:
    return Random(0).randbytes(size)  # noqa: S311 - noise


def image_of(
    kind: str, width: int = 64, height: int = 48, turn: int = 1, noise: int = 0
) -> bytes:
    """Make an image; `noise` makes that many bytes of it that do not compress."""
    exif = Image.Exif()
    exif[0x112] = turn
    image = Image.new("RGB", (width, height), (9, 99, 200))
    if noise:
        side = int((noise / 3) ** 0.5) + 1
        image = Image.frombytes("RGB", (side, side), noise_of(3 * side**2))
    file = io.BytesIO()
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    image.save(file, kind, exif=exif, **options)
    return file.getvalue()


def late_exif(png: bytes, turn: int) -> bytes:
    """Put the orientation of a PNG behind its image data, where it may stand."""
    turned = image_of("PNG", turn=turn)
    at = turned.index(b"eXIf") - 4
    chunk = turned[at : at + 12 + int.from_bytes(turned[at : at + 4], "big")]
    end = png.rindex(b"IEND") - 4
    return png[:end] + chunk + png[end:]


def write(
    path: Path,
    columns: dict[str, str],
    rows: Sequence[Sequence[object]],
    options: str = "",
) -> Path:
    """Write rows as Parquet; `columns` are names and types."""
    with duckdb.connect(":memory:") as connection:
        declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        connection.execute(f"CREATE TABLE made ({declared})")
        marks = ", ".join("?" for _ in columns)
        for row in rows:
            connection.execute(f"INSERT INTO made VALUES ({marks})", list(row))
        connection.execute(f"COPY made TO '{path}' (FORMAT parquet{options})")
    return path


def opened(workspace: Workspace, path: Path) -> File:
    return recognise(workspace, path, path.name)


def items_of(path: Path, chosen: dict[str, str] | None = None) -> list[Item]:
    with open_workspace() as workspace:
        file = opened(workspace, path)
        return list(
            RequestLog(read_parquet(workspace, file, chosen), path.name, chosen)
        )


def found_in(columns: dict[str, str], folder: Path) -> bool:
    """Say whether a file with such columns is taken for one with images."""
    path = write(folder / "m.parquet", columns, [])
    with open_workspace() as workspace:
        return has_images(workspace, opened(workspace, path))


images = st.one_of(
    st.builds(
        image_of,
        st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF", "GIF"]),
        st.integers(1, 300),
        st.integers(1, 300),
        st.sampled_from([1, 3, 6, 8]),
    ),
    st.builds(
        image_of,
        st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF"]),
        turn=st.sampled_from([1, 6]),
        noise=st.just(150_000),
    ),
    st.just(late_exif(image_of("PNG", noise=150_000), 6)),
    st.binary(max_size=60),
)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.none() | images, st.none() | st.lists(images, max_size=3)),
        max_size=8,
    ),
    group=st.sampled_from([1, 2, 100_000]),
)
def test_every_image_has_the_header_of_its_file(
    rows: list[tuple[bytes | None, list[bytes] | None]],
    group: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("made") / "made.parquet"
    cells = [
        (
            None if one is None else {"bytes": one, "path": "a.png"},
            None if many is None else [{"bytes": b, "path": None} for b in many],
        )
        for one, many in rows
    ]
    write(path, {"image": STRUCT, "images": f"{STRUCT}[]"}, cells)
    expected = [
        (line, MISSING if data is None else read_header(io.BytesIO(data)))
        for line, (one, many) in enumerate(rows, start=1)
        for data in [one, *([None] if many is None else many)]
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_rows, "_RANGE_ROWS", group)
        items = items_of(path)
    assert [(item.line, item.header or item.reason) for item in items] == expected


def test_the_columns_of_hugging_face_datasets_are_found_under_any_name(
    tmp_path: Path,
) -> None:
    columns = {"scan": STRUCT, "pages": f"{STRUCT}[]", "id": "BIGINT"}
    assert found_in(columns, tmp_path)
    cell = {"bytes": image_of("PNG"), "path": None}
    items = items_of(write(tmp_path / "m.parquet", columns, [(cell, [cell, cell], 7)]))
    assert [item.header is not None for item in items] == [True] * 3


@pytest.mark.parametrize(
    "name",
    [
        "image",
        "img",
        "IMAGE",
        "image_bytes",
        "bytes",
        "jpg",
        "png",
        "webp",
        "page_image",
        "image0",
        "image.jpg",
    ],
)
@pytest.mark.parametrize("kind", ["BLOB", "BLOB[]"])
def test_columns_of_bytes_are_found_by_their_name(
    name: str, kind: str, tmp_path: Path
) -> None:
    assert found_in({name: kind}, tmp_path)


def test_columns_within_structs_are_found_at_any_depth(tmp_path: Path) -> None:
    columns = {"sample": "STRUCT(turns STRUCT(jpg BLOB, txt VARCHAR)[], id BIGINT)"}
    assert found_in(columns, tmp_path)
    turns = [{"jpg": image_of("JPEG"), "txt": "?"}, {"jpg": None, "txt": "!"}]
    rows = [({"turns": turns, "id": 1},)]
    items = items_of(write(tmp_path / "m.parquet", columns, rows))
    assert [item.reason for item in items] == ["", MISSING]


@pytest.mark.parametrize(
    "columns",
    [
        {"audio": STRUCT},
        {"video": STRUCT, "pdf": STRUCT},
        {"image_embedding": "BLOB", "image_hash": "BLOB"},
        {"image": "VARCHAR", "img": "BIGINT", "photo": "DOUBLE[]"},
        {"payload": "BLOB"},
        {"image": "STRUCT(width BIGINT, height BIGINT)"},
    ],
)
def test_other_columns_are_not_taken_for_images(
    columns: dict[str, str], tmp_path: Path
) -> None:
    assert not found_in(columns, tmp_path)


def test_rows_keep_their_order_and_columns_stand_side_by_side(tmp_path: Path) -> None:
    rows = [
        (image_of("PNG", at, 1), [image_of("JPEG", at, 2), image_of("GIF", at, 3)])
        for at in range(1, 30)
    ]
    path = write(tmp_path / "m.parquet", {"png": "BLOB", "img": "BLOB[]"}, rows)
    sizes = [
        (item.line, item.header.width_px, item.header.height_px)
        for item in items_of(path)
        if item.header
    ]
    assert sizes == [(at, at, height) for at in range(1, 30) for height in (1, 2, 3)]


def test_what_is_no_image_is_told_by_its_reason(tmp_path: Path) -> None:
    rows: list[tuple[dict[str, object] | None]] = [
        ({"bytes": None, "path": "secret/cat.png"},),
        ({"bytes": None, "path": None},),
        ({"bytes": None, "path": ""},),
        (None,),
        ({"bytes": b"hello", "path": "secret/cat.png"},),
        ({"bytes": b"", "path": None},),
        ({"bytes": image_of("PNG")[:20], "path": None},),
        ({"bytes": image_of("WEBP", noise=150_000)[:-90_000], "path": None},),
    ]
    items = items_of(write(tmp_path / "m.parquet", {"image": STRUCT}, rows))
    assert [item.reason for item in items] == [
        UNSIZED, MISSING, MISSING, MISSING, NOT_AN_IMAGE, NOT_AN_IMAGE, UNREADABLE,
        UNREADABLE,
    ]  # fmt: skip
    assert "secret" not in repr(items)


def test_an_empty_list_has_no_image_and_a_missing_one_lacks_it(tmp_path: Path) -> None:
    rows: list[tuple[list[bytes] | None]] = [([],), (None,), ([image_of("PNG")],)]
    items = items_of(write(tmp_path / "m.parquet", {"images": "BLOB[]"}, rows))
    assert [(item.line, item.reason) for item in items] == [(2, MISSING), (3, "")]


def test_time_and_label_are_found_by_name_as_text(tmp_path: Path) -> None:
    columns = {
        "image": "BLOB",
        "created_at": "TIMESTAMP",
        "tenant": "BIGINT",
        "label": "VARCHAR[]",
    }
    rows: list[tuple[object, ...]] = [
        (image_of("PNG"), "2026-01-01 10:00:00", 7, []),
        (image_of("PNG"), None, None, []),
    ]
    items = items_of(write(tmp_path / "m.parquet", columns, rows))
    assert [(item.time, item.label) for item in items] == [
        ("2026-01-01 10:00:00", "7"),
        ("", ""),
    ]


def test_a_class_is_no_tenant_unless_the_user_says_so(tmp_path: Path) -> None:
    columns = {"image": "BLOB", "label": "BIGINT"}
    path = write(tmp_path / "m.parquet", columns, [(image_of("PNG"), 7)])
    assert [item.label for item in items_of(path)] == [""]
    assert [item.label for item in items_of(path, {"label": "label"})] == ["7"]


def test_time_and_label_can_be_chosen_or_left_unread(tmp_path: Path) -> None:
    columns = {
        "image": "BLOB",
        "time": "VARCHAR",
        "sent": "VARCHAR",
        "tenant": "VARCHAR",
    }
    path = write(tmp_path / "m.parquet", columns, [(image_of("PNG"), "1", "2", "a")])
    [item] = items_of(path, {"ts": "Sent", "tenant": ""})
    assert (item.time, item.label) == ("2", "")


def test_names_that_sql_would_stumble_over_are_read(tmp_path: Path) -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            'CREATE TABLE made ("an ""image.png" BLOB, "tenant" VARCHAR)'
        )
        connection.execute("INSERT INTO made VALUES (?, 'x')", [image_of("PNG")])
        connection.execute(f"COPY made TO '{tmp_path / 'm.parquet'}' (FORMAT parquet)")
    [item] = items_of(tmp_path / "m.parquet")
    assert item.header is not None


@pytest.mark.parametrize("codec", ["uncompressed", "snappy", "gzip", "zstd", "lz4_raw"])
def test_every_codec_is_read(tmp_path: Path, codec: str) -> None:
    path = write(
        tmp_path / "m.parquet",
        {"image": "BLOB"},
        [(image_of("PNG"),)],
        f", COMPRESSION {codec}",
    )
    assert [item.header is not None for item in items_of(path)] == [True]


def test_a_file_without_rows_has_no_images(tmp_path: Path) -> None:
    assert items_of(write(tmp_path / "m.parquet", {"image": STRUCT}, [])) == []


def test_row_groups_are_cut_and_joined_to_ranges_without_a_gap() -> None:
    groups = [
        (10, 1),
        (0, 0),
        (5_000, 10**9),
        (3, 10**10),
        (20_001, 5),
        (1, 0),
        (7, -1),
    ]
    ranges = list(image_rows._ranges(groups))  # noqa: SLF001
    assert ranges[0][0] == 0
    assert ranges[-1][1] == sum(rows for rows, _ in groups)
    assert all(end == first for (_, end), (first, _) in pairwise(ranges))
    assert all(0 < end - first <= 20_000 for first, end in ranges)


def test_what_does_not_fit_into_memory_is_refused_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_rows, "_MEMORY_LIMITS_MB", (1, 2))
    noisy = [(image_of("PNG", noise=3_000_000),) for _ in range(4)]
    path = write(tmp_path / "m.parquet", {"image": "BLOB"}, noisy)
    with pytest.raises(
        InputError, match=r"^m\.parquet: rows 1 to 4 .*row_group_size=100"
    ):
        items_of(path)


def test_a_large_row_group_is_read_in_parts_with_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_rows, "_RANGE_BYTES", 16_000_000)
    monkeypatch.setattr(image_rows, "_MEMORY_LIMITS_MB", (32, 360))
    jpeg = image_of("JPEG") + noise_of(200_000)
    path = tmp_path / "m.parquet"
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            "COPY (SELECT CAST(? AS BLOB) || CAST(CAST(range AS VARCHAR) AS BLOB) "
            f"AS image FROM range(500)) TO '{path}' (FORMAT parquet, "
            "COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1)",
            [jpeg],
        )
    assert path.stat().st_size > 1e8
    items = items_of(path)
    assert [item.line for item in items] == list(range(1, 501))
    assert all(item.header is not None for item in items)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def chat(*images: bytes) -> str:
    parts = [
        {
            "type": "image_url",
            "image_url": {"url": "data:image/png;base64," + b64(each)},
        }
        for each in images
    ]
    return json.dumps([{"role": "user", "content": parts}])


CELLS: dict[str, Callable[[bytes], str]] = {
    "base64": b64,
    "data: URL": lambda data: "data:image/png;base64," + b64(data),
    "JSON": lambda data: json.dumps([b64(data)]),
    "a list of Python's": lambda data: str([b64(data)]),
    "messages": chat,
}


@settings(max_examples=25, deadline=None)
@given(
    form=st.sampled_from(sorted(CELLS)),
    separator=st.sampled_from([",", "\t", ";", "|"]),
    sides=st.lists(st.tuples(st.integers(1, 300), st.integers(1, 300)), min_size=1),
    question=st.text(
        st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=9
    ),
)
def test_images_in_the_cells_of_a_text_table_are_sized(
    form: str,
    separator: str,
    sides: list[tuple[int, int]],
    question: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("made") / "made"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL)
        writer.writerow(["index", "messages" if form == "messages" else "image", "ask"])
        for at, (width, height) in enumerate(sides):
            writer.writerow([at, CELLS[form](image_of("PNG", width, height)), question])
    traffic = read_traffic([path])
    found = [
        (int(width), int(height))
        for height, width, count in zip(
            traffic.height_px, traffic.width_px, traffic.count, strict=True
        )
        for _ in range(int(count))
    ]
    assert sorted(found) == sorted(sides)


@pytest.mark.parametrize("form", CELLS)
def test_images_in_the_text_of_a_parquet_are_sized(form: str, tmp_path: Path) -> None:
    name = "messages" if form == "messages" else "image"
    rows = [(at, CELLS[form](image_of("PNG", 64 + at, 48))) for at in range(3)]
    path = write(tmp_path / "m.parquet", {"tenant": "BIGINT", name: "VARCHAR"}, rows)
    traffic = read_traffic([path])
    assert traffic.width_px.tolist() == [64, 65, 66]
    assert traffic.labels == ("0", "1", "2")


def test_what_a_cell_refers_to_is_unsized_and_a_short_row_ragged(
    tmp_path: Path,
) -> None:
    path = tmp_path / "m.tsv"
    image = b64(image_of("PNG"))
    rows = [f"{at}\t{image}\tq" for at in range(40)] + [
        "40\thttps://a.example/b\tq",
        "41",
    ]
    path.write_text("\n".join(["index\timage\tquestion", *rows]))
    traffic = read_traffic([path])
    assert traffic.rows_used == 40
    assert {each.reason for each in traffic.rejections} == {RAGGED, UNSIZED}


def test_columns_that_tell_sizes_spare_looking_into_the_images(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(f"width,height,image\n1280,720,{b64(image_of('PNG'))}\n")
    assert read_traffic([path]).width_px.tolist() == [1280]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "image,caption\nnginx:1.25,hello\n"])
def test_a_table_without_sizes_or_images_is_refused_as_such(
    text: str, tmp_path: Path
) -> None:
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(InputError, match="no column for width and height"):
        read_traffic([tmp_path / "m.csv"])
