"""The script that measures graphs on a device host, as far as every engine shares it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from bucketwise.nouns.measuring import COLUMNS, ToMeasure
from bucketwise.words.text import one_line

WIDTH = 88

WARMUPS, REPEATS = 3, 10
"""Runs before the first that counts, and those that count: enough to tell an outlier."""


def measure_script(
    asked: ToMeasure,
    remarks: Iterable[str],
    imports: Iterable[str],
    constants: Mapping[str, Any],
    body: str,
) -> str:
    """Return measure.py.

    Parameters
    ----------
    asked : ToMeasure
        What it measures.
    remarks : iterable of str
        What is timed and what of it was never run, a paragraph each.
    imports : iterable of str
        Of the standard library, beside those of the loop.
    constants : mapping of str to JSON value
        What the body is written with, by name.
    body : str
        A function for each kind: size -> a function that runs once and returns its
        seconds, and one that then returns other columns by name.
    """
    profile, target = asked.profile, asked.target
    kinds = dict.fromkeys(kind for kind, _ in asked.points)
    told = (
        f"Measure graphs of {profile.hf_id} on {target.name}, for bucketwise calibrate.",
        *remarks,
        f"Proven: {asked.proof}.",
        *([] if "/" in profile.hf_id else [_LOCAL]),
        _RUN,
        _LASTS,
    )
    table = f"measured-{profile.name}.{target.folder}.csv"
    return (
        docstring(told)
        + "\n"
        + "".join(f"import {name}\n" for name in sorted({*_IMPORTS, *imports}))
        + "from pathlib import Path\n\n"
        + "".join(
            f"{name} = {literal(value, before=len(name) + 3)}\n"
            for name, value in {
                "MODEL_ID": profile.hf_id,
                "TABLE": _file_name(table),
                "POINTS": [*map(list, asked.points)],
                "WARMUPS": WARMUPS,
                "REPEATS": REPEATS,
                "ENGINE": target.sdk,
                "COLUMNS": list(COLUMNS),
                **constants,
            }.items()
        )
        + body
        + f"\n\nKINDS = {{{', '.join(f'{chr(34)}{each}{chr(34)}: {each}' for each in kinds)}}}\n"
        + _LOOP
    )


def docstring(paragraphs: Iterable[str]) -> str:
    """Return a module's docstring that nothing in it can end."""
    first, *rest = (
        one_line(each).replace("\\", "\\\\").replace('"', '\\"') for each in paragraphs
    )
    wrapped = ["\n".join(textwrap.wrap(each, WIDTH)) for each in rest]
    return '"""' + "\n\n".join([first, *wrapped]) + '\n"""\n'


def literal(value: Any, indent: int = 0, before: int = 0) -> str:
    """Return Python source of a JSON value, as ruff formats it `before` marks in."""
    inner = " " * (indent + 4)
    if isinstance(value, dict) and value:
        items = [
            f"{quoted(key)}: {literal(item, indent + 4, len(key) + 4)}"
            for key, item in value.items()
        ]
        left, right, is_long = "{", "}", True
    elif isinstance(value, list):
        items = [literal(each, indent + 4) for each in value]
        left, right = "[", "]"
        is_long = indent + before + len(", ".join(items)) + 2 > WIDTH
    else:
        return quoted(value) if isinstance(value, str) else ascii(value)
    if not is_long:
        return f"{left}{', '.join(items)}{right}"
    return (
        left
        + "\n"
        + "".join(f"{inner}{each},\n" for each in items)
        + " " * indent
        + right
    )


def quoted(text: str) -> str:
    """Return Python source of a text, in double quotes where it has none."""
    source = ascii(text)
    return source if '"' in text or source[0] == '"' else f'"{source[1:-1]}"'


def _file_name(text: str) -> str:
    return "".join(each if each.isalnum() or each in "._-" else "-" for each in text)


