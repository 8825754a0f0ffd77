"""Rules about the decoder graphs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bucketwise.engines.rbln.model_classes import generates
from bucketwise.engines.rbln.rules.case import (
    RblnCase,
    batch_size_of,
    release,
    shown,
    unknown,
    whole,
)
from bucketwise.engines.rbln.shapes import picks_smaller_graphs
from bucketwise.lint.finding import Finding, Fix

_CLASS = "transformers/models/decoderonly/configuration_decoderonly.py"
_PATH = ("decoder_batch_sizes",)


def no_batch_sizes(subject: RblnCase) -> Iterator[Finding]:
    """Decoder batch sizes that are no whole numbers above 0.

    The class checks nothing but the largest of a list.
    """
    value = _given(subject)
    items = value if isinstance(value, (list, tuple)) else [value]
    if value is None or any(unknown(item) for item in items):
        return
    if not isinstance(value, (list, tuple)):
        yield Finding(
            severity="error",
            path=_PATH,
            found=shown(value),
            why=f"the graphs are made by going through a list ({_CLASS})",
            right=f"a list, such as {_right_list(subject)}",
        )
    elif not value or any((whole(item) or 0) < 1 for item in value):
        yield Finding(
            severity="error",
            path=_PATH,
            found=shown(value),
            why=f"{release(subject)} does not check the items ({_CLASS}); the compile "
            "or the first step fails",
            right=f"whole numbers above 0, such as {_right_list(subject)}",
        )


def tuple_of_batch_sizes(subject: RblnCase) -> Iterator[Finding]:
    """A tuple instead of a list: nothing in it is checked or sorted.

    vllm-rbln turns the list round and bisects in it, so it must descend as the class
    leaves lists.
    """
    value = _given(subject)
    if not isinstance(value, tuple) or not _numbers(subject):
        return
    mended = sorted(set(value))
    yield Finding(
        severity="warning",
        path=_PATH,
        found=f"a tuple, {shown(value)}",
        why=f"{release(subject)} checks and sorts lists alone ({_CLASS}); vllm-rbln "
        "relies on their order (utils/optimum/bucket.py)",
        right=shown(mended),
        fixes=(Fix(path=_PATH, action="set", value=mended),),
    )


def batch_size_not_among_graphs(subject: RblnCase) -> Iterator[Finding]:
    """One size other than batch_size: the graph that every release loads is missing.

    A list of one element is not looked at; the compile then ends in a KeyError.
    """
    sizes, batch_size = _numbers(subject), batch_size_of(subject)
    if batch_size is None or len(sizes) != 1 or sizes[0] == batch_size:
        return
    right = [sizes[0], batch_size] if sizes[0] < batch_size else [batch_size]
    yield Finding(
        severity="error",
        path=_PATH,
        found=f"[{sizes[0]}] with batch_size {_told(subject, batch_size)}",
        why=f"{release(subject)} checks lists of two or more alone ({_CLASS}): this one "
        "is compiled, and at its end the graph of batch_size is not found "
        "(modeling_decoderonly.py)",
        right=shown(right),
        raises=f"KeyError: {batch_size}",
        fixes=(Fix(path=_PATH, action="set", value=right),),
    )


def batch_size_exceeded(subject: RblnCase) -> Iterator[Finding]:
    """A decoder batch size above batch_size, which is 1 where it is not set."""
    value = _given(subject)
    sizes, batch_size = _numbers(subject), batch_size_of(subject)
    if batch_size is None or len(sizes) < 2 or max(sizes) <= batch_size:  # noqa: PLR2004
        return
    unset = subject.config.get("batch_size") is None
    if unset:
        right = f"batch_size {max(sizes)}"
        fix = Fix(path=("batch_size",), action="set", value=max(sizes))
    else:
        kept = sorted({size for size in sizes if size < batch_size} | {batch_size})
        right, fix = shown(kept), Fix(path=_PATH, action="set", value=kept)
    yield Finding(
        severity="error",
        path=_PATH,
        found=f"{max(sizes)} with batch_size {_told(subject, batch_size)}",
        why=f"no graph may hold more than batch_size ({_CLASS})",
        right=right,
        # A tuple is not looked at: it compiles a graph that nothing can run.
        raises="ValueError: Decoder batch size" if isinstance(value, list) else "",
        fixes=(fix,),
    )


def batch_size_appended(subject: RblnCase) -> Iterator[Finding]:
    """A list without batch_size: the SDK adds it with a warning."""
    sizes, batch_size = _numbers(subject), batch_size_of(subject)
    value = _given(subject)
    if batch_size is None or len(sizes) < 2 or max(sizes) >= batch_size:  # noqa: PLR2004
        return
    listed = isinstance(value, list)
    yield Finding(
        severity="warning" if listed else "error",
        path=_PATH,
        found=f"{shown(value)} without batch_size {batch_size}",
        why=f"{release(subject)} warns and appends it: one graph more than was asked for"
        if listed
        else "a tuple is not completed: loading does not find the graph of batch_size",
        right=shown([*sorted(set(sizes)), batch_size]),
        raises="" if listed else f"KeyError: {batch_size}",
        fixes=(Fix(path=_PATH, action="set", value=[*sorted(set(sizes)), batch_size]),),
    )


def duplicate_batch_size(subject: RblnCase) -> Iterator[Finding]:
    """A decoder batch size given more than once."""
    sizes = _numbers(subject)
    if len(set(sizes)) == len(sizes):
        return
    yield Finding(
        severity="warning",
        path=_PATH,
        found=shown(subject.config["decoder_batch_sizes"]),
        why=f"{release(subject)} compiles the same graph twice under one name "
        "(modeling_decoderonly.py)",
        right=shown(sorted(set(sizes))),
        fixes=(Fix(path=_PATH, action="set", value=sorted(set(sizes))),),
    )


def graphs_never_used(subject: RblnCase) -> Iterator[Finding]:
    """Smaller decoder graphs that nothing runs.

    vllm-rbln runs the smallest that holds the running requests, except for Qwen3.5;
    generate() of optimum-rbln runs that of batch_size for every Qwen-VL model.
    """
    if not generates(subject.family) and "decoder_batch_sizes" in subject.config:
        yield Finding(
            severity="warning",
            path=_PATH,
            found=shown(subject.config["decoder_batch_sizes"]),
            why=f"this model generates nothing: {release(subject)} compiles no decoder for "
            f"it and does not look at the list ({_CLASS})",
            right="leave it out",
            fixes=(Fix(path=_PATH, action="remove"),),
        )
        return
    sizes = _numbers(subject)
    if len(set(sizes)) < 2 or not subject.family:  # noqa: PLR2004 - one is no choice
        return
    batch_size = batch_size_of(subject)
    if not picks_smaller_graphs(subject.family):
        yield Finding(
            severity="warning",
            path=_PATH,
            found=shown(subject.config["decoder_batch_sizes"]),
            why="every step of this model runs the whole batch: its state is pinned to "
            "rows (vllm-rbln 0.12.0, model_executor/models/optimum/qwen3_vl.py)",
            right=f"[{batch_size}], or leave it out",
            fixes=(Fix(path=_PATH, action="remove"),),
        )
    elif subject.document.form != "serve":
        yield Finding(
            severity="info",
            path=_PATH,
            found=shown(subject.config["decoder_batch_sizes"]),
            why="only vllm-rbln uses the smaller graphs; generate() of optimum-rbln "
            "always runs that of batch_size (transformers/models/qwen3_vl/"
            "modeling_qwen3_vl.py)",
            right="as it is, where vllm-rbln serves",
        )


def _given(subject: RblnCase) -> Any:
    """Return the list as it is given; None for a model that does not look at it."""
    if not generates(subject.family):
        return None
    return subject.config.get("decoder_batch_sizes")


def _numbers(subject: RblnCase) -> tuple[int, ...]:
    """Return the sizes as written; () where some are none."""
    value = _given(subject)
    if not isinstance(value, (list, tuple)):
        return ()
    sizes = [whole(item) for item in value]
    known = tuple(size for size in sizes if size is not None and size > 0)
    return known if len(known) == len(sizes) else ()


def _told(subject: RblnCase, batch_size: int) -> str:
    unset = subject.config.get("batch_size") is None
    return f"{batch_size}, its default" if unset else str(batch_size)


def _right_list(subject: RblnCase) -> str:
    batch_size = batch_size_of(subject) or 8
    return shown(sorted({1, max(batch_size // 2, 1), batch_size}))
