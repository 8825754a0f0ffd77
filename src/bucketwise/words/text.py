"""Text as people read it: safe to show, and in the words of a model family."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

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


APART = re.compile(
    r"(<(script|style|pre|code|section(?= id=\"beside\"))\b.*?</\2>)", re.DOTALL
)
"""What of a page is no sentence, or has the words of other engines."""


def worded(text: str, family: str, words: Sequence[tuple[str, str]] = ()) -> str:
    """Return a text about the lengths in the words of a family, and of an engine."""
    for said, meant in WORDS.get(family, ()):
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
