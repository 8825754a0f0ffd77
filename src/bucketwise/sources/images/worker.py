"""A process that reads headers for another: paths in, headers out, a line a batch.

It is started as a program of its own, not by `multiprocessing`: that would run the
caller's main script again, or fork a process in which DuckDB has threads.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import IO, Self

from bucketwise.sources.images.header import Header
from bucketwise.sources.images.read import read_path

Answer = Header | str

_PROGRAM = (
    # Ctrl-C reaches this process too; the one that asked then ends it.
    "import json, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "sys.path[:] = json.loads(sys.argv[1]); "
    "from bucketwise.sources.images.worker import serve; "
    "serve(sys.stdin.buffer, sys.stdout.buffer)"
)


class Worker:
    """One such process, seen from the one that asks.

    Use it as a context; leaving the context ends the process whatever it is doing.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this Python, our own program
            [sys.executable, "-c", _PROGRAM, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, paths: Sequence[str]) -> None:
        """Hand over a batch of paths.

        Raises
        ------
        OSError
            When the process is gone.
        """
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        _send(self._process.stdin, paths)

    def answer(self) -> list[Answer]:
        """Wait for the oldest batch not answered yet.

        Raises
        ------
        EOFError
            When the process is gone.
        """
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return [_unpack(packed) for packed in json.loads(line)]


def serve(asked: Iterable[bytes], answers: IO[bytes]) -> None:
    """Answer batches until there are no more.

    Parameters
    ----------
    asked : iterable of bytes
        Lines, each a JSON list of paths.
    answers : file
        Takes one line for each: a JSON list of reasons and packed headers.
    """
    for line in asked:
        _send(answers, [_pack(read_path(path)) for path in json.loads(line)])


def _send(pipe: IO[bytes], values: Sequence[object]) -> None:
    # ASCII alone: names that are no UTF-8 come through as escapes.
    pipe.write(json.dumps(values).encode() + b"\n")
    pipe.flush()


def _pack(answer: Answer) -> object:
    if isinstance(answer, str):
        return answer
    stored = answer.stored_width_px, answer.stored_height_px
    return answer.format, *stored, answer.orientation


def _unpack(packed: object) -> Answer:
    if not isinstance(packed, list):
        return str(packed)
    name, width, height, orientation = packed
    return Header(
        format=name,
        stored_width_px=width,
        stored_height_px=height,
        orientation=orientation,
    )
