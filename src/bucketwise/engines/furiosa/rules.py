"""Rules about what furiosa-llm hands the processor: --mm-processor-kwargs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bucketwise.engines.furiosa.buckets import presets_of
from bucketwise.lint.case import LintCase
from bucketwise.lint.finding import Finding, Fix, Rule

IMAGES = "images_kwargs"
MIN, MAX = "min_pixels", "max_pixels"
_BOUNDS = "mm_models/qwen_vl.py, _validate_pixel_bounds"


def crossed_limits(case: LintCase) -> Iterator[Finding]:
    """A lower limit above the upper one."""
    (path, least), (_, most) = _given(case, MIN), _given(case, MAX)
    if least is not None and most is not None and least > most:
        yield Finding(
            severity="error",
            path=path,
            found=f"{MIN} {least:,} above {MAX} {most:,}",
            why=f"furiosa-llm refuses it ({_BOUNDS})",
            right=f"{MIN} up to {most:,}",
            raises=f"ValueError: {MIN}={least} must be less than or equal to "
            f"{MAX}={most}",
        )


def limit_above_buckets(case: LintCase) -> Iterator[Finding]:
    """A limit that lets through more than the largest bucket: it is refused."""
    for name in (MAX, MIN):
        path, pixels = _given(case, name)
        if pixels is None or not (buckets := _buckets(case)):
            continue
        most = buckets[-1] * _area(case)
        if pixels // _area(case) > buckets[-1]:
            yield Finding(
                severity="error",
                path=path,
                found=f"{name} {pixels:,}",
                why=f"the largest bucket holds {buckets[-1]:,} patches ({_BOUNDS})",
                right=f"at most {most:,}",
                raises=f"ValueError: {name}={pixels}",
                fixes=(Fix(path=path, action="set", value=most),)
                if name == MAX
                else (),
            )


def limit_between_buckets(case: LintCase) -> Iterator[Finding]:
    """A limit between two buckets: images at the limit pad to the larger one."""
    path, pixels = _given(case, MAX)
    if pixels is None or not (buckets := _buckets(case)):
        return
    patches = pixels // _area(case)
    if patches in buckets or patches > buckets[-1]:
        return
    above = next(each for each in buckets if each >= patches)
    yield Finding(
        severity="warning",
        path=path,
        found=f"{MAX} {pixels:,}, {patches:,} patches",
        why=f"an image at the limit runs on the bucket of {above:,} patches",
        right=f"{MAX} {above * _area(case):,}, which costs no more",
        fixes=(Fix(path=path, action="set", value=above * _area(case)),),
    )


def request_limit_unsets_buckets(case: LintCase) -> Iterator[Finding]:
    """A max_pixels of one's own: the limit is no longer taken from the images' bucket."""
    path, pixels = _given(case, MAX)
    if pixels is not None and _buckets(case):
        yield Finding(
            severity="info",
            path=path,
            found=f"{MAX} {pixels:,}",
            why="without it the limit of a call is that of the smallest bucket that holds "
            "its largest image, so none grows past its bucket by rounding; with it that "
            "is left to the request (mm_models/qwen_vl.py)",
            right=f"{MAX} only to shrink images on purpose",
        )


def small_images_stay_small(case: LintCase) -> Iterator[Finding]:
    """No min_pixels: it is one merged patch, not what the checkpoint was trained with."""
    _, least = _given(case, MIN)
    profile = case.profile
    if least is not None or profile is None or not _buckets(case):
        return
    own, trained = profile.factor_px**2, profile.checkpoint.min_pixels
    if trained > own:
        yield Finding(
            severity="info",
            path=(),
            found=f"no {MIN}",
            why=f"furiosa-llm then takes {own:,}, so images below the checkpoint's "
            f"{trained:,} are not scaled up (mm_models/qwen_vl.py)",
            right=f"{MIN} {trained:,} for the checkpoint's own behaviour",
        )


def _given(case: LintCase, name: str) -> tuple[tuple[str, ...], int | None]:
    """Return a limit, and the keys that lead to it."""
    config = case.document.config
    images = config.get(IMAGES)
    if isinstance(images, Mapping) and type(images.get(name)) is int:
        return (IMAGES, name), images[name]
    value = config.get(name)
    return (name,), value if type(value) is int else None


def _buckets(case: LintCase) -> tuple[int, ...]:
    return presets_of(case.profile) if case.profile else ()


def _area(case: LintCase) -> int:
    return case.profile.patch_px**2 if case.profile else 1


RULES = tuple(
    Rule(f"furiosa/{check.__name__.replace('_', '-')}", check)
    for check in (
        crossed_limits,
        limit_above_buckets,
        limit_between_buckets,
        request_limit_unsets_buckets,
        small_images_stay_small,
    )
)
"""In the order reports tell them."""
