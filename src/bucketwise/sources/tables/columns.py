"""Which column plays which role: by alias, or as the user says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bucketwise.errors import InputError, UsageError

ALIASES: Mapping[str, tuple[str, ...]] = {
    "height": (
        "height", "h", "image_height", "img_height", "img_h", "imgheight",
        "imageheight", "photo_height", "height_px", "pixel_height", "rows_px",
        "original_height", "orig_height", "frame_height", "video_height",
    ),
    "width": (
        "width", "w", "image_width", "img_width", "img_w", "imgwidth",
        "imagewidth", "photo_width", "width_px", "pixel_width", "cols_px",
        "original_width", "orig_width", "frame_width", "video_width",
    ),
    "resolution": (
        "resolution", "dimensions", "image_size", "image_resolution", "img_size",
        "image_dimensions", "size", "wxh", "widthxheight",
    ),
    "tokens": (
        "image_tokens", "visual_tokens", "vision_tokens", "num_image_tokens",
        "n_image_tokens", "image_token_count", "mm_tokens", "merged_patches",
    ),
    "prompt": (
        "prompt_tokens", "input_tokens", "context_tokens", "num_prompt_tokens",
        "prompt_len", "input_len", "input_length",
    ),
    "text": ("text_tokens", "text_input_tokens", "num_text_tokens", "text_len"),
    "images": ("num_images", "image_count", "n_images", "images", "images_count"),
    "count": (
        "count", "weight", "n", "cnt", "counts", "weights", "freq", "frequency",
        "prob", "probability", "pdf",
    ),
    "frames": (
        "frames", "num_frames", "n_frames", "frame_count", "nb_frames", "nframes",
    ),
    "fps": ("fps", "frame_rate", "framerate", "video_fps", "r_frame_rate"),
    "time": (
        "timestamp", "time", "ts", "datetime", "date", "created_at", "@timestamp",
        "timestamp_s", "timestamp_ms", "created", "date_time", "event_time", "time_s",
        "arrival_time", "exif_datetime", "window_start_s",
    ),
    "label": ("tenant", "label", "endpoint", "customer", "client", "source"),
}  # fmt: skip
"""Names in lower case, the more telling first; punctuation is read as `_`."""


_SIDES = ({"height", "width"}, {"resolution"})
_TOKENS = ({"tokens"}, {"prompt", "text", "images"})
_FORMS = (*_SIDES, *_TOKENS)
"""What tells how large an image is, the more exact first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The columns that are read.

    Attributes
    ----------
    roles : mapping of str to int
        Position of the column of each role, from 0.
    notes : tuple of str
        What was read as what, and what else could have been meant.
    """

    roles: Mapping[str, int]
    notes: tuple[str, ...] = ()


def match_columns(
    names: Sequence[str], chosen: Mapping[str, str] | None, source: str
) -> Match:
    """Find the column of every role.

    Parameters
    ----------
    names : sequence of str
        The columns, in order; `outer.inner` for nested ones.
    chosen : mapping of str to str, optional
        Role to column name, or to a position from 1; "" leaves the role unread.
    source : str
        Base name of the file, for messages.

    Returns
    -------
    Match
        With a height and a width, a resolution, visual tokens, or what tells them: the
        tokens of a prompt and of its text beside its number of images.

    Raises
    ------
    InputError
        When a chosen column is not there, or no size is found.
    """
    wanted = _by_role(chosen or {})
    roles: dict[str, int] = {}
    notes: list[str] = []
    for role, aliases in ALIASES.items():
        if role in wanted:
            if wanted[role]:
                roles[role] = _chosen_column(names, role, wanted[role], source)
            continue
        found = _by_alias(names, aliases)
        if found:
            roles[role] = found[0]
            notes += _also_matching(names, role, found)
    roles, said = _one_size(names, roles, wanted)
    roles, tokens_said = _tokens_or_size(names, roles)
    said += tokens_said
    if not any(form <= roles.keys() for form in _FORMS):
        raise InputError(_no_size(names, roles, source))
    if "fps" in roles and "frames" not in roles:
        notes.append(f"column {names[roles.pop('fps')]!r} (fps) needs a frames column")
    reading = ", ".join(f"{role} from {names[at]!r}" for role, at in roles.items())
    return Match(roles=roles, notes=(f"read {reading}", *said, *notes))


def role_of(name: str) -> str | None:
    """Return the role whose alias a column name is, or None."""
    for role, aliases in ALIASES.items():
        if _plain(name) in aliases:
            return role
    return None


def _plain(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _by_role(chosen: Mapping[str, str]) -> dict[str, str]:
    wanted = {}
    for key, column in chosen.items():
        role = role_of(key)
        if role is None:
            raise UsageError(
                f"--columns: {key!r} is not something a column can be; use one of "
                f"{', '.join(ALIASES)}"
            )
        wanted[role] = column
    return wanted


def _chosen_column(names: Sequence[str], role: str, column: str, source: str) -> int:
    if column in names:
        return names.index(column)
    folded = [name.strip().casefold() for name in names]
    if column.strip().casefold() in folded:
        return folded.index(column.strip().casefold())
    if column.isdecimal() and 1 <= int(column) <= len(names):
        return int(column) - 1
    raise InputError(
        f"{source}: --columns {role}={column}: there is no such column; found "
        f"{_listed(names)}; give one of these names, or a position from 1"
    )


def _by_alias(names: Sequence[str], aliases: Sequence[str]) -> list[int]:
    """Return the positions of matching columns, the best first."""
    found = []
    for at, name in enumerate(names):
        plain = _plain(name)
        last = plain.rpartition(".")[2]
        if plain in aliases:
            found.append((0, aliases.index(plain), at))
        elif last in aliases:
            found.append((1, aliases.index(last), at))
    return [at for _, _, at in sorted(found)]


def _also_matching(names: Sequence[str], role: str, found: Sequence[int]) -> list[str]:
    if len(found) == 1:
        return []
    others = ", ".join(repr(names[at]) for at in found[1:])
    return [
        (
            f"{role} is read from {names[found[0]]!r}; {others} could be meant as well:"
            f" --columns {role}=NAME decides"
        )
    ]


def _one_size(
    names: Sequence[str], roles: dict[str, int], wanted: Mapping[str, str]
) -> tuple[dict[str, int], list[str]]:
    """Keep either the two sides or the resolution; the two sides win."""
    sides = {"height", "width"} & roles.keys()
    asked = bool(wanted.get("resolution")) and not ({"height", "width"} & wanted.keys())
    if "resolution" not in roles or not sides:
        return roles, []
    if len(sides) == 2 and not asked:  # noqa: PLR2004 - both sides
        unread = names[roles["resolution"]]
        kept = {role: at for role, at in roles.items() if role != "resolution"}
        return kept, [f"column {unread!r} (resolution) not read: the sides are there"]
    return {role: at for role, at in roles.items() if role not in sides}, []


def _tokens_or_size(
    names: Sequence[str], roles: dict[str, int]
) -> tuple[dict[str, int], list[str]]:
    """Keep either the size or the visual tokens; the size wins."""
    telling = {role for form in _TOKENS for role in form}
    if any(form <= roles.keys() for form in _SIDES):
        return {role: at for role, at in roles.items() if role not in telling}, []
    if not any(form <= roles.keys() for form in _TOKENS):
        return roles, []
    unread = {"frames", "fps", "height", "width"}
    if "tokens" in roles:
        unread |= {"prompt", "text"}
        said = f"sizes are known by their visual tokens alone, from {names[roles['tokens']]!r}"
    else:
        prompt, text = (names[roles[role]] for role in ("prompt", "text"))
        said = (
            "sizes are known by their visual tokens alone: "
            f"{prompt!r} less {text!r} where there is one image, the few tokens "
            "around an image included"
        )
    return {role: at for role, at in roles.items() if role not in unread}, [said]


def _no_size(names: Sequence[str], roles: Mapping[str, int], source: str) -> str:
    lacking = " and ".join(role for role in ("width", "height") if role not in roles)
    return (
        f"{source}: no column for {lacking} among {_listed(names)}; name them with "
        "--columns width=NAME,height=NAME, --columns resolution=NAME or, where only "
        "visual tokens were logged, --columns tokens=NAME (positions from 1 when the "
        "file has no header)"
    )


def _listed(names: Sequence[str], most: int = 30) -> str:
    listed = ", ".join(repr(name) for name in names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (listed or "no columns") + more
