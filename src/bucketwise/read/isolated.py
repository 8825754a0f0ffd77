"""Work that may crash, in a process of its own: one clear error instead of a dead run.

DuckDB is compiled code, and a damaged Parquet file can end the process that reads it.
The process is a program of its own: to fork one in which DuckDB has threads may hang.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Self, TypeVar

Result = TypeVar("Result")

_HOME = Path(__file__).parents[2]
"""The folder that bucketwise was imported from."""

_PROGRAM = (
    # -I leaves the standard library and the interpreter's own packages. Ours goes in
    # between: it hides nothing of the former, and nothing of the latter hides it.
    "import sys; "
    "at = [*(each.endswith('-packages') for each in sys.path), True].index(True); "
    "sys.path.insert(at, sys.argv[1]); "
    "from bucketwise.read.isolated import serve; serve()"
)
_PROTOCOL = pickle.HIGHEST_PROTOCOL

_answers: IO[bytes] | None = None
_answering = threading.Lock()


class CrashError(Exception):
    """The process was gone before it had an answer; the message says how it ended."""


class Isolation:
    """A process that runs tasks for this one. It starts with the first task.

    Use it as a context; leaving the context ends the process whatever it is doing. Tasks
    have their temporary files in `scratch`, and whoever made it removes what a crash
    leaves; None is for the usual folder.
    """

    def __init__(self, scratch: Path | None) -> None:
        self._scratch = None if scratch is None else str(scratch)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def run(
        self,
        task: Callable[..., Result],
        *args: object,
        hear: Callable[[Any], None] | None = None,
    ) -> Result:
        """Run a task and return what it returns."""
        with closing(self._ask(_once, (task, *args), hear)) as found:
            result: Result = next(found)
            next(found, None)
        return result

    def iterate(
        self, task: Callable[..., Iterator[Result]], *args: object
    ) -> Generator[Result, None, None]:
        """Yield what a task yields; otherwise as `run`."""
        return self._ask(task, args, None)

    def _ask(
        self,
        task: Callable[..., Iterator[Any]],
        args: tuple[object, ...],
        hear: Callable[[Any], None] | None,
    ) -> Generator[Any, None, None]:
        process = self._process = self._process or _started()
        assert process.stdin is not None  # noqa: S101 - pipes were asked for
        assert process.stdout is not None  # noqa: S101
        kind: str = ""
        value: Any = None
        try:
            # One that is gone is noticed when its answer is awaited.
            with suppress(BrokenPipeError):
                pickle.dump((self._scratch, task, args), process.stdin, _PROTOCOL)
                process.stdin.flush()
            while kind not in {"done", "error"}:
                kind, value = _next_answer(process)
                if kind == "value":
                    yield value
                elif kind == "told" and hear:
                    hear(value)
        finally:
            if kind not in {"done", "error"}:
                # Nobody waits for the rest of its answers.
                self._end()
        if kind == "error":
            error, where = value
            error.add_note(where)
            raise error

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def serve() -> None:
    """Run the tasks that standard input asks for, until it is closed."""
    global _answers  # noqa: PLW0603 - where tell() goes
    _answers = os.fdopen(os.dup(1), "wb")
    _silence(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(asked,), daemon=True).start()
    while True:
        tempfile.tempdir, task, args = asked.get()
        # What compiled code says when it dies is no message of ours.
        _silence(2)
        try:
            for value in task(*args):
                _answer("value", value)
        except Exception as error:  # noqa: BLE001 - the one that asked handles it
            _answer("error", (_packable(error), traceback.format_exc()))
        else:
            _answer("done", None)


def tell(value: object) -> None:
    """Let the one that asked hear something before there is a result."""
    if _answers is not None:
        _answer("told", value)


def _once(task: Callable[..., Result], *args: object) -> Iterator[Result]:
    yield task(*args)


def _started() -> subprocess.Popen[bytes]:
    utf8 = f"utf8={sys.flags.utf8_mode}"
    return subprocess.Popen(  # noqa: S603 - this Python, our own program
        [sys.executable, "-I", "-X", utf8, "-c", _PROGRAM, str(_HOME)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Ctrl-C is for the one that asked, which then ends this one.
        process_group=0,
    )


def _next_answer(process: subprocess.Popen[bytes]) -> tuple[str, Any]:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    try:
        kind, value = pickle.load(process.stdout)  # noqa: S301 - from our own program
    except (EOFError, pickle.UnpicklingError) as error:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        raise CrashError(_ended(process.poll())) from error
    return kind, value


def _ended(status: int | None) -> str:
    if status is None or status >= 0:
        return f"its reader ended with status {status}"
    if -status == signal.SIGKILL:
        return "its reader was killed; is there too little memory?"
    return f"its reader crashed with {signal.Signals(-status).name}"


def _listen(asked: SimpleQueue[Any]) -> None:
    """Take in questions; end with the one that asks, whatever is being done."""
    while True:
        try:
            asked.put(pickle.load(sys.stdin.buffer))  # noqa: S301 - from our own program
        except EOFError:
            os._exit(0)
        except Exception:  # noqa: BLE001 - nobody may wait for an answer in vain
            traceback.print_exc()
            os._exit(1)


def _answer(kind: str, value: object) -> None:
    assert _answers is not None  # noqa: S101 - set before any task
    with _answering:
        pickle.dump((kind, value), _answers, _PROTOCOL)
        _answers.flush()


def _packable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - what was just packed
    except Exception:  # noqa: BLE001 - an exception may refuse in any way
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _silence(descriptor: int) -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)
