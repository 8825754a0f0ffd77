"""What bucketwise lint says of the lines of serve_lines.toml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bucketwise
from tests.conformance.releases import RELEASES, Release
from tests.conformance.serve_lines import Line, read_lines


def errors_of(line: Line, release: Release, folder: Path) -> list[tuple[str, str]]:
    """Return (rule, what it says raises) of every error.

    Parameters
    ----------
    line : Line
        The line.
    release : Release
        The release it is judged for.
    folder : Path
        Where to put a compiled folder.
    """
    text = line.text(release, str(folder))
    if line.folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        config = json.dumps(line.compiled_folder())
        (folder / "rbln_config.json").write_text(config, encoding="utf-8")
    version = ".".join(map(str, release.parsed))
    report = bucketwise.lint_config(
        f"{text}\n", target=f"optimum-rbln=={version}", npu=line.npu
    )
    return [
        (each.rule, each.finding.raises)
        for judged in report.judged
        for each in judged.reported
        if each.finding.severity == "error"
    ]


def lint_lines(folder: Path) -> dict[str, Any]:
    """Return the errors of every line, by release and id."""
    return {
        release.version: {
            line.id: errors_of(line, release, folder / line.id)
            for line in read_lines()
            if line.concerns(release)
        }
        for release in RELEASES.values()
        if release.serving
    }
