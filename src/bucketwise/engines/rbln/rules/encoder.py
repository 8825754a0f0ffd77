"""Rules about the lengths of a text encoder: `max_seq_len`, in tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bucketwise.engines.rbln.encoders import (
    ENCODER_KEYS,
    ENCODERS,
    LISTS_SINCE,
    TOKENS,
    takes_lists,
)
from bucketwise.engines.rbln.keys import COMPILED, known_names
from bucketwise.engines.rbln.releases import written
from bucketwise.engines.rbln.rules.case import RblnCase, release, shown, unknown, whole
from bucketwise.lint.finding import Finding, Fix
from bucketwise.words.numbers import percent, plural, verb

_GENERIC = "transformers/modeling_generic.py, RBLNTransformerEncoder"
TRANSFORMERS_5_SINCE = (0, 11, 0)
"""Releases from it on pin transformers 5, which gathers positions and so raises another
error where there is none."""

_UTILS = "optimum/rbln/configuration_utils.py"


def list_of_lengths_too_early(subject: RblnCase) -> Iterator[Finding]:
    """A list of lengths for a release that takes one: it is compared with a number."""
    value = subject.config.get(TOKENS)
    if not isinstance(value, (list, tuple)) or takes_lists(subject.version):
        return
    lengths = _held(subject)
    yield Finding(
        severity="error",
        path=(TOKENS,),
        found=shown(value),
        why=f"{release(subject)} compares it with max_position_embeddings as one number; "
        f"{written(LISTS_SINCE)} brought lists ({_GENERIC})",
        right=f"{lengths[-1]}, or optimum-rbln {written(LISTS_SINCE)} or newer"
        if lengths
        else "a whole number above 0",
        raises="TypeError: '>' not supported between instances of",
        fixes=(Fix(path=(TOKENS,), action="set", value=lengths[-1]),)
        if lengths
        else (),
    )


def no_token_lengths(subject: RblnCase) -> Iterator[Finding]:
    """Lengths that are no whole numbers above 0: the SDK looks at few of them."""
    value = subject.config.get(TOKENS)
    items = _items(value)
    if any(unknown(item) for item in items):
        return
    if _is_early_list(subject):
        return
    wrong = [item for item in items if (whole(item) or 0) < 1]
    if value is None or (items and not wrong):
        return
    texts = any(isinstance(item, str) for item in wrong)
    yield Finding(
        severity="error",
        path=(TOKENS,),
        found=shown(value),
        why=f"{release(subject)} does not check the list: it fails where the largest is "
        f"sought, or in the compile ({_GENERIC})",
        right="whole numbers above 0, such as [64, 128, 512]",
        raises="ValueError: max() "
        if not items
        else ("TypeError: '>' not supported" if texts else ""),
    )


def length_beyond_positions(subject: RblnCase) -> Iterator[Finding]:
    """A length above what the model has positions for.

    RoBERTa and its kin count positions from that of padding on, so that some serve no
    token; the SDK compares with all of them, and takes all where no length is given.
    """
    model, lengths = subject.encoder, lengths_of(subject)
    if model is None or model.positions is None or model.usable_positions is None:
        return
    given = TOKENS in subject.config
    top = max(lengths, default=0) if given else model.positions
    if top <= model.usable_positions or subject.document.adds_to_folder:
        return
    if _is_early_list(subject):
        return
    refused = top > model.positions
    several = isinstance(subject.config.get(TOKENS), (list, tuple))
    right: Any = _held(subject) if several else model.usable_positions
    old = subject.version < TRANSFORMERS_5_SINCE
    outside = "IndexError: index out of range" if old else "RuntimeError: index"
    why = (
        f"{release(subject)} compares with max_position_embeddings ({_GENERIC})"
        if refused
        else f"{model.name} has positions for {model.usable_positions:,} tokens: "
        f"{model.positions - model.usable_positions} of {model.positions:,} stand up to "
        "that of padding (create_position_ids_from_input_ids); the SDK does not look, and "
        "the trace fails"
    )
    yield Finding(
        severity="error",
        path=(TOKENS,) if given else (),
        found=f"{top:,} tokens"
        if given
        else f"no {TOKENS}, for which {top:,} tokens stand",
        why=why,
        right=shown(right),
        raises="ValueError: `max_seq_len` should be less or equal than "
        "max_position_embeddings!"
        if refused
        else outside,
        fixes=(Fix(path=(TOKENS,), action="set", value=right),),
    )


def repeated_length(subject: RblnCase) -> Iterator[Finding]:
    """Lengths given twice or out of order: the SDK sorts them, each once."""
    value = subject.config.get(TOKENS)
    lengths = list(lengths_of(subject))
    if not isinstance(value, (list, tuple)) or list(value) == lengths:
        return
    if lengths and takes_lists(subject.version):
        yield Finding(
            severity="info",
            path=(TOKENS,),
            found=shown(value),
            why=f"{release(subject)} sorts the list and drops what is in it twice "
            f"({_GENERIC})",
            right=shown(_held(subject)),
            fixes=(Fix(path=(TOKENS,), action="set", value=_held(subject)),),
        )


def text_too_long(subject: RblnCase) -> Iterator[Finding]:
    """Texts longer than every length: the runtime raises unless the tokenizer cuts."""
    lengths, texts = lengths_of(subject), subject.texts
    if not lengths or texts is None:
        return
    over = float(texts.runs[texts.needed > lengths[-1]].sum())
    if not over:
        return
    are = verb(over, "is", "are")
    yield Finding(
        severity="warning",
        path=(TOKENS,),
        found=f"{plural(over, 'text')} ({percent(over / float(texts.runs.sum()))}) {are} "
        f"longer than {lengths[-1]:,} tokens",
        why=f"{release(subject)} raises on them; a tokenizer with truncation=True and "
        f"max_length={lengths[-1]} cuts them before ({_GENERIC})",
        right=f"a length of {int(texts.needed[-1]):,}, as far as the model takes it, or "
        "such a tokenizer",
        raises="ValueError: Input sequence length" if len(lengths) > 1 else "",
    )


def unknown_encoder_key(subject: RblnCase) -> Iterator[Finding]:
    """A key that no release has for a text encoder."""
    known = {
        *known_names("visual", subject.version, ""),
        *ENCODER_KEYS,
        *COMPILED,
        "tensor_parallel_size",
    }
    for name in subject.config:
        if name in known:
            continue
        yield Finding(
            severity="error",
            path=(name,),
            found=name,
            why=f"{release(subject)} has no such setting for a text encoder ({_UTILS})",
            right="leave it out",
            raises="ValueError: Unexpected arguments",
            fixes=(Fix(path=(name,), action="remove"),),
        )


def encoder_too_new(subject: RblnCase) -> Iterator[Finding]:
    """A text encoder that the release has no class for."""
    since = ENCODERS[subject.encoder_family].since
    if subject.version >= since:
        return
    yield Finding(
        severity="error",
        path=(),
        found=f"a {subject.encoder_family} model for {release(subject)}",
        why=f"{written(since)} brought its class (optimum/rbln/__init__.py of each wheel)",
        right=f"optimum-rbln {written(since)} or newer",
        raises="ImportError: cannot import name",
    )


def lengths_of(subject: RblnCase) -> tuple[int, ...]:
    """Return the lengths, ascending; () where some are no lengths."""
    items = _items(subject.config.get(TOKENS))
    found = [each for item in items if (each := whole(item) or 0) > 0]
    return tuple(sorted(set(found))) if len(found) == len(items) else ()


def _held(subject: RblnCase) -> list[int]:
    """Return the lengths, each no longer than the model has positions for."""
    model = subject.encoder
    most = model.usable_positions if model else None
    return sorted({min(each, most or each) for each in lengths_of(subject)})


def _is_early_list(subject: RblnCase) -> bool:
    several = isinstance(subject.config.get(TOKENS), (list, tuple))
    return several and not takes_lists(subject.version)


def _items(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
