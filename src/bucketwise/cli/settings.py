"""Values that commands build from their options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from bucketwise.cli.progress import shown_progress
from bucketwise.cli.terminal import say
from bucketwise.errors import ConfigError, UsageError
from bucketwise.words.numbers import plural

if TYPE_CHECKING:
    from bucketwise.app.options.commands import CountOptions
    from bucketwise.core.optimize.choose import GraphPrice
    from bucketwise.nouns.activity import Evidence
    from bucketwise.nouns.document import Document
    from bucketwise.nouns.engine import Base, Engine
    from bucketwise.nouns.traffic import Traffic
    from bucketwise.nouns.vocabulary import Vocabulary
    from bucketwise.read.configs.scenarios import GivenLengths
    from bucketwise.read.progress import Progress

PRICE_TERMS = ("graph_minutes", "images_per_day", "keep_days", "vit_tflops")
BASE_OPTIONS = ("devices", "max_seq_len", "kvcache_partition_len", "npu")
"""What is set over the configuration that emitted ones start from."""

READING = ("max_bad_rows", "ignore_orientation", "places", "half_life_s", "k_anonymity")
MOST_NOTES = 20
"""Told on a terminal; a folder of a thousand tables has more."""


def limits_line(asked: CountOptions) -> str:
    """Say which model, release and limits are in force, and where the limits come from."""
    from bucketwise.app.built_in import newest, release_of
    from bucketwise.app.preprocessing import preprocessing_of
    from bucketwise.core.limits import image_limits
    from bucketwise.read.configs.profiles import find_profile

    release = release_of(asked.target)
    profile = release.engine.as_run(find_profile(asked.model))
    preprocessing = preprocessing_of(profile, asked, deployed=False)
    image = preprocessing.image
    line = f"{profile.name}, {newest(asked.target).name}, "
    clip = preprocessing.clip
    if profile.image_rule:
        line += f"images {profile.image_rule.words}"
    else:
        line += (
            f"image limits {image.min_pixels:,} to {image.max_pixels:,} px "
            f"({image.source})"
        )
    if profile.frame_rule:
        line += f", frames of clips {profile.frame_rule.words}"
    elif clip != image:
        line += (
            f", video limits {clip.min_pixels:,} to {clip.max_pixels:,} px "
            f"({clip.source})"
        )
    notes = [*profile.notes]
    deployed = image_limits(profile, *asked.limits, deployed=True)
    if deployed.max_pixels != image.max_pixels:
        notes.append(
            f"analyze takes max_pixels {deployed.max_pixels:,} ({deployed.source}); "
            f"--max-pixels {deployed.max_pixels} does so here"
        )
    return "\n".join((line, *(f"note: {note}" for note in notes)))


def reading_of(options: dict[str, Any]) -> dict[str, Any]:
    """Return how inputs are to be read."""
    return {name: options[name] for name in READING if name in options}


def reading_record(options: dict[str, Any]) -> dict[str, Any]:
    """Return how inputs were read, and where options come from, as results record it."""
    config = options["config"] if options["places"] else None
    half_life_s = options.get("half_life_s")
    k_anonymity = options.get("k_anonymity", 1)
    return {
        **({"config": config} if config else {}),
        "columns": options["columns"],
        "max_bad_rows": options["max_bad_rows"],
        "ignore_orientation": options["ignore_orientation"],
        "no_places": not options["places"],
        **({"half_life_s": half_life_s} if half_life_s else {}),
        **({"k_anonymity": k_anonymity} if k_anonymity > 1 else {}),
    }


def read_sizes(options: dict[str, Any]) -> Traffic:
    """Read inputs for their sizes alone; every column that is named must be there."""
    from bucketwise.read import read_traffic
    from bucketwise.read.tables.naming import Naming

    naming = Naming(options["columns"])
    with shown_progress(quiet=options.get("quiet", False)) as progress:
        traffic = read_traffic(
            options["inputs"], columns=naming, progress=progress, **reading_of(options)
        )
    naming.check(of_load=False)
    return traffic


def check_log_format(options: dict[str, Any]) -> None:
    """Refuse a format of lines where no file has such."""
    if options["log_format"] is not None:
        message = "--log-format says how --activity is written; name that, too"
        raise click.UsageError(message)


def read_with_activity(
    options: dict[str, Any], progress: Progress | None
) -> tuple[Traffic, Evidence | None]:
    """Read the sizes, and what the decoder carried from files of its own."""
    from bucketwise.read import read_evidence, read_traffic
    from bucketwise.read.by_scenario import read_scenarios
    from bucketwise.read.tables.naming import Naming

    naming, scenarios = Naming(options["columns"], apart=True), options.get("scenarios")
    reading = {**reading_of(options), "progress": progress}
    if scenarios:
        traffic = read_scenarios(scenarios, columns=naming, **reading)
    else:
        traffic = read_traffic(options["inputs"], columns=naming, **reading)
    if not options["activity"]:
        naming.check(of_load=False)
        return traffic, None
    for of_sizes in ("ignore_orientation", "half_life_s", "k_anonymity"):
        reading.pop(of_sizes, None)
    evidence = read_evidence(
        options["activity"],
        columns=naming,
        log_format=options["log_format"],
        **reading,
    )
    naming.check()
    return traffic, evidence


def say_notes(traffic: Traffic) -> None:
    """Say on standard error what was read as what, once where many inputs are alike."""
    names: dict[str, list[str]] = {}
    for record in traffic.inputs:
        for note in record.notes:
            names.setdefault(note, []).append(record.name)
    for note, [first, *others] in islice(names.items(), MOST_NOTES):
        also = f" and {plural(len(others), 'other')}" if others else ""
        say(f"{first}{also}: {note}", err=True)
    if len(names) > MOST_NOTES:
        say(f"and {plural(len(names) - MOST_NOTES, 'more note')} like these", err=True)
    for note in traffic.notes:
        say(f"note: {note}", err=True)
    for rejection in traffic.rejections:
        places = ", ".join(map(str, rejection.places))
        rows = plural(rejection.count, "row")
        say(f"{rows} rejected, {rejection.reason}: {places}", err=True)


def installed_here(sdk: str) -> tuple[str, ...]:
    """Say which release of an SDK is installed here; it is told, never decides."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return (f"{sdk} {version(sdk)} is installed here.",)
    except PackageNotFoundError:
        return ()


