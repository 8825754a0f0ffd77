"""Text as people read it: safe to show, and in the words of a model family."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bucketwise.words.numbers import TIME_UNIT

_PREFILL = "language_model.image_prefill_chunk_size"

WORDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "gemma4": (
        ("(max_seq_lens up to 0.10.3, max_seq_len from 0.10.4)", f"({_PREFILL})"),
        ("visual.max_seq_lens", _PREFILL),
        ("visual.max_seq_len", _PREFILL),
        ("visual.", "vision_tower."),
        ("max_seq_len counts ViT patches", f"{_PREFILL} counts soft tokens"),
        ("ViT patches, before the merge", "soft tokens"),
        ("ViT patches before the merge", "soft tokens of one image"),
        ("ViT patches  merged patches", "soft tokens    of one image"),
        ("ViT patches", "soft tokens"),
        ("ViT compute", "image prefill compute"),
        ("ViT time", "image prefill time"),
        ("ViT lengths, patches", "image prefill lengths, soft tokens"),
        ("ViT lengths", "image prefill lengths"),
        ("ViT length", "image prefill length"),
        ("ViT graph", "image prefill graph"),
        ("ViT runs", "image runs"),
        ("ViT run", "image run"),
        ("the ViT computes", "image prefill computes"),
        ("image prefill compute:", "Image prefill compute:"),
        ("soft tokens (max_seq_len from", f"soft tokens ({_PREFILL} from"),
    ),
}
"""What is said elsewhere -> what is meant, the longer first."""

TIMED = (
    ("ViT compute", "ViT time"),
    ("added compute", "added time"),
    ("seful compute", "seful time"),
    ("of the compute", "of the time"),
    ("the compute below", "the time below"),
    ("the least compute", "the least time"),
    ("in compute", "in time"),
    ("more compute", "more time"),
    ("compute plus", "time plus"),
    ("of their compute is padding", "of their time is padding"),
    ("compute with one graph", "time with one graph"),
    ("Optimum's compute", "Optimum's time"),
    ("Optimum&#39;s compute", "Optimum&#39;s time"),
    ("egret is compute above", "egret is time above"),
    ("egret is the compute on", "egret is the time on"),
    ("what they compute.", "how long they take."),
    ("Compute against", "Time against"),
    ("Compute is over", "Time is over"),
    ("Compute is compared", "Time is compared"),
    (">Compute<", ">Time<"),
)
"""What is said of compute -> what is said of a cost in milliseconds."""

APART = re.compile(
    r"(<(script|style|pre|code|section(?= id=\"beside\"))\b.*?</\2>)", re.DOTALL
)
"""What of a page is no sentence, or has the words of other engines."""


def worded(
    text: str, family: str, words: Sequence[tuple[str, str]] = (), unit: str = ""
) -> str:
    """Return a text about the lengths in the words of a cost, a family and an engine."""
    timed = TIMED if unit == TIME_UNIT else ()
    for said, meant in (*timed, *WORDS.get(family, ())):
        text = text.replace(said, meant)
    return in_words(text, words)


def in_words(text: str, words: Sequence[tuple[str, str]]) -> str:
    """Return a text or a page with whole words replaced.

    Names of options, files and settings of bucketwise keep theirs.
    """
    if not words:
        return text
    meant = dict(words)
    said = "|".join(map(re.escape, sorted(meant, key=len, reverse=True)))
    whole = re.compile(rf"(?<![\w./;\'\"-])(?<!option )({said})(?![\w/=-]|\.\w)")
    apart = APART.split(text)
    # Pieces come in threes: a text, what stands apart, and the name of its element.
    apart[::3] = [whole.sub(lambda at: meant[at[1]], each) for each in apart[::3]]
    del apart[2::3]
    return "".join(apart)


def printable(text: str) -> str:
    """Return text with everything but letters, signs and line ends made visible."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each == "\n" else repr(each)[1:-1]
        for each in text
    )


def one_line(text: str) -> str:
    """Return text with line ends made visible too."""
    return printable(text).replace("\n", "\\n")
