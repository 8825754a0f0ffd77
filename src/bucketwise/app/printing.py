"""A page on paper: HTML printed to PDF by a Chromium that is already there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from bucketwise.errors import OutputError
from bucketwise.system.isolation import program_path

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
"""Names under which Debian, Ubuntu and Google install it."""

FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
)

TIMEOUT_S = 60.0

SOCKET_BYTES = 107
_SOCKET = "/org.chromium.Chromium.XXXXXX/SingletonSocket"
"""Chromium makes this in TMPDIR, and aborts where the path is longer (unix(7))."""

NO_CHROMIUM = (
    f"no Chromium was found ({', '.join(CHROMIUM)} on PATH); install one (on Debian: "
    "apt install chromium)"
)

_DATES = re.compile(rb"(/(?:CreationDate|ModDate) \()([^)]*)(\))")
_EPOCH = b"D:19700101000000+00'00'"
_PAGE = re.compile(rb"/Type\s*/Page\b")


def find_chromium() -> str | None:
    """Return the path of a Chromium on PATH, or None where there is none.

    One in the working folder is not taken: whatever is called so there was downloaded.
    """
    places = program_path()
    found = (shutil.which(name, path=places) for name in CHROMIUM)
    return next((path for path in found if path), None)


def print_html(page: str) -> bytes:
    """Print one page of HTML that needs nothing beside it."""
    chromium = find_chromium()
    if chromium is None:
        raise OutputError(NO_CHROMIUM)
    with tempfile.TemporaryDirectory(
        prefix="bucketwise-", ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        source, target = folder / "page.html", folder / "page.pdf"
        source.write_text(page, encoding="utf-8")
        command = [
            chromium,
            *FLAGS,
            *_sandbox(),
            f"--user-data-dir={folder / 'profile'}",
            f"--print-to-pdf={target}",
            source.as_uri(),
        ]
        _run(command, folder)
        if not target.exists():
            message = f"{chromium} ended and wrote no PDF; mend it"
            raise OutputError(message)
        return undated(target.read_bytes())


def undated(pdf: bytes) -> bytes:
    """Return a PDF without the clock: every date in it is 1970, at its old length."""

    def replaced(found: re.Match[bytes]) -> bytes:
        size = len(found[2])
        return found[1] + _EPOCH[:size].ljust(size, b"'") + found[3]

    return _DATES.sub(replaced, pdf)


def count_pages(pdf: bytes) -> int:
    """Return the number of pages of a PDF that Chromium wrote."""
    return len(_PAGE.findall(pdf))


def _sandbox() -> tuple[str, ...]:
    """Return the flag without which Chromium refuses to run as root."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return ("--no-sandbox",) if is_root else ()


def _run(command: list[str], folder: Path) -> None:
    # A file, not a pipe: processes that Chromium leaves behind would keep a pipe open.
    log = folder / "log"
    with log.open("wb") as stream:
        try:
            process = subprocess.Popen(  # noqa: S603 - a path that was found, flags of ours
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=folder,
                env=_environment(folder),
                start_new_session=True,
            )
        except OSError as error:
            message = f"{command[0]} cannot be run ({error.strerror}); mend it"
            raise OutputError(message) from error
    try:
        status = process.wait(TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        message = f"{command[0]} did not end within {TIMEOUT_S:.0f} s; mend it"
        raise OutputError(message) from error
    finally:
        if process.returncode is None:  # out of time, Ctrl-C or a request to end
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if status:
        message = f"{command[0]} ended with status {status}; mend it"
        raise OutputError(message)


def _environment(folder: Path) -> dict[str, str]:
    """Return what Chromium is told: no flags, fonts or settings of the user's own."""
    told = {"PATH": program_path(), "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    if len(os.fsencode(folder)) + len(_SOCKET) <= SOCKET_BYTES:
        told["TMPDIR"] = str(folder)  # so that nothing is left where it is killed
    return told
