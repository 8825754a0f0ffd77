"""Rules about models whose ViT is compiled for counts of soft tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bucketwise.engines.rbln.nesting import NESTINGS, Nesting, counts_of
from bucketwise.engines.rbln.rules.case import RblnCase, lengths_of, release, shown
from bucketwise.lint.finding import Finding, Fix
from bucketwise.nouns.profile import SoftTokens

_CONFIG = "transformers/models/gemma4/configuration_gemma4.py"
_MODEL = "transformers/models/gemma4/modeling_gemma4.py"


def chunk_below_count(subject: RblnCase) -> Iterator[Finding]:
    """The largest chunk of image tokens holds less than the largest count."""
    lengths, counts = lengths_of(subject), compiled_counts(subject)
    if not lengths or not counts or lengths[-1] >= counts[-1]:
        return
    nesting = NESTINGS[subject.family]
    least = -(-counts[-1] // nesting.chunk) * nesting.chunk
    yield Finding(
        severity="error",
        path=(nesting.language_model, nesting.lengths),
        found=f"{lengths[-1]:,} is the largest, below {nesting.counts} {counts[-1]:,}",
        why=f"{release(subject)} refuses a largest chunk that not every image fits "
        f"({_CONFIG})",
        right=f"a largest chunk of {least:,}",
        raises="ValueError: The largest image-prefill chunk size",
        fixes=(
            Fix(
                path=(nesting.language_model, nesting.lengths),
                action="set",
                value=[*(each for each in lengths if each < least), least],
            ),
        ),
    )


def chunk_never_used(subject: RblnCase) -> Iterator[Finding]:
    """A chunk that none of the counts runs on: the configuration is refused.

    Images of fewer tokens than their count would run on it; the class looks at the counts.
    """
    lengths, counts = lengths_of(subject), compiled_counts(subject)
    if not lengths or not counts or lengths[-1] < counts[-1]:
        return
    used = {next(length for length in lengths if length >= count) for count in counts}
    unused = [length for length in lengths if length not in used]
    if not unused:
        return
    nesting, known = NESTINGS[subject.family], _soft_tokens(subject)
    below = [max((each for each in lengths if each < one), default=0) for one in unused]
    added = [
        next((t for t in known.supported if low < t <= one), 0) if known else 0
        for low, one in zip(below, unused, strict=True)
    ]
    wider = sorted({*counts, *added} - {0})
    yield Finding(
        severity="error",
        path=(nesting.language_model, nesting.lengths),
        found=f"{', '.join(f'{each:,}' for each in unused)} beside {nesting.counts} "
        f"{list(counts)}",
        why=f"{release(subject)} refuses a chunk that no count runs on, whatever fewer "
        f"tokens an image has ({_CONFIG})",
        right=f"{sorted(used)}"
        + (f", or {nesting.counts} {wider}" if all(added) else ""),
        raises="ValueError: Image-prefill chunk sizes",
        fixes=(
            Fix(
                path=(nesting.language_model, nesting.lengths),
                action="set",
                value=sorted(used),
            ),
        ),
    )


def count_not_compiled(subject: RblnCase) -> Iterator[Finding]:
    """Images or clips are scaled to a count the ViT is not compiled for: it raises.

    The runtime takes a compiled count exactly; a larger one does not do.
    """
    profile, limits, counts = subject.profile, subject.limits, compiled_counts(subject)
    if profile is None or profile.soft_tokens is None or not counts:
        return
    nesting, area_px = NESTINGS[subject.family], profile.length_px**2
    used = [("images", limits.max_pixels, limits.source)] if limits else []
    if profile.video:
        used.append(("frames of clips", profile.video.max_pixels, profile.video.source))
    for what, max_pixels, source in used:
        count = max_pixels // area_px
        if count in counts:
            continue
        # vllm-rbln serves no clips of these models (model_executor/models/optimum/
        # gemma4.py), and nobody need send any.
        yield Finding(
            severity="error" if what == "images" else "warning",
            path=(nesting.tower, nesting.counts),
            found=f"{what} are scaled to {count:,} soft tokens ({source}); compiled "
            f"for {list(counts)}",
            why=f"{release(subject)} takes a compiled count exactly and raises on every "
            f"other ({_MODEL}, get_image_features)",
            right=f"{nesting.counts} {sorted({*counts, count})}, or one of "
            f"{list(counts)} on the processor",
            raises="ValueError: Derived max_soft_tokens",
        )


def unsupported_count(subject: RblnCase) -> Iterator[Finding]:
    """A compiled count that no processor scales to: nothing runs on it."""
    known, counts = _soft_tokens(subject), compiled_counts(subject)
    if known is None:
        return
    idle = [each for each in counts if each not in known.supported]
    if not idle:
        return
    nesting = NESTINGS[subject.family]
    kept = [each for each in counts if each in known.supported]
    yield Finding(
        severity="warning",
        path=(nesting.tower, nesting.counts),
        found=", ".join(f"{each:,}" for each in idle),
        why=f"the processors scale to one of {list(known.supported)} alone "
        "(transformers, models/gemma4/image_processing_gemma4.py)",
        right=shown(kept or list(known.supported)),
    )


def wrong_level(subject: RblnCase) -> Iterator[Finding]:
    """A setting of the language model, or of no level, beside the submodules."""
    nesting = NESTINGS.get(subject.family)
    if nesting is None:
        return
    for name in subject.as_given:
        if name in nesting.top or name in (nesting.tower, nesting.language_model):
            continue
        to = nesting.tower if name == "visual" else ""
        yield Finding(
            severity="error",
            path=(name,),
            found=f"{name} at the top level",
            why=f"the class has {nesting.tower} and {nesting.language_model}, and no such "
            f"key beside them ({_CONFIG}, {release(subject)})",
            right=to or f"{nesting.language_model}.{name}",
            raises="ValueError: Unexpected arguments",
            fixes=(Fix(path=(name,), action="rename", value=to),)
            if to and to not in subject.as_given
            else (),
        )


def compiled_counts(subject: RblnCase) -> tuple[int, ...]:
    """Return the counts a configuration compiles, ascending; () where it does not tell."""
    nesting = NESTINGS.get(subject.family)
    if nesting is None:
        return ()
    given: Mapping[str, object] = subject.as_given
    document = subject.document
    if document.adds_to_folder:
        serve = document.serve
        folder = serve.folder_config if serve is not None else document.compiled_as
        if folder is None:
            return ()
        given = folder
    if not _tells(given, nesting):
        return ()
    return counts_of(given, subject.family)


def _tells(given: Mapping[str, object], nesting: Nesting) -> bool:
    return isinstance(given.get(nesting.tower, {}), Mapping)


def _soft_tokens(subject: RblnCase) -> SoftTokens | None:
    return subject.profile.soft_tokens if subject.profile else None
