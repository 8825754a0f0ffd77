"""JSON that is not one object a line, and cells that hold two sides."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise.errors import InputError
from bucketwise.nouns.traffic import Traffic
from bucketwise.read import read_inputs, read_rows, read_traffic

SIZES = [(1280, 720)] * 3 + [(640, 480)] * 2
RECORDS = [{"id": at, "width": w, "height": h} for at, (w, h) in enumerate(SIZES)]
REQUEST = {
    "model": "m",
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "what is it?"},
                {"type": "image_url", "image_url": {"url": "data:image/gif;base64,"
                 "R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs="}},
            ],
        }
    ],
}  # fmt: skip

NESTED: dict[str, Any] = {
    "coco": {"info": {"year": 2026}, "licenses": [], "images": RECORDS, "annotations":
             [{"id": 1, "bbox": [1, 2, 3, 4], "area": 9.5}]},
    "annotations first": {"annotations": [{"id": 1, "area": 9.5}] * 300,
                          "images": RECORDS},
    "page": {"data": RECORDS, "next": None},
    "opensearch": {"took": 3, "hits": {"total": {"value": 5}, "hits": [
        {"_index": "a", "_source": {"image": {"width": w, "height": h}}}
        for w, h in SIZES]}},
    "aggregation": {"aggregations": {"sizes": {"buckets": [
        {"key": {"width": 1280, "height": 720}, "doc_count": 3},
        {"key": {"width": 640, "height": 480}, "doc_count": 2}]}}},
    "array": RECORDS,
    "exiftool": [{"SourceFile": "a.jpg", "ImageWidth": w, "ImageHeight": h}
                 for w, h in SIZES],
    "mongo": [{"_id": {"$oid": "a"}, "width": {"$numberInt": str(w)},
               "height": {"$numberLong": str(h)}} for w, h in SIZES],
    "orient=columns": {"width": {str(at): w for at, (w, _) in enumerate(SIZES)},
                       "height": {str(at): h for at, (_, h) in enumerate(SIZES)}},
    "orient=split": {"columns": ["width", "height"], "index": [0, 1, 2, 3, 4],
                     "data": SIZES},
    "BigQuery": {"kind": "bigquery#queryResponse", "schema": {"fields": [
        {"name": "width", "type": "INTEGER"}, {"name": "height", "type": "INTEGER"}]},
        "rows": [{"f": [{"v": str(w)}, {"v": str(h)}]} for w, h in SIZES]},
    "Trino": {"id": "2026", "columns": [{"name": "w", "type": "bigint"},
              {"name": "h", "type": "bigint"}], "data": SIZES, "stats": {"state": "X"}},
    "Snowflake": {"resultSetMetaData": {"rowType": [{"name": "WIDTH"}, {"name": "HEIGHT"}]},
                  "data": [[str(w), str(h)] for w, h in SIZES], "code": "090001"},
    "InfluxDB": {"results": [{"statement_id": 0, "series": [{"name": "images",
                 "columns": ["width", "height"], "values": SIZES}]}]},
    "ClickHouse": {"meta": [{"name": "image_width", "type": "UInt32"},
                   {"name": "image_height", "type": "UInt32"}], "data": SIZES, "rows": 5},
    "orient=index": {str(at): each for at, each in enumerate(RECORDS)},
    "orient=table": {"schema": {"fields": [{"name": "width", "type": "integer"}]},
                     "data": RECORDS},
    "to_dict(list)": {"width": [w for w, _ in SIZES], "height": [h for _, h in SIZES]},
}  # fmt: skip


def read(path: Path, text: str | bytes, **options: Any) -> Traffic:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_traffic([path], **options)


def sizes(traffic: Traffic) -> dict[tuple[int, int], float]:
    found: Counter[tuple[int, int]] = Counter()
    for w, h, n in zip(traffic.width_px, traffic.height_px, traffic.count, strict=True):
        found[int(w), int(h)] += n
    return dict(found)


EXPECTED = {(1280, 720): 3, (640, 480): 2}


@pytest.mark.parametrize("indent", [None, 0, 4])
@pytest.mark.parametrize("name", NESTED)
def test_a_document_reads_as_its_records_would_however_it_is_indented(
    tmp_path: Path, name: str, indent: int | None
) -> None:
    traffic = read(tmp_path / "x", json.dumps(NESTED[name], indent=indent))
    assert sizes(traffic) == EXPECTED
    [record] = traffic.inputs
    assert record.kind == "json"
    assert any("one JSON document: rows were read from" in n for n in record.notes)


@settings(deadline=None, max_examples=40)
@given(
    pairs=st.lists(
        st.tuples(st.integers(1, 9_999), st.integers(1, 9_999)), min_size=1, max_size=30
    ),
    indent=st.sampled_from([None, 0, 1, 2, "\t"]),
    around=st.sampled_from(["array", "object", "objects", "deep"]),
    extra=st.text(max_size=9),
)
def test_indenting_and_wrapping_change_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    pairs: list[tuple[int, int]],
    indent: int | str | None,
    around: str,
    extra: str,
) -> None:
    path = tmp_path_factory.mktemp("law") / "x"
    records = [{"note": extra, "width": w, "height": h} for w, h in pairs]
    document: Any = {
        "array": records,
        "object": {"meta": {"text": extra}, "images": records},
        "deep": {"a": {"b": [{"c": 1}], "images": records}},
    }.get(around)
    text = (
        "\n".join(json.dumps(each, indent=indent) for each in records)
        if document is None
        else json.dumps(document, indent=indent, ensure_ascii=False)
    )
    traffic = read(path, text)
    assert sizes(traffic) == dict(Counter(pairs))


def test_a_row_of_an_indented_document_is_placed_on_the_line_it_starts_on(
    tmp_path: Path,
) -> None:
    records = [{"width": 640, "height": 480}] * 40 + [{"width": 640, "height": 0}]
    text = json.dumps({"info": {}, "images": records}, indent=2)
    line = 1 + text[: text.rindex("{")].count("\n")
    traffic = read(tmp_path / "x.json", text)
    [rejection] = traffic.rejections
    assert [str(place) for place in rejection.places] == [f"x.json:{line}"]


def test_a_row_of_a_document_on_one_line_is_placed_by_its_number(
    tmp_path: Path,
) -> None:
    records = [{"width": 640, "height": 480}] * 40 + [{"width": 640, "height": 0}]
    traffic = read(tmp_path / "x.json", json.dumps(records))
    assert str(traffic.rejections[0].places[0]) == "x.json:41"
    assert any("places of rows count them" in n for n in traffic.inputs[0].notes)


def test_rows_of_a_document_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"images": RECORDS}, indent=1))
    widths = [int(w) for rows in read_rows([path]) for w in rows.width_px]
    assert widths == [w for w, _ in SIZES]


def test_a_packed_document_and_one_longer_than_what_is_held_are_read(
    tmp_path: Path,
) -> None:
    many = [{"width": 640, "height": 480, "pad": "x" * 500}] * 6_000
    text = json.dumps({"annotations": [{"area": 1.5}] * 90_000, "images": many})
    assert len(text) > 2 << 20
    traffic = read(tmp_path / "x.gz", gzip.compress(text.encode()))
    assert sizes(traffic) == {(640, 480): 6_000}


def test_a_document_of_a_load_is_read_for_it_too(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    rows = [
        {"start": at, "end": at + 2, "width": 640, "height": 480} for at in range(200)
    ]
    path.write_text(json.dumps({"rows": rows}, indent=1))
    traffic, evidence = read_inputs([path])
    assert sizes(traffic) == {(640, 480): 200}
    assert evidence is not None
    assert evidence.kind == "requests"


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "document", [[REQUEST], REQUEST, {"data": [REQUEST]}], ids=["array", "one", "page"]
)
def test_requests_in_a_document_are_read_for_their_images(
    tmp_path: Path, document: object, indent: int | None
) -> None:
    traffic = read(tmp_path / "x", json.dumps(document, indent=indent))
    assert sizes(traffic) == {(1, 1): 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[{'width': 640, 'height': None}]",
            "line 1 is no JSON: .* Python prints a dict",
        ),
        ("{'width': 640}\n{'width': 640}\n", "Python prints a dict"),
        ("{width: 640, height: 480}\n", "a key without quotes"),
        ('[\n {"width": 1,\n  height: 2}]', "line 3 is no JSON: a key without quotes"),
        ('[\n // sizes\n {"width": 1}]', "line 2 is no JSON: a comment"),
        (
            '[{"width": 1, "height": 2},\n]',
            "line 2 is no JSON: a comma before a closing",
        ),
        (
            '{"images": [\n {"width": 1, "hei',
            "the text ends, and its brackets are still",
        ),
        ('{"images": [\n {"width": 1', "the text ends, and its brackets are still"),
        (
            '{"images": [\n {"width": 1} {"width": 2}]}',
            "line 2 is no JSON: expected ','",
        ),
    ],
)
def test_what_is_all_but_json_is_refused_by_the_name_of_its_fault(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read(tmp_path / "x.json", text)
    assert "--sql " in str(caught.value)


def test_a_document_without_sizes_is_refused_with_what_it_has(tmp_path: Path) -> None:
    document = {"items": [{"szx": 640, "szy": 480, "id": 1}], "tags": [{"name": "a"}]}
    with pytest.raises(InputError) as caught:
        read(tmp_path / "x.json", json.dumps(document))
    said = str(caught.value)
    assert "the list 'items' has 'szx', 'szy', 'id'" in said
    assert said.endswith(
        '--columns width=szx,height=szy or --sql "SELECT each.szx AS width, '
        "each.szy AS height FROM (SELECT unnest(items) AS each FROM "
        "read_json('x.json'))\""
    )


@pytest.mark.parametrize(
    ("record", "columns"),
    [
        ({"a": {"b": {"c": {"d": [640, 480]}}}}, {"width": "a.b.c.d.0",
                                                   "height": "a.b.c.d.1"}),
        ({"f": [{"v": "640"}, {"v": "480"}]}, {"width": "f.0.v", "height": "f.1.v"}),
        ({"box": [640, 480]}, {"resolution": "box"}),
        ({"box": [480, 640]}, {"shape": "box"}),
    ],
)  # fmt: skip
def test_a_column_is_named_by_its_path_and_its_place_in_a_list(
    tmp_path: Path, record: object, columns: dict[str, str]
) -> None:
    for text in (json.dumps(record), json.dumps([record, record], indent=1)):
        traffic = read(tmp_path / "x", text, columns=columns)
        assert sizes(traffic).keys() == {(640, 480)}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
@pytest.mark.parametrize("separator", ["\t", ";", ","])
def test_unicode_text_of_excel_is_read(
    tmp_path: Path, encoding: str, separator: str
) -> None:
    rows = [["Größe", "width", "height"], *(["é", str(w), str(h)] for w, h in SIZES)]
    text = "".join(separator.join(row) + "\r\n" for row in rows)
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path = tmp_path / "x.txt"
    assert sizes(read(path, (mark + text).encode(encoding))) == EXPECTED
    packed = gzip.compress((mark + text).encode(encoding))
    assert sizes(read(path, packed)) == EXPECTED


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("image_size", "(1280, 720)"),
        ("image_size", "[1280,720]"),
        ("resolution", "1280, 720"),
        ("resolution", "1,280 x 720"),
        ("resolution", "1280*720"),
        ("resolution", "1280\u00d7720"),
        ("resolution", "1280X720"),
        ("resolution", "1280 x 720 px"),
        ("resolution", "1280px x 720px"),
        ("dimensions", "1280 by 720"),
        ("shape", "(720, 1280)"),
        ("shape", "(720, 1280, 3)"),
        ("shape", "720x1280"),
        ("img_shape", "[3, 720, 1280]"),
        ("image_size", "(720, 1280, 3)"),
        ("size", "torch.Size([3, 720, 1280])"),
        ("size", "torch.Size([720, 1280])"),
    ],
)
def test_two_sides_in_one_cell_are_read_in_the_order_that_is_known(
    tmp_path: Path, name: str, cell: str
) -> None:
    text = f'{name};id\n"{cell}";1\n"{cell}";2\n'
    assert sizes(read(tmp_path / "x.csv", text)) == {(1280, 720): 2}


def test_a_pair_without_an_x_is_read_with_a_note_that_says_in_which_order(
    tmp_path: Path,
) -> None:
    text = 'image_size\n"(1280, 720)"\n'
    [record] = read(tmp_path / "x.csv", text).inputs
    assert any(
        "(1280, 720) was read as width, height" in n and "shape=image_size" in n
        for n in record.notes
    )


def test_a_pair_whose_order_nobody_knows_is_refused_with_both_lines(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path / "x.csv", 'image_sizes\n"(720, 1280)"\n')
    assert "--columns resolution=image_sizes or --columns shape=image_sizes" in str(
        caught.value
    )


@pytest.mark.parametrize(
    "name", ["requests", "hits", "images", "total", "qty", "n", "freq", "Total"]
)
def test_a_count_under_another_name_is_used_and_said(tmp_path: Path, name: str) -> None:
    text = f"width,height,{name}\n1280,720,3\n640,480,2\n"
    traffic = read(tmp_path / "x.csv", text)
    assert sizes(traffic) == EXPECTED
    notes = " ".join(traffic.inputs[0].notes)
    assert f"count from {name!r}" in notes
    assert "read as weights: 2 rows for 5 images" in notes


@pytest.mark.parametrize(
    "rows",
    [
        "width,height,images\n1280,720,a.jpg\n640,480,b.jpg\n",
        "width,height,images\n1280,720,1\n640,480,1\n",
        "width,height,total\n1280,720,0.35\n640,480,1.5\n",
        "width,height,total,prompt_tokens\n1280,720,900,800\n640,480,700,500\n",
    ],
)
def test_a_column_of_such_a_name_that_counts_nothing_is_left(
    tmp_path: Path, rows: str
) -> None:
    traffic = read(tmp_path / "x.csv", rows)
    assert sizes(traffic) == {(1280, 720): 1, (640, 480): 1}
    assert not traffic.weighted


def test_a_lone_column_of_sizes_without_header_is_refused_with_its_line(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match=r"--columns resolution=1$"):
        read(tmp_path / "x.txt", "640x480\n640x480\n")


def test_what_a_database_answered_is_refused_by_the_names_of_its_columns(
    tmp_path: Path,
) -> None:
    answer = {"columns": [{"name": "id"}, {"name": "when"}], "data": [[1, 2], [3, 4]]}
    with pytest.raises(InputError, match="has 'id', 'when'") as caught:
        read(tmp_path / "x.json", json.dumps(answer))
    assert "=name" not in str(caught.value)
