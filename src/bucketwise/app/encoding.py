"""From token counts to a plan for a text encoder, and from that plan to its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from bucketwise import __version__
from bucketwise.app.options import SolverOptions
from bucketwise.app.output import Written, write_results
from bucketwise.app.pages import encoder_pages
from bucketwise.core.encoder.analysis import EncoderAnalysis, TokensToday
from bucketwise.core.encoder.analysis import analyze as analyze_encoder
from bucketwise.core.options import PlanOptions
from bucketwise.engines.rbln.emit.encoder import emit_encoder
from bucketwise.engines.rbln.encoders import TOKENS, encoder_memory, encoder_targets
from bucketwise.engines.rbln.rules.case import whole
from bucketwise.engines.rbln.targets import check_planned
from bucketwise.errors import ConfigError, UsageError
from bucketwise.nouns.traffic import Traffic
from bucketwise.read.configs.documents import read_documents
from bucketwise.read.configs.encoders import find_encoder
from bucketwise.read.configs.scenarios import parse_bucket_list


def analyze_lengths(
    traffic: Traffic,
    *,
    model: str,
    max_tokens: int | None = None,
    current: str | Path | Sequence[int] | None = None,
    target: Iterable[str] = (),
    npu: str | None = None,
    places: bool = True,
    recorded: Mapping[str, Any] | None = None,
    **solver: Any,
) -> EncoderAnalysis:
    """Choose the lengths of a text encoder for a traffic of token counts.

    Parameters
    ----------
    traffic : Traffic
        What `read_traffic(inputs, columns={"length": COLUMN})` returned.
    model : str
        Built-in name or Hugging Face id of a text encoder, or a local folder.
    max_tokens : int, optional
        Where the tokenizer cuts a text; the checkpoint's own limit without it.
    current : str, Path or sequence of int, optional
        What is compiled today: lengths in tokens, a plan, or whatever `lint_config`
        reads that has `max_seq_len`.
    target : iterable of str
        SDK dialects, "all" for every one; the newest by default.
    npu : str, optional
        The NPU whose memory it has to fit; an ATOM without one.
    places : bool
        Whether base names of inputs may be told.
    recorded : mapping, optional
        Further options to record in the plan.
    **solver
        The fields of `SolverOptions` by name, as for `analyze`, lengths in tokens:
        `strategy`, `buckets`, `min_saving`, `graph_price`, `cost`, `align`, `headroom`,
        `pins`.

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
    asked = SolverOptions(**solver)
    profile = find_encoder(model)
    served = encoder_targets(profile.family, target)
    question = PlanOptions(
        **asked.chosen(), align=asked.align, pins=tuple(sorted(set(asked.pins)))
    )
    today = None if current is None else _today(current, places=places)
    price = asked.graph_price
    options = {
        "model": profile.name,
        "max_tokens": max_tokens,
        "strategy": asked.strategy,
        "buckets": list(asked.buckets),
        "min_saving": asked.min_saving,
        "graph_price": asdict(price) if price else None,
        "align": asked.align,
        "headroom": asked.headroom,
        "pins": list(asked.pins),
        "cost": asked.cost,
        "current": list(today.lengths) if today else None,
        "target": [each.name for each in served],
        **(recorded or {}),
    }
    return analyze_encoder(
        traffic if places else traffic.without_places(),
        profile,
        question,
        max_tokens=max_tokens,
        today=today,
        memory=partial(encoder_memory, profile, npu=npu),
        version=__version__,
        options=options,
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
    targets = encoder_targets(analysis.profile.family, tuple(target) or planned)
    check_planned(targets, planned)
    snippets = emit_encoder(analysis.plan, targets, npu=npu)
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
    for document in read_documents(text):
        value = document.config.get(TOKENS)
        items = value if isinstance(value, (list, tuple)) else [value]
        lengths = sorted({found for each in items if (found := whole(each) or 0) > 0})
        if lengths and len(lengths) == len(set(map(str, items))):
            source = document.source if places else "a file"
            return TokensToday(lengths=tuple(lengths), source=source)
    message = (
        f"--current: {Path(text).name!r} sets no {TOKENS} in tokens; expected lengths such "
        "as 128,512 or a configuration of a text encoder"
    )
    raise ConfigError(message)
