"""Nothing that lies in the working folder or on PYTHONPATH is imported, run or obeyed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from bucketwise.app.printing import find_chromium
from bucketwise.system.isolation import isolate, program_path

LIBRARIES = (
    *(
        "bucketwise_plugin",
        "click",
        "duckdb",
        "joblib",
        "matplotlib",
        "numpy",
        "pandas",
    ),
    *("pillow_heif", "PIL", "rich", "scipy", "sklearn", "yaml", "zstd", "jinja2"),
    # Not installed; libraries look for them.
    *("bottleneck", "numexpr", "olefile", "pyarrow", "defusedxml", "tzdata", "pytz"),
    *("sitecustomize", "usercustomize"),
)
PROGRAMS = (
    *("chromium", "chromium-browser", "google-chrome", "fc-list", "lscpu", "uname"),
    *("gs", "gcc", "cc", "ld", "ldconfig", "objdump", "python", "python3", "sh"),
)
SETTINGS = {
    "matplotlibrc": "axes.formatter.use_locale: True\nsvg.fonttype: path\nnonsense\n",
    "matplotlib/stylelib/x.mplstyle": "font.size: 40\n",
    ".duckdbrc": ".shell touch duckdbrc\n",
    "fonts.conf": "<fontconfig><dir>/nowhere</dir></fontconfig>",
    "pyvenv.cfg": "include-system-site-packages = true\n",
    "setup.cfg": "[bucketwise]\nmax-bad-rows = 0\n",
    "pyproject.toml": "[tool.bucketwise]\nmax-bad-rows = 0\n",
    "planted.pth": "import json\n",
}
RUN_BY_PYTHON = {"sitecustomize", "usercustomize"}
SCRIPT = (str(Path(sys.executable).with_name("bucketwise")),)

DATA = {
    "log.csv": "width,height,timestamp\n"
    + "".join(f"{640 + n},480,2026-10-01T0{n}:00:00\n" for n in range(9)),
    "rbln_config.json": '{"visual": {"max_seq_lens": [64, 1024]}}',
}
COMMANDS = {
    "histogram": ("histogram", "*.png", "-o", "../out/images.parquet"),
    "analyze": (
        "analyze",
        "log.csv",
        "--format",
        "html,pdf,md",
        "--out",
        "../out/plan",
    ),
    "lint": ("lint", "rbln_config.json", "--model", "qwen3-vl-2b"),
    "count": ("count", "log.csv", "--model", "qwen3-vl-2b"),
}


def put_data(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder.parent / "out").mkdir()
    for name, text in DATA.items():
        (folder / name).write_text(text)
    for width in (20, 30):
        Image.new("L", (width, 10)).save(folder / f"{width}.png")
    return folder


def plant(folder: Path, marks: Path, modules: set[str]) -> None:
    """Fill a folder with what would leave a mark if it were run, or show if it were read."""
    for name in modules:
        (folder / f"{name}.py").write_text(f"open({str(marks / name)!r}, 'w').close()")
    for name in PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\n: > '{marks}/{name}'\nexit 1\n")
        (folder / name).chmod(0o755)
    for name, text in SETTINGS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def run(
    command: str, folder: Path, more: Mapping[str, str], *program: str
) -> tuple[int, bytes, bytes]:
    """Run a command in a folder; what it writes goes to a folder beside."""
    done = subprocess.run(
        [*(program or SCRIPT), *COMMANDS[command]],
        cwd=folder,
        env={**os.environ, **more},
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_nothing_planted_beside_the_data_runs_or_tells(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    clean, hostile, named = (
        put_data(tmp_path / name / "data") for name in ("clean", "hostile", "named")
    )
    plant(hostile, marks, {*sys.stdlib_module_names, *LIBRARIES})
    # What Python, and the script that pip makes, import by themselves is not here.
    plant(named, marks, {"json", "logging", *LIBRARIES} - RUN_BY_PYTHON)
    around = {
        "PATH": os.pathsep.join([".", str(hostile), "", os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(named), "relative"]),
        "MPLBACKEND": "nonsense",
        "MPLCONFIGDIR": str(named),
        "MATPLOTLIBRC": str(named),
        "XDG_CONFIG_HOME": str(named),
        "CHROMIUM_FLAGS": f"--print-to-pdf={marks}/flags",
        "FONTCONFIG_FILE": str(named / "fonts.conf"),
        "LIBHEIF_PLUGIN_PATH": ".",
    }
    for command in COMMANDS:
        told = run(command, hostile, around)
        assert [each.name for each in marks.iterdir()] == [], (command, told)
        assert told == run(command, clean, {})
        assert told[0] == 0 or command == "lint", told
        if command == "lint":  # -m puts the working folder before everything else
            assert told == run(
                command, named, around, sys.executable, "-m", "bucketwise"
            )
            assert [*marks.iterdir()] == []
    written, beside = contents(clean.parent / "out"), contents(hostile.parent / "out")
    assert beside.keys() == written.keys()
    assert [name for name in written if beside[name] != written[name]] == []
    assert ("plan/summary.pdf" in written) == bool(find_chromium())
    assert {"images.parquet", "report.html"} <= {Path(each).name for each in written}


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_installation_stays_and_what_is_around_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import site

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    (tmp_path / "link").symlink_to(tmp_path)
    library, user = str(Path(os.__file__).parent), site.getusersitepackages()
    here = str(Path(__file__).parents[1] / "src")
    kept = [here, library, f"{library}/lib-dynload", *site.getsitepackages()]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "named", *kept]))
    around = ["", ".", str(tmp_path), str(tmp_path / "link"), str(tmp_path / "named")]
    monkeypatch.setattr(sys, "path", [*around, *kept, user])
    monkeypatch.setenv("PATH", ".")
    isolate()
    assert sys.path == kept
    assert os.environ["PATH"] == os.devnull


def test_a_working_folder_that_is_gone_is_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}.")
    assert program_path() == str(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert program_path() == ""


def test_the_library_leaves_the_path_of_its_program_alone() -> None:
    program = (
        "import sys; path, known = [*sys.path], {*sys.modules}; import bucketwise;"
        "assert path == sys.path; new = {*sys.modules} - known; assert new == {'bucketwise'}, new"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_is_not_installed_beside_is_told_and_not_taken_from_elsewhere(
    tmp_path: Path,
) -> None:
    (tmp_path / "click.py").write_text("raise SystemExit(99)")
    here = Path(__file__).parents[1] / "src"
    done = subprocess.run(
        [sys.executable, "-S", "-m", "bucketwise", "--help"],
        env={"PYTHONPATH": os.pathsep.join([str(here), str(tmp_path)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: click is not installed where bucketwise is")
