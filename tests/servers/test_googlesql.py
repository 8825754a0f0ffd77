"""GoogleSQL's reference engine counts alike rows, and gives what reading them here gives.

GOOGLESQL names the folder `lib/zetasql` of npm's `@fivetrandevelopers/zetasql`, which holds
a server of that engine and its messages; 340 MB, so nothing installs it.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal, localcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.read.dialects import (
    DIALECTS,
    TIME_KINDS,
    Counting,
    TimeKind,
    counting_query,
)
from bucketwise.read.tables.counted import FIRST, LAST, ROWS, WEIGHT
from tests.counted_tables import (
    COLUMNS,
    LABEL,
    LAW,
    cells_of,
    in_duckdb,
    read,
    same,
    tables,
    types_of,
)  # fmt: skip
from tests.servers.loopback import absent, free_port

STARTS_WITHIN_S = 60
DIGITS = 38
"""Digits of a BIGNUMERIC behind its point; it comes as a whole number of so many."""
TYPES = {"VARCHAR": "STRING", "DOUBLE": "FLOAT64", "TIMESTAMP": "TIMESTAMP"}
COUNTED = {ROWS: "BIGINT", FIRST: "BIGINT", LAST: "BIGINT", WEIGHT: "VARCHAR"}

Answer = tuple[list[str], list[list[Any]]]


@pytest.fixture(scope="module")
def googlesql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start the engine; what runs a query."""
    folder = Path(os.environ.get("GOOGLESQL", ""))
    if not (folder / "remote_server.so").is_file() or not find_spec("grpc_tools"):
        absent("googlesql", "GOOGLESQL names no server, or grpcio-tools is not here")
    made = tmp_path_factory.mktemp("messages")
    protos = [str(each) for each in (folder / "protos").rglob("*.proto")]
    out = [f"--{kind}_out={made}" for kind in ("python", "grpc_python")]
    protoc: Any = importlib.import_module("grpc_tools.protoc")
    known = Path(protoc.__file__).with_name("_proto")
    command = ["", f"-I{folder / 'protos'}", f"-I{known}", *out, *protos]
    assert protoc.main(command) == 0
    port = free_port()
    program = [str(folder / "remote_server.so"), "localhost", str(port)]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(made))
        server = subprocess.Popen(program, stdout=-3, stderr=-3)
        try:
            yield runner(port)
        finally:
            server.kill()
            server.wait()


def runner(port: int) -> Callable[[str], Answer]:
    grpc: Any = importlib.import_module("grpc")
    messages: Any = importlib.import_module("local_service_pb2")
    services: Any = importlib.import_module("local_service_pb2_grpc")
    channel = grpc.insecure_channel(f"localhost:{port}")
    grpc.channel_ready_future(channel).result(STARTS_WITHIN_S)
    there = services.ZetaSqlLocalServiceStub(channel)
    every = messages.LanguageOptionsRequest(maximum_features=True)
    language = there.GetLanguageOptions(every)

    def run(query: str) -> Answer:
        asked = messages.EvaluateQueryRequest(sql=query)
        asked.options.language_options.CopyFrom(language)
        asked.options.default_timezone = "UTC"  # as of a project that names none
        functions = asked.simple_catalog.builtin_function_options
        functions.language_options.CopyFrom(language)
        found = there.EvaluateQuery(asked)
        rows = found.content.table_data.row
        names = [each.name for each in found.prepared.columns]
        return names, [[*map(value, row.cell)] for row in rows]

    return run


def value(cell: Any) -> Any:
    kind = cell.WhichOneof("value")
    if kind != "bignumeric_value":
        return getattr(cell, kind) if kind else None
    whole = int.from_bytes(cell.bignumeric_value, "little", signed=True)
    with localcontext(prec=2 * DIGITS):
        return format(Decimal(whole).scaleb(-DIGITS), "f")


def written(cell: Any, kind: str) -> str:
    if cell is None:
        return "NULL"
    if kind == "VARCHAR":
        return json.dumps(cell, ensure_ascii=False)
    if kind == "DOUBLE":
        return f"CAST('{float(cell)!r}' AS FLOAT64)"
    return f"TIMESTAMP '{cell.isoformat(' ')}+00'"


def keep(answer: Answer, path: Path) -> None:
    names, rows = answer
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    kinds = [
        COUNTED.get(name)
        or ("DOUBLE" if {*map(type, cells)} <= {float, type(None)} else "VARCHAR")
        for name, cells in columns.items()
    ]
    made = ", ".join(f"{n} {kind}" for n, kind in zip(names, kinds, strict=True))
    with closing(duckdb.connect()) as connection:
        connection.execute(f"CREATE TABLE t ({made})")
        marks = ", ".join("?" * len(names))
        connection.executemany(f"INSERT INTO t VALUES ({marks})", rows)
        connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")


@LAW
@given(data=st.data(), kind=st.sampled_from(TIME_KINDS), sums=st.booleans())
def test_rows_counted_by_googlesql_give_what_reading_them_gives(
    googlesql: Callable[[str], Answer],
    data: st.DataObject,
    kind: TimeKind,
    sums: bool,
) -> None:
    frame = data.draw(tables(kind))
    kinds = types_of(frame, kind)
    fields = ", ".join(
        f"{DIALECTS['bigquery'].quoted(name)} {TYPES[each]}"
        for name, each in zip(COLUMNS.values(), kinds, strict=True)
    )
    rows = ", ".join(
        f"({', '.join(map(written, row, kinds))})" for row in cells_of(frame)
    )
    counting = Counting(
        columns={**COLUMNS, "label": LABEL},
        query=f"SELECT * FROM UNNEST(ARRAY<STRUCT<{fields}>>[{rows}])",
        where="'100%' LIKE '1%' -- all",
        time_kind=kind,
        sums=sums,
    )
    with tempfile.TemporaryDirectory() as folder, in_duckdb(frame, kind) as connection:
        whole, counted = Path(folder, "whole.parquet"), Path(folder, "counted.parquet")
        connection.execute(f"COPY t.x TO '{whole}'")
        keep(googlesql(counting_query(counting, "bigquery")), counted)
        assert same(read(counted)) == same(read(whole, COLUMNS))
