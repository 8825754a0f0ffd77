"""From token counts to a plan for a text encoder, and from that plan to its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bucketwise import __version__
from bucketwise.app.options.analyze import TEXTS_RECORDED, EncoderOptions
from bucketwise.app.options.option import recorded_of, takes
from bucketwise.app.output import Written, write_results
from bucketwise.app.pages import encoder_pages
from bucketwise.core.encoder.analysis import EncoderAnalysis, TokensToday
from bucketwise.core.encoder.analysis import analyze as analyze_encoder
from bucketwise.core.options import PlanOptions
from bucketwise.engines import engine_for, text_encoders
from bucketwise.errors import ConfigError, UsageError
from bucketwise.nouns.engine import check_planned
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.configs.documents import read_documents
from bucketwise.read.configs.encoders import find_encoder
from bucketwise.read.configs.scenarios import parse_bucket_list


@takes(EncoderOptions)
def analyze_lengths(
    traffic: Traffic, *, recorded: Mapping[str, Any] | None = None, **options: Any
) -> EncoderAnalysis:
    """Choose the lengths of a text encoder for a traffic of token counts.

    Parameters
    ----------
    traffic : Traffic
        What `read_traffic(inputs, columns={"length": COLUMN})` returned.
    recorded : mapping, optional
        Further options to record in the plan.
    **options
        The fields of `EncoderOptions` by name: `model`, a text encoder; `max_tokens`,
        `current`, `target`, `npu`, `places`, and how lengths are chosen as for `analyze`,
        in tokens.

    Returns
    -------
    EncoderAnalysis
        The plan with its evidence.

    Raises
    ------
    BucketwiseError
        When an option or the traffic cannot be used.
    TypeError
        When there is no option of that name.
    """
    asked = EncoderOptions(**options).on(engine_for(()))
    profile = find_encoder(asked.model)
    compiled = text_encoders()
    served = compiled.targets(profile.family, asked.target)
    question = PlanOptions(
        **asked.chosen(), align=asked.align, pins=tuple(sorted(set(asked.pins)))
    )
    places = asked.places
    today = None if asked.current is None else _today(asked.current, places=places)
    return analyze_encoder(
        traffic if places else traffic.without_places(),
        profile,
        question,
        max_tokens=asked.max_tokens,
        today=today,
        memory=partial(compiled.memory, profile, npu=asked.npu),
        version=__version__,
        options={
            **recorded_of(asked, TEXTS_RECORDED),
            "model": profile.name,
            "current": list(today.lengths) if today else None,
            "target": [each.name for each in served],
            **(recorded or {}),
        },
    )


def write_encoder_plan(
    analysis: EncoderAnalysis,
    folder: Path,
    *,
    target: Iterable[str] = (),
    formats: Iterable[str] = ("html",),
    npu: str | None = None,
) -> Written:
    """Write plan, pages, histogram and configurations into a folder.

    Parameters
    ----------
    analysis : EncoderAnalysis
        What `analyze_lengths` returned.
    folder : Path
        A new or empty folder, or one that holds an older plan.
    target : iterable of str
        SDK dialects, "all" for every one; those of the analysis by default.
    formats : iterable of str
        Pages to write, as for `write_plan`.
    npu : str, optional
        The NPU to compile for.

    Returns
    -------
    Written
        The files, the older plan, and a note where a PDF could not be made.

    Raises
    ------
    BucketwiseError
        As `write_plan` does.
    """
    planned = tuple(analysis.plan.provenance.options.get("target", ()))
    compiled = text_encoders()
    targets = compiled.targets(analysis.profile.family, tuple(target) or planned)
    check_planned(targets, planned)
    snippets = compiled.emit(analysis.plan, targets, npu=npu)
    pages = encoder_pages(analysis, snippets, formats)
    written = write_results(
        analysis,
        folder,
        snippets={
            name: text for texts in snippets.values() for name, text in texts.items()
        },
        pages=pages.files,
    )
    return replace(written, notes=pages.notes)


def _today(current: str | Path | Sequence[int], *, places: bool) -> TokensToday:
    """Return the lengths in service: as numbers, or out of a configuration."""
    if isinstance(current, (str, Path)):
        listed = parse_bucket_list(str(current))
        if listed is not None:
            return TokensToday(lengths=listed, source="given with --current")
        return _configured(str(current), places=places)
    lengths = tuple(sorted(set(current)))
    if not lengths or lengths[0] < 1:
        message = f"--current: expected lengths from 1 up, got {list(current)}"
        raise UsageError(message)
    return TokensToday(lengths=lengths, source="given")


def _configured(text: str, *, places: bool) -> TokensToday:
    tokens = text_encoders().tokens
    for document in read_documents(text):
        value = document.config.get(tokens)
        items = value if isinstance(value, (list, tuple)) else [value]
        lengths = sorted({each for each in items if type(each) is int and each > 0})
        if lengths and len(lengths) == len(set(map(str, items))):
            source = document.source if places else "a file"
            return TokensToday(lengths=tuple(lengths), source=source)
    message = (
        f"--current: {Path(text).name!r} sets no {tokens} in tokens; expected lengths such "
        "as 128,512 or a configuration of a text encoder"
    )
    raise ConfigError(message)
