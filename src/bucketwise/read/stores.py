"""Objects in stores, in the place of files: listed, looked into by ranges, fetched to scratch one at a time."""

from __future__ import annotations

import errno
import importlib
import io
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import partial
from glob import has_magic
from pathlib import Path
from queue import SimpleQueue
from struct import Struct
from threading import Thread
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import unquote, urlsplit
from zlib import crc32

from bucketwise.errors import InputError, UsageError, raise_all
from bucketwise.read.detect import holds_image
from bucketwise.read.images.header import PNG_MAGIC, Item, positions_in, walk_chunks
from bucketwise.read.images.read import read_header
from bucketwise.read.scratch import Scratch
from bucketwise.words.reject_reasons import DENIED, GONE, NOT_AN_IMAGE, NOT_ANSWERED
from bucketwise.words.text import one_line

Given = TypeVar("Given")
Made = TypeVar("Made")

FAULTS = frozenset({DENIED, GONE, NOT_ANSWERED})
"""Why an object cannot be had."""

STORES = ("s3", "gs", "az")
PAGES = ("https", "http")
SERVED = "an address of s3://, gs://, az:// or https://"

NO_IMAGES = (
    "under a prefix only images are read, as in a folder; name tables by a pattern: "
    "'s3://bucket/logs/*'"
)

MOST_OBJECTS = 1_000_000
"""Names of one address; a listing may have no end."""
MOST_KEPT_BYTES = 1 << 30
"""Objects already read stay on disk up to so much: `analyze` looks at them twice."""

HEAD_BYTES = 1 << 14
"""Of an image, read at first; most headers end within it."""
STEP_BYTES = 1 << 16
MOST_STEP_BYTES = 1 << 20
"""Read next, and twice as much each time, up to so much."""
WHOLE_BYTES = 1 << 23
"""What Pillow reads whole is fetched whole beforehand up to here: it opens one image at
a time, and would wait for each."""
CHUNK_BYTES = 1 << 22
AT_ONCE = 16
"""Requests that are under way, for headers; for parts of an object a quarter of them."""
_LONG = Struct(">L")
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"  # PNG specification, third edition, 11.2.5
_PNG_END_BYTES = 64  # it, and what stands around the data of a chunk
_MOST_PROBLEMS = 5
_KEPT_HEAD_BYTES = 4096
"""Of a table, by which it is known before it is fetched."""

_RETRIES = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}
_PAGE = {"timeout": "24h", "read_timeout": "30s"}
"""A page comes in one piece, however long it takes, but never stands still."""

_NO_CREDENTIALS = (
    "no credentials were found; set those of the store in the environment "
    "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, GOOGLE_SERVICE_ACCOUNT, or "
    "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY), or for a public S3 bucket "
    "AWS_SKIP_SIGNATURE=true"
)
_NO_NAME = (
    "a name with control characters, '..' or an empty part; such are not served: name a "
    "prefix without it"
)
_NOT_HTTPS = (
    "the endpoint in the environment has no https; allow that with AWS_ALLOW_HTTP=true"
)
_NOT_REACHED = (
    "the store cannot be reached; check the address, the endpoint in the environment "
    "(AWS_ENDPOINT_URL) and the network"
)
_SAID: Sequence[tuple[str, str, str]] = (
    (r"169\.254\.169\.254|metadata\.google|Account must be", DENIED, _NO_CREDENTIALS),
    (r"NoSuchBucket|ContainerNotFound|bucket does not exist", GONE, "there is no such bucket"),
    (r"precondition", NOT_ANSWERED, "it changed while it was read; read it again"),
    (r"status code: 404|not found", GONE, "there is no such object"),
    (r"status code: 40[13]|privileges|unauthenticated", DENIED,
     "access is denied; the credentials in the environment, or a signed address, must allow it"),
    (r"status code: 30\d", NOT_ANSWERED,
     "the bucket is elsewhere; set its region in the environment (AWS_REGION)"),
    (r"status code: (\d+ [\w ]+)", NOT_ANSWERED, "the store answered {0}"),
    (r"invalid path|parsing path", NOT_ANSWERED, _NO_NAME),
    (r"builder error", NOT_ANSWERED, _NOT_HTTPS),
    (r"kind: Timeout", NOT_ANSWERED, "the store did not answer in time; try again"),
    ("", NOT_ANSWERED, _NOT_REACHED),
)  # fmt: skip
"""What a store says, first to last, as a reason to count by and as a sentence."""


