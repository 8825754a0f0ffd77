"""The folder of a checkpoint, read as the data file of its family tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bucketwise.errors import ConfigError
from bucketwise.nouns.image_rules import ImageRule, image_rule
from bucketwise.nouns.profile import ModelProfile, limits_of_rule
from bucketwise.read.configs.model_folder.fields import (
    CONFIG,
    NATIVE,
    Fields,
    shown,
)
from bucketwise.read.configs.model_folder.sections import (
    IMAGE,
    NESTED,
    VIDEO,
    Files,
    ProcessorClass,
    Section,
    first,
    image_type,
    nested,
    pixel_limits,
    plain_file,
    read_limits,
)

FORMS = ("", "Fast", "Pil")
"""What may stand behind the name of an image class: it counts all the same."""

PREPROCESSOR = "preprocessor"
"""The object that the image processor is made from, wherever it stands."""

MOST_PINPOINTS = 1_000


def family_of(
    families: tuple[Mapping[str, Any], ...],
    config: Mapping[str, Any],
    problems: list[str],
) -> Mapping[str, Any]:
    """Return the one of the families of a `model_type` whose tower a config.json has."""
    vision = config.get("vision_config")
    kind = vision.get("model_type") if isinstance(vision, dict) else None
    asked = [family["folder"].get("vision") for family in families]
    for family, tower in zip(families, asked, strict=True):
        if tower in (None, kind):
            return family
    problems.append(
        f"{CONFIG}: vision_config.model_type: expected {' or '.join(asked)}, got "
        f"{shown(kind)}"
    )
    raise ConfigError(*problems)


def read_by_rule(
    config: Mapping[str, Any],
    files: Files,
    family: Mapping[str, Any],
    sister: ModelProfile,
    problems: list[str],
) -> ModelProfile:
    """Return a published profile with what a folder holds in its place."""
    told = family["folder"]
    plain = plain_file(files, IMAGE, problems)
    section = first(nested(files, "image_processor", problems), plain)
    if section is None and not told.get("needs_processor", True):
        section = Section(f"{IMAGE}: ", {}, problems, file=IMAGE)
    if section is None:
        problems.append(
            f"{IMAGE} is missing and {NESTED} holds no image_processor; one of them is "
            "needed: no processor loads without"
        )
        raise ConfigError(*problems)
    _check_class(section, told["classes"])
    places = {
        CONFIG: Fields(f"{CONFIG}: ", config, problems),
        NESTED: Fields(f"{NESTED}: ", files.get(NESTED, {}), problems),
        NATIVE: Fields(f"{NATIVE}: ", files.get(NATIVE, {}), problems),
        PREPROCESSOR: section,
    }
    for key, (counted, default) in told.get("expected", {}).items():
        _check(places, key, counted, default)
    sides = {
        name: _value(_found(places, key), default)
        for name, (key, default) in told.get("config", {}).items()
    }
    rules = {part: _rule(places, family, part) for part in ("image", "frames")}
    found = replace(
        sister,
        **sides,
        vit=None,
        lm=None,
        family=config["model_type"]
        if family["family"] in told["model_types"]
        else family["family"],
        source=NATIVE if files.get(NATIVE) else f"{CONFIG} and the processor's file",
        notes=(*sister.notes, *_ignored(section)),
    )
    if "image" not in family:
        return _limited(found, section, files, told, problems)
    if problems:
        raise ConfigError(*problems)
    limits = [limits_of_rule(rule, found.patch_px) for rule in rules.values()]
    return replace(
        found,
        image_rule=rules["image"],
        frame_rule=rules["frames"],
        checkpoint=limits[0] or found.checkpoint,
        video=limits[1],
    )


def _check_class(section: Section, classes: list[str]) -> None:
    found = image_type(section.mapping)
    if found is None or found in {name + form for name in classes for form in FORMS}:
        return
    section.problems.append(
        f"{section.at('image_processor_type')}: expected {' or '.join(classes)}, got "
        f"{shown(found)}, whose rule is not known here"
    )


def _check(
    places: Mapping[str, Fields], key: str, counted: object, default: object
) -> None:
    """Add a fault where a value is another than the one that is counted with."""
    fields, last = _at(places, key)
    value = fields.mapping.get(last)
    found = default if value is None else _one(value)
    if found != counted:
        fields.problems.append(
            f"{fields.at(last)}: expected {shown(counted)}, got {shown(found)}"
            f"{' (absent, the default)' if value is None else ''}; no other is counted"
        )


def _rule(
    places: Mapping[str, Fields], family: Mapping[str, Any], part: str
) -> ImageRule | None:
    """Return a rule with the numbers of the folder in their places."""
    if part not in family:
        return None
    keys: Mapping[str, list[Any]] = family["folder"].get(part, {})
    values = dict(family[part])
    for name, (key, *default) in keys.items():
        place = _found(places, key)
        values[name] = _value(place, default[0] if default else values[name])
    section = places[PREPROCESSOR]
    if section.problems:
        return None
    try:
        return image_rule(values)
    except ConfigError as error:
        section.problems.extend(
            f"{section.place.rstrip(': ')}: {each}" for each in error.problems
        )
        return None


def _found(places: Mapping[str, Fields], keys: str | list[str]) -> tuple[Fields, str]:
    """Return the first place that holds a value, of those where forms of a folder have it.

    Without a file a key is one of the processor's object.
    """
    asked = [keys] if isinstance(keys, str) else keys
    found = [
        _at(places, key if ": " in key else f"{PREPROCESSOR}: {key}") for key in asked
    ]
    told = (each for each in found if each[0].mapping.get(each[1]) is not None)
    return next(told, found[0])


def _at(places: Mapping[str, Fields], key: str) -> tuple[Fields, str]:
    """Return the object that "file: outer.inner" leads to, and the key in it."""
    file, keys = key.split(": ")
    fields = places[file]
    *outer, last = keys.split(".")
    for name in outer:
        inner = fields.mapping.get(name)
        if isinstance(inner, int) and not isinstance(inner, bool):
            # One number for both sides, as older files have it.
            return fields, name
        if inner is not None and not isinstance(inner, dict):
            fields.problems.append(
                f"{fields.at(name)}: expected an object, got {shown(inner)}"
            )
        known = inner if isinstance(inner, dict) else {}
        fields = Fields(fields.at(f"{name}."), known, fields.problems)
    return fields, last


def _value(place: tuple[Fields, str], default: Any) -> Any:
    """Return a value of the kind of its default, which holds for null too."""
    fields, key = place
    value = fields.mapping.get(key)
    if value is None:
        return default
    fields = replace(fields, mapping={key: _one(value)})
    if isinstance(default, bool):
        return fields.flag(key, default=default)
    if isinstance(default, int):
        return fields.whole(key, default)
    if isinstance(default, float):
        return fields.rate(key, default)
    return _pairs(fields, key, default)


def _one(value: object) -> object:
    """Return one number where a list has the same for both sides."""
    if isinstance(value, list) and len(value) == 2 and value[0] == value[1]:  # noqa: PLR2004
        return value[0] if isinstance(value[0], int) else value
    return value


def _pairs(fields: Fields, key: str, default: Any) -> Any:
    value = fields.mapping[key]
    right = isinstance(value, list) and 0 < len(value) <= MOST_PINPOINTS
    if right and all(
        isinstance(pair, list)
        and len(pair) == 2  # noqa: PLR2004 - a height and a width
        and all(type(side) is int and side > 0 for side in pair)
        for pair in value
    ):
        return value
    fields.problems.append(
        f"{fields.at(key)}: expected a list of heights and widths such as "
        f"[[336, 672]], got {shown(value)}"
    )
    return default


def _limited(
    found: ModelProfile,
    section: Section,
    files: Files,
    told: Mapping[str, Any],
    problems: list[str],
) -> ModelProfile:
    """Return the profile of a processor that does know limits in pixels."""
    clips_at = first(
        nested(files, "video_processor", problems),
        plain_file(files, VIDEO, problems),
        plain_file(files, IMAGE, problems),
    )
    images = _class(told["classes"][0], told["pixels"])
    name = clips_at.mapping.get("video_processor_type") if clips_at else None
    rules: Mapping[str, Any] = told["clip_classes"]
    if name is not None and name not in rules and clips_at:
        problems.append(
            f"{clips_at.at('video_processor_type')}: expected "
            f"{' or '.join(rules)}, got {shown(name)}"
        )
    limits = read_limits(section, images)
    clips = _class(name or next(iter(rules)), told["clip_pixels"])
    clip_limits = read_limits(clips_at, clips) if clips_at else None
    if problems or clips_at is None or clip_limits is None:
        raise ConfigError(*dict.fromkeys(problems))
    rule = rules[name] if name else found.sampling.rule
    samples = clips_at.flag("do_sample_frames", default=True)
    rate = clips_at.rate("fps", found.sampling.fps) if samples else None
    if problems:
        raise ConfigError(*problems)
    return replace(
        found,
        checkpoint=pixel_limits(section, limits, images),
        video=pixel_limits(clips_at, clip_limits, clips, clip=True),
        sampling=replace(found.sampling, rule=rule, fps=rate),
    )


def _class(name: str, pixels: list[int]) -> ProcessorClass:
    return ProcessorClass(
        name=name,
        pixels=(pixels[0], pixels[1]),
        patch_px=14,
        reads_names=False,
        rule="whole_clip",
        fps=2.0,
    )


def _ignored(section: Section) -> tuple[str, ...]:
    """Say where code of the folder would decide."""
    if not section.mapping.get("auto_map"):
        return ()
    return (f"{section.at('auto_map')} is not followed; no code of the folder is run.",)
