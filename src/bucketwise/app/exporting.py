"""The mix of traffic as a load profile, in the form of a tool that sends it."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bucketwise.app.load_tools import LOAD_TOOLS, Run, Sent, line_of, text_of
from bucketwise.app.options.commands import LoadOptions
from bucketwise.app.options.option import takes
from bucketwise.app.output import PLAN
from bucketwise.core.load_profile import LoadProfile, profile_of
from bucketwise.errors import OutputError, UsageError
from bucketwise.nouns.traffic import Traffic
from bucketwise.read import read_traffic
from bucketwise.read.plans import HISTOGRAM
from bucketwise.system.atomic import replacing
from bucketwise.words.numbers import plural

SUFFIX = ".jsonl"
"""guidellm and vLLM know the form by it."""

COLOURS = 2**24
SPREAD = 0x9E3779
"""Odd, so that pictures have colours far apart, each of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written, and the line that runs it."""

    requests: int
    images: int
    sizes: int
    left_out: Mapping[str, float]
    lasts_s: float | None
    """Seconds from the first request to the last, where arrivals were asked for."""
    notes: tuple[str, ...]
    line: str


@takes(LoadOptions)
def export_load(
    source: Traffic | Path | str, path: Path, **options: object
) -> Exported:
    """Write the mix of traffic as requests that a load tool sends.

    Parameters
    ----------
    source : Traffic, Path or str
        What `read_traffic` returned, a histogram, or a plan beside its histogram.
    path : Path
        The file, which ends in .jsonl; it is replaced whole or not at all.
    **options
        The fields of `LoadOptions` by name: `tool`, which must be given, `requests`,
        `prompt`, `output_tokens` and `arrivals`.

    Returns
    -------
    Exported
        How much was written, what was left out, and the line to type.

    Raises
    ------
    InputError
        When there is no image of known size to send.
    OutputError
        When nothing can be written there.
    """
    asked = LoadOptions(**options)  # type: ignore[arg-type]
    if path.suffix != SUFFIX:
        message = f"-o: expected a name that ends in {SUFFIX}, got {path}"
        raise UsageError(message)
    traffic = (
        source if isinstance(source, Traffic) else read_traffic([_histogram(source)])
    )
    profile = profile_of(traffic, asked.requests, arrivals=asked.arrivals)
    if profile.images > COLOURS:
        message = (
            f"--requests: expected up to {COLOURS:,} images, got {profile.images:,}"
        )
        raise UsageError(message)
    tool = LOAD_TOOLS[asked.tool]
    try:
        with replacing(path) as part, part.open("w", encoding="utf-8") as file:
            file.writelines(
                f"{text_of(tool, each)}\n" for each in _sent(profile, asked)
            )
    except OSError as error:
        message = f"{path}: cannot be written ({error.strerror or error}); give another"
        raise OutputError(message) from error
    lasts_s = None if profile.starts_s is None else float(profile.starts_s[-1])
    run = Run(
        path=str(path),
        requests=asked.requests,
        output_tokens=asked.output_tokens,
        rate_per_s=asked.requests / lasts_s if lasts_s else None,
    )
    return Exported(
        requests=asked.requests,
        images=profile.images,
        sizes=len({size for each in profile.requests for size in each}),
        left_out=profile.left_out,
        lasts_s=lasts_s,
        notes=_notes(traffic, asked),
        line=line_of(tool, run),
    )


def _histogram(given: Path | str) -> Path | str:
    """Return the histogram of a plan, or the input that was given itself."""
    path = Path(given)
    if path.name == PLAN:
        path = path.parent
    beside = path / HISTOGRAM
    if path != Path(given) and not beside.is_file():
        message = f"{given}: expected {HISTOGRAM} beside it, got none; give a histogram"
        raise UsageError(message)
    return beside if beside.is_file() else given


def _sent(profile: LoadProfile, asked: LoadOptions) -> Iterator[Sent]:
    """Yield the requests, every picture in a colour of its own.

    A server answers for a picture that it has seen out of its cache, and runs nothing.
    """
    starts_s = None if profile.starts_s is None else profile.starts_s.tolist()
    seen = 0
    for index, request in enumerate(profile.requests):
        pictures = tuple(
            _uri(*size, colour=(seen + n) * SPREAD % COLOURS)
            for n, size in enumerate(request)
        )
        seen += len(request)
        yield Sent(
            prompt=asked.prompt,
            pictures=pictures,
            output_tokens=asked.output_tokens,
            start_s=starts_s and round(starts_s[index], 6),
        )


def _uri(height_px: int, width_px: int, colour: int) -> str:
    """Return a picture of one colour as PNG (W3C, Portable Network Graphics, 11.2)."""
    header = struct.pack(">IIBBBBB", width_px, height_px, 1, 3, 0, 0, 0)
    picture = (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"PLTE", colour.to_bytes(3))
        + _rows(height_px, width_px)
        + _chunk(b"IEND", b"")
    )
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


@cache
def _rows(height_px: int, width_px: int) -> bytes:
    """Return the rows of a picture of one bit a pixel, each after its filter's byte."""
    rows = bytes(height_px * (1 + (width_px + 7) // 8))
    return _chunk(b"IDAT", zlib.compress(rows, 9))


def _chunk(name: bytes, data: bytes) -> bytes:
    return b"".join(
        (
            struct.pack(">I", len(data)),
            name,
            data,
            struct.pack(">I", zlib.crc32(name + data)),
        )
    )


def _notes(traffic: Traffic, asked: LoadOptions) -> tuple[str, ...]:
    """Return what is not as it was."""
    tool = LOAD_TOOLS[asked.tool]
    own = float(
        traffic.count[traffic.own_min_pixels + traffic.own_max_pixels > 0].sum()
    )
    return (
        *([tool.note] if asked.arrivals and tool.note else []),
        *(
            [f"{plural(own, 'image')} had limits of the request, which are not written"]
            if own
            else []
        ),
    )