_IMPORTS = (
    *("csv", "ctypes", "json", "os", "resource", "signal", "subprocess", "sys", "time"),
    "traceback",
)

_LOCAL = (
    "MODEL_ID is the base name of the folder that the model was read from; where it stands "
    "is not recorded: run this beside it, or put its path there."
)
_RUN = (
    "Run it on the device host, where nothing is needed but what serves the model: python "
    "measure.py [TABLE]"
)
_LASTS = (
    "Each size is compiled and timed in a process of its own, and is in the table before "
    "the next begins: stopped and started again, it goes on. What failed has one row with "
    "the error; take the row out to try again."
)

_LOOP = '''

def seconds_of(run, *given):
    """Return the seconds that one call takes."""
    started = time.perf_counter()
    run(*given)
    return time.perf_counter() - started


def main():
    """Measure what the table lacks."""
    table = Path(sys.argv[1] if len(sys.argv) > 1 else TABLE)
    for number, (kind, size) in enumerate(POINTS, start=1):
        if (kind, str(size)) in {(row["kind"], size_of(row)) for row in read(table)}:
            continue
        print(f"{number} of {len(POINTS)}: {kind} {size} ...", flush=True)
        rows = in_own_process(kind, size, table)
        write(table, read(table) + rows)
        times = sorted(row["ms"] for row in rows if "ms" in row)
        print(f"    {times[len(times) // 2]:.3f} ms" if times else rows[0]["error"])
    print(f"{table} is whole; next: bucketwise calibrate {table} -o cost.json")


def in_own_process(kind, size, table):
    """Return the rows of one size: what crashes or runs out of memory stops no other."""
    part = table.with_name(f"{table.name}.part")
    part.unlink(missing_ok=True)
    words = [sys.executable, __file__, "--one", kind, str(size), str(part)]
    status = subprocess.run(words, check=False).returncode
    if not part.exists():
        error = f"its process ended with status {status}"
        if status == -9:
            error += ": killed, as the system does where memory runs out"
        return [row_of(kind, size, error=error)]
    rows = json.loads(part.read_text(encoding="utf-8"))
    part.unlink()
    return rows


def one(kind, size, part):
    """Measure one size and leave its rows in a file."""
    if sys.platform == "linux":
        # PR_SET_PDEATHSIG: a run that is killed leaves nothing on the device.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    try:
        run, told = KINDS[kind](size)
        for _ in range(WARMUPS):
            run()
        times = [1_000 * run() for _ in range(REPEATS)]
        more = {"peak_bytes": host_peak(), **told()}
        rows = [
            row_of(kind, size, ms=ms, repeat=repeat, **more)
            for repeat, ms in enumerate(times, start=1)
        ]
    except Exception as error:  # noqa: BLE001 - whatever it was, the next may do
        traceback.print_exc()
        said = " ".join(str(error).split())[:500]
        rows = [row_of(kind, size, error=f"{type(error).__name__}: {said}")]
    whole = Path(f"{part}.new")
    whole.write_text(json.dumps(rows), encoding="utf-8")
    whole.replace(part)


def row_of(kind, size, **more):
    """Return a row of the table."""
    unit = "batch" if kind == "decoder" else "length"
    return {"kind": kind, unit: size, "engine": ENGINE, **more}


def size_of(row):
    """Return the size that a row of the table is of, as it stands there."""
    return row["batch"] if row["kind"] == "decoder" else row["length"]


def host_peak():
    """Return the most memory that this process has held, in bytes."""
    return 1_024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def read(table):
    """Return the rows of the table, none where there is none yet."""
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if rows and list(rows[0]) != COLUMNS:
        sys.exit(f"{table} holds something else; name another file")
    return rows


def write(table, rows):
    """Write the table whole and to the disk: what stops a run leaves no half of a row."""
    whole = table.with_name(f"{table.name}.new")
    with whole.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\\n")
        writer.writeheader()
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())
    whole.replace(table)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
'''
