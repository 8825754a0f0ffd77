"""What lint says of a serve line is what the real vllm-rbln does with it.

tests/conformance/serve_lines.toml is what it was seen to do (`make conformance` runs it
again).
"""

from pathlib import Path

import pytest

from tests.conformance.linted import errors_of
from tests.conformance.releases import RELEASES, Release
from tests.conformance.serve_lines import Line, read_lines

CASES = [
    pytest.param(line, release, id=f"{line.id}-{release.version}")
    for line in read_lines()
    for release in RELEASES.values()
    if release.serving and line.concerns(release)
]


@pytest.mark.parametrize(("line", "release"), CASES)
def test_lint_finds_an_error_where_the_release_raises_one(
    line: Line, release: Release, tmp_path: Path
) -> None:
    outcome = line.outcome(release)
    errors = errors_of(line, release, tmp_path / "compiled")
    if not outcome.error:
        assert errors == []
        return
    assert errors
    kinds = {raises.partition(": ")[0] for _, raises in errors if raises}
    assert not kinds or outcome.error in kinds, (errors, outcome)


def test_the_table_holds_sound_lines_and_failing_ones() -> None:
    newest = list(RELEASES.values())[-1]
    concerned = [line for line in read_lines() if line.concerns(newest)]
    failing = [line for line in concerned if line.outcome(newest).error]
    assert len(concerned) >= 60
    assert 20 <= len(failing) <= len(concerned) - 20