def graph_price(options: dict[str, Any]) -> GraphPrice | None:
    """Return the price of one more graph; all four terms or none.

    A measured cost tells the speed of the ViT, may tell the minutes, and has a use of its
    own for the images of a day.
    """
    from bucketwise.core.cost import COSTS, MEASURE

    measured = options["cost"] not in (None, *COSTS)
    terms = PRICE_TERMS[:-1] if measured else PRICE_TERMS
    given = {name: options[name] for name in PRICE_TERMS if options[name] is not None}
    minutes = given.get("graph_minutes")
    if measured and "vit_tflops" in given:
        message = "--vit-tflops: a measured cost tells the time; leave it out"
        raise click.UsageError(message)
    if options["price_per_device_hour"] and not measured:
        message = f"--price-per-device-hour: money needs a measured cost; {MEASURE}"
        raise click.UsageError(message)
    alone = {"graph_minutes", "images_per_day"} if measured else {"graph_minutes"}
    if {*given} <= alone:
        return None
    if isinstance(minutes, dict):
        message = "--graph-minutes: the price of a graph needs one number of minutes, got minutes by length"
        raise click.UsageError(message)
    missing = [
        f"--{name.replace('_', '-')}"
        for name in terms
        if name not in given and not (measured and name == "graph_minutes")
    ]
    if missing:
        message = f"the price of a graph needs {', '.join(missing)} too"
        raise click.UsageError(message)
    from bucketwise.core.optimize.choose import GraphPrice

    return GraphPrice(**{"graph_minutes": None, **given})


def current_of(text: str | None, words: Vocabulary) -> GivenLengths | None:
    """Return the lengths `--current` names."""
    if text is None:
        return None
    from bucketwise.read.configs.scenarios import read_lengths

    with lengths_as_usage(text):
        return read_lengths(text, words, "--current")


@contextmanager
def lengths_as_usage(text: str) -> Iterator[None]:
    """Refuse numbers that are no lengths as wrong usage: they are not of a file."""
    try:
        yield
    except ConfigError as error:
        if re.fullmatch(r"[-+0-9,\s]+", text):
            raise UsageError(*error.problems) from error
        raise


def base_document(text: str | None, words: Vocabulary) -> tuple[Document, ...]:
    """Return what `--base` names."""
    if text is None:
        return ()
    from bucketwise.read.configs.documents import read_documents

    return read_documents(text, words)


def config_in_service(documents: tuple[Document, ...]) -> Document | None:
    """Return the configuration of today to judge; lengths alone are none."""
    from bucketwise.nouns.document import LENGTHS_ALONE

    whole = [each for each in documents if each.form not in LENGTHS_ALONE]
    return whole[0] if whole else None


def base_config(
    engine: Engine,
    model: str,
    documents: tuple[Document, ...],
    options: dict[str, Any],
) -> Base | None:
    """Return the configuration emitted ones start from; None where none can be.

    What `--base` names, else what `--current` does, else the published one; the single
    options are set over it.
    """
    from bucketwise.read.configs.profiles import DEFAULT_MODEL, find_profile
    from bucketwise.read.configs.scenarios import config_in

    family = find_profile(model or DEFAULT_MODEL).family
    names = (*BASE_OPTIONS, "batch_size")
    over = {name: options[name] for name in names if options[name] is not None}
    read = config_in(documents, engine.vocabulary)
    if not documents and not over and not engine.compiles(family):
        return None  # nothing to emit, and nothing was asked for
    # A bare list of lengths is today's buckets and no configuration.
    given = read if read and read.mapping else None
    if given and not options["places"]:
        given = replace(given, name="a file")
    try:
        return engine.base_of(family, given, over)
    except ConfigError as error:
        if not over:
            raise
        # Where the file alone would do, it is the options that are wrong.
        engine.base_of(family, given, {})
        raise UsageError(*error.problems) from error