class StoreError(OSError):
    """A store did not give what was asked for."""

    def __init__(self, error: Exception) -> None:
        super().__init__(errno.EIO, "no answer")
        said = next(
            (found, reason, words)
            for pattern, reason, words in _SAID
            if (found := re.search(pattern, str(error), re.IGNORECASE))
        )
        self.reason = said[1]
        self.words = one_line(said[2].format(*said[0].groups()))


@contextmanager
def _asking() -> Iterator[None]:
    """Give what a store says one name; its own words hold addresses."""
    try:
        yield
    except Exception as error:
        builtin = isinstance(error, FileNotFoundError | PermissionError | ValueError)
        if not builtin and type(error).__module__ != "obstore.exceptions":
            raise
        raise StoreError(error) from None


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where objects are fetched to."""

    scratch: Scratch
    fetched: deque[Stored]
    """Those that are there, the one that was read longest ago first."""

    def make_room(self, size_bytes: int) -> None:
        """Let go of what was read, until so much more may be written."""
        while self.fetched and (
            size_bytes + sum(each.size_bytes for each in self.fetched) > MOST_KEPT_BYTES
            or self.scratch.room_bytes() < size_bytes
        ):
            self.fetched.popleft().let_go()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stored:
    """An object in a store."""

    store: Any
    key: str
    size_bytes: int
    version: str | None = None
    """What tells one state of it from another, where the store has that (ETag)."""
    path: Path = Path(os.devnull)
    """Where its first bytes stand, and all of it once it is fetched."""
    shelf: Shelf | None = None

    @property
    def name(self) -> str:
        """Base name, on one line."""
        return one_line(self.key.rpartition("/")[2])

    def read(self, start: int, length: int) -> bytes:
        """Read a part of it."""
        length = min(length, self.size_bytes - start)
        if length <= 0:
            return b""
        with _asking():
            return bytes(self.store.get_range(self.key, start=start, length=length))

    def fetch(self, *, kept: bool = False) -> None:
        """Fetch all of it, unless it is here; what is kept is never let go of."""
        shelf = self.shelf
        if shelf is None or self in shelf.fetched:
            return
        shelf.make_room(self.size_bytes)
        if shelf.scratch.room_bytes() < self.size_bytes:
            raise InputError(
                f"{self.name}: {self.size_bytes >> 20:,} MiB, for which the temporary "
                "folder has no room; set TMPDIR to a folder with more"
            )
        starts = range(0, self.size_bytes, CHUNK_BYTES)
        try:
            with self.path.open("wb") as file:
                for part in side_by_side(self._part, starts, AT_ONCE // 4):
                    file.write(part)
        except StoreError as error:
            raise InputError(f"{self.name}: {error.words}") from None
        if not kept:
            shelf.fetched.append(self)

    def _part(self, start: int) -> bytes:
        """Read a part of the object that was listed, not of one that took its place."""
        end = min(start + CHUNK_BYTES, self.size_bytes)
        options = {"range": (start, end), "if_match": self.version}
        with _asking():
            return bytes(self.store.get(self.key, options=options).bytes())

    def let_go(self) -> None:
        """Keep the first bytes alone."""
        os.truncate(self.path, min(self.size_bytes, _KEPT_HEAD_BYTES))


class Ranged(io.RawIOBase):
    """An object as a file that reads ahead, further each time."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._at = 0
        self._step = STEP_BYTES
        self.fault: StoreError | None = None
        self.head = b""
        self._window = (0, b"")
        small = stored.size_bytes <= STEP_BYTES
        self.head = self._fetch(0, STEP_BYTES if small else HEAD_BYTES)
        whole = self.head[8:12] == b"WEBP" or self.head[4:8] == b"ftyp"
        if whole and len(self.head) < stored.size_bytes <= WHOLE_BYTES:
            self.head += self._fetch(len(self.head), WHOLE_BYTES)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read anywhere."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as a file does."""
        at = offset + (0, self._at, self._stored.size_bytes)[whence]
        if at < 0:
            raise OSError(errno.EINVAL, "negative seek position")
        self._at = at
        return at

    def tell(self) -> int:
        """Say where the next read begins."""
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer, or as much of it as the object has left."""
        size = max(min(len(buffer), self._stored.size_bytes - self._at), 0)
        for start, data in ((0, self.head), self._window):
            at = self._at - start
            if at >= 0 and at + size <= len(data):
                break
        else:
            data, at = self._fetch(self._at, max(size, self._step)), 0
            self._window = (self._at, data)
            self._step = min(2 * self._step, MOST_STEP_BYTES)
            size = min(size, len(data))
        buffer[:size] = data[at : at + size]
        self._at += size
        return size

    def readall(self) -> bytes:
        """Read the rest at once."""
        return self.read(max(self._stored.size_bytes - self._at, 0)) or b""

    def _fetch(self, start: int, length: int) -> bytes:
        try:
            return self._stored.read(start, length)
        except StoreError as error:
            self.fault = error
            raise


def look(stored: Stored) -> Item | bytes:
    """Return the header of an image, or the first bytes of what is none."""
    try:
        file = Ranged(stored)
        if not holds_image(cast("BinaryIO", file)):
            return file.head[:_KEPT_HEAD_BYTES]
        return _read(stored, file)
    except StoreError as error:
        return Item(source=stored.name, reason=error.reason)


def read_image(stored: Stored) -> Item:
    """Return the header of an object that is to be an image."""
    try:
        return _read(stored, Ranged(stored))
    except StoreError as error:
        return Item(source=stored.name, reason=error.reason)


@dataclass(slots=True)
class Headers:
    """The images under a prefix, each read when it is its turn."""

    objects: Sequence[Stored]
    has_images: bool = False

    def __iter__(self) -> Iterator[Item]:
        """Yield what each object is."""
        for item in side_by_side(read_image, self.objects):
            self.has_images |= item.reason != NOT_AN_IMAGE
            yield item

    def notes(self) -> tuple[str, ...]:
        """Return what to type where there was no image."""
        return () if self.has_images else (NO_IMAGES,)


def _read(stored: Stored, file: Ranged) -> Item:
    file.seek(0)
    short = _without_data(stored, file.head)
    answer = read_header(cast("BinaryIO", io.BytesIO(short) if short else file))
    if file.fault is not None:  # whatever a reader made of it
        raise file.fault
    if isinstance(answer, str):
        return Item(source=stored.name, reason=answer)
    return Item(source=stored.name, header=answer)


def _without_data(stored: Stored, head: bytes) -> bytes:
    """Return a PNG without most of its data; b"" unless its end alone follows that.

    Its reader steps through all of a file: an orientation may stand behind the data,
    which is of many chunks. The checksum of the last one proves where that begins.
    """
    size = stored.size_bytes
    if not head.startswith(PNG_MAGIC) or len(head) == size:
        return b""
    chunks = walk_chunks(positions_in(io.BytesIO(head)), len(PNG_MAGIC))
    data = (each for each in chunks if each[0] == b"IDAT")
    _, start, length = next(data, (b"", 0, 0))
    if not 0 < length <= STEP_BYTES or size < 4 * STEP_BYTES:
        return b""
    tail = stored.read(size - length - _PNG_END_BYTES, length + _PNG_END_BYTES)
    at, end = tail.rfind(b"IDAT"), len(tail) - len(_PNG_END)
    (told,) = _LONG.unpack_from(tail, max(at - _LONG.size, 0))
    if not tail.endswith(_PNG_END) or at + 8 + told != end:
        return b""
    (crc,) = _LONG.unpack_from(tail, end - _LONG.size)
    is_last = crc == crc32(tail[at : end - _LONG.size])
    return head[: start - 8] + tail[at - _LONG.size :] if is_last else b""


def refuse_unless_images(items: Sequence[Item]) -> None:
    """Refuse objects that cannot be had, unless they count as images among others."""
    problems = [f"{item.source}: {item.reason}" for item in items]
    if not all(item.reason in FAULTS for item in items):
        return
    more = len(problems) - _MOST_PROBLEMS
    rest = [f"{more:,} more objects cannot be had"] if more > 0 else []
    raise_all([*problems[:_MOST_PROBLEMS], *rest], InputError)


def side_by_side(
    task: Callable[[Given], Made], things: Iterable[Given], at_once: int = AT_ONCE
) -> Iterator[Made]:
    """Yield what becomes of each thing, in order, a few of them under way at a time.

    The threads end with the program: a request that waits holds up no Ctrl-C.
    """
    asked: SimpleQueue[tuple[Future[Made], Given] | None] = SimpleQueue()
    for _ in range(at_once):
        Thread(target=_work, args=(task, asked), daemon=True).start()
    waiting: deque[Future[Made]] = deque()
    try:
        for each in things:
            waiting.append(Future())
            asked.put((waiting[-1], each))
            if len(waiting) == 2 * at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        for _ in range(at_once):
            asked.put(None)


def _work(
    task: Callable[[Given], Made],
    asked: SimpleQueue[tuple[Future[Made], Given] | None],
) -> None:
    while (found := asked.get()) is not None:
        future, each = found
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(task(each))
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                future.set_exception(error)
        del found, future  # an error would hold itself by them


def _ask(what: Callable[[], Made]) -> Made:
    """Ask a store for one thing."""

    def task(_: None) -> Made:
        with _asking():
            return what()

    [answer] = side_by_side(task, [None], 1)
    return answer


@dataclass(frozen=True, slots=True)
class Address:
    """What an address names, taken apart."""

    scheme: str
    bucket: str
    key: str

    @classmethod
    def of(cls, given: str) -> Address:
        """Take an address apart, or say why it is not served."""
        scheme, _, rest = given.partition("://")
        scheme = scheme.lower()
        if scheme not in (*STORES, *PAGES):
            raise InputError(f"{one_line(scheme)[:20]}://: expected a file or {SERVED}")
        bucket, _, key = rest.partition("/")
        if "@" in bucket:
            raise InputError(
                f"{scheme}://: a name or a password in the address; credentials are taken "
                "from the environment alone"
            )
        if not bucket:
            raise InputError(
                f"{scheme}://: expected {'a host' if scheme in PAGES else 'a bucket'} "
                f"behind it, as in {scheme}://name/path, got none"
            )
        return cls(scheme, bucket, key)

    @property
    def name(self) -> str:
        """Base name, on one line: never what stands before or behind it."""
        path = self.key
        if self.scheme in PAGES:
            path = unquote(urlsplit(f"//host/{self.key}").path)
        return one_line(path.rstrip("/").rpartition("/")[2] or self.bucket)


def read_page(address: Address) -> Iterator[bytes]:
    """Yield what one address of a server of pages gives, from front to back."""
    if not address.key or address.key.endswith("/"):
        raise InputError(
            f"{address.name}: a folder of a server, which lists nothing; give the address "
            "of one file, or s3://, gs:// or az:// for all of a prefix"
        )
    url = f"{address.scheme}://{address.bucket}/{address.key}"
    options = {**_PAGE, "allow_http": address.scheme == "http"}
    try:
        with _asking():
            store = _obstore(".store").HTTPStore.from_url(
                url, client_options=options, retry_config=_RETRIES
            )
        chunks = _ask(lambda: iter(store.get("").stream(min_chunk_size=STEP_BYTES)))
        while chunk := _ask(partial(next, chunks, b"")):
            yield bytes(chunk)
    except StoreError as error:
        raise InputError(f"{address.name}: {error.words}") from None


@dataclass(frozen=True, slots=True)
class Found:
    """What an address of a store names: objects one by one, or all that a prefix holds."""

    objects: tuple[Stored, ...]
    is_prefix: bool


def find(address: Address) -> Found:
    """List what an address names."""
    try:
        with _asking():
            store = _obstore(".store").from_url(
                f"{address.scheme}://{address.bucket}", retry_config=_RETRIES
            )
        return _find(store, address)
    except StoreError as error:
        where = f"{address.scheme}://{one_line(address.bucket)}"
        is_all = "bucket" in error.words or not address.key
        raise InputError(
            f"{where if is_all else address.name}: {error.words}"
        ) from None


def _find(store: Any, address: Address) -> Found:
    key = address.key
    if has_magic(key):
        parts = key.split("/")
        fixed = next(at for at, part in enumerate(parts) if has_magic(part))
        matching = _matching(store, parts[:fixed], parts[fixed:])
        objects = _bounded(store, matching, address.name)
        if objects:
            objects.sort(key=lambda each: each.key)
            return Found(tuple(objects), is_prefix=False)
    if key and not key.endswith("/"):
        try:
            told = _ask(partial(store.head, key))
            return Found((_stored(store, told),), is_prefix=False)
        except StoreError as error:
            if error.reason != GONE:
                raise
    if has_magic(key):
        raise InputError(f"{address.name}: nothing matches this pattern")
    objects = _bounded(store, _listed(store, key.rstrip("/")), address.name)
    if not objects:
        raise InputError(
            f"{address.name}: there is no such object, and nothing under that prefix"
        )
    objects.sort(key=_as_in_folders)
    return Found(tuple(objects), is_prefix=True)


def _stored(store: Any, told: dict[str, Any]) -> Stored:
    return Stored(
        store=store,
        key=told["path"],
        size_bytes=told["size"],
        version=told["e_tag"],
    )


def _bounded(store: Any, listed: Iterable[dict[str, Any]], name: str) -> list[Stored]:
    objects: list[Stored] = []
    for told in listed:
        objects.append(_stored(store, told))
        if len(objects) > MOST_OBJECTS:
            raise InputError(
                f"{name}: more than {MOST_OBJECTS:,} objects; give narrower prefixes one "
                "by one, and add them up (bucketwise histogram --append)"
            )
    empty = [each for each in objects if not each.size_bytes]
    folders = {each for each, is_one in side_by_side(_is_folder, empty) if is_one}
    return [each for each in objects if each not in folders] if folders else objects


def _is_folder(stored: Stored) -> tuple[Stored, bool]:
    """Say whether an object of no bytes only stands for a folder: `key/`, told as `key`."""
    try:
        with _asking():
            stored.store.head(stored.key)
    except StoreError as error:
        return stored, error.reason == GONE
    return stored, False


def _listed(store: Any, prefix: str) -> Iterator[dict[str, Any]]:
    pages = _ask(lambda: iter(_obstore().list(store, prefix or None, chunk_size=1000)))
    while page := _ask(partial(next, pages, ())):
        yield from page


def _as_in_folders(stored: Stored) -> str:
    """Return what sorts as folders are read: its files, then the folders within."""
    *folders, name = stored.key.split("/")
    return "".join(f"\1{each}\0" for each in folders) + f"\0{name}"


def _matching(
    store: Any, folders: list[str], parts: list[str]
) -> Iterator[dict[str, Any]]:
    """Yield what matches as a glob does: level by level, all at once behind a `**`."""
    part, *rest = parts
    prefix = "/".join(folders)
    if part == "**":
        depth = len(folders)
        listed = _listed(store, prefix)
        yield from (
            each for each in listed if _fits(_parts(each["path"])[depth:], parts)
        )
        return
    level = _ask(partial(store.list_with_delimiter, prefix or None))
    if not rest:
        objects = level["objects"]
        yield from (
            each for each in objects if _is_match(_parts(each["path"])[-1], part)
        )
        return
    for folder in level["common_prefixes"]:
        if _is_match(_parts(folder)[-1], part):
            yield from _matching(store, _parts(folder), rest)


def _parts(path: str) -> list[str]:
    return path.split("/")


def _fits(names: list[str], parts: list[str]) -> bool:
    if not parts or not names:
        return not (parts or names)
    part, *rest = parts
    if part != "**":
        return _is_match(names[0], part) and _fits(names[1:], rest)
    here = _fits(names, rest or ["*"])
    return here or (not names[0].startswith(".") and _fits(names[1:], parts))


def _is_match(name: str, part: str) -> bool:
    hidden = name.startswith(".") and not part.startswith(".")
    return fnmatchcase(name, part) and not hidden


def _obstore(part: str = "") -> Any:
    try:
        return importlib.import_module(f"obstore{part}")
    except ImportError as error:
        message = "an address needs obstore: pip install 'bucketwise[cloud]'"
        raise UsageError(message) from error
