"""`bucketwise models` and `bucketwise targets`."""

from __future__ import annotations

import click


@click.command(epilog="Example: bucketwise models")
def models() -> None:
    """List the built-in models: patch, limits in pixels, and where they come from.

    Text encoders stand last, with the longest text each takes.
    """
    from bucketwise.app.built_in import encoders
    from bucketwise.app.built_in import models as built_in

    for profile in built_in():
        deployed = profile.deployment or profile.checkpoint
        click.echo(
            f"{profile.name:<22} {profile.hf_id}\n"
            f"    patch {profile.patch_px} px, merge {profile.merge}, buckets are "
            f"multiples of {profile.align}"
        )
        if profile.image_rule:
            click.echo(f"    images {profile.image_rule.words}")
            continue
        click.echo(
            f"    checkpoint {profile.checkpoint.min_pixels:,} to "
            f"{profile.checkpoint.max_pixels:,} px ({profile.checkpoint.source})\n"
            f"    default    {deployed.min_pixels:,} to {deployed.max_pixels:,} px "
            f"({deployed.source})"
        )
    for encoder in encoders():
        click.echo(
            f"{encoder.name:<22} {encoder.hf_id}\n"
            f"    text encoder (--lengths), {encoder.class_name}, up to "
            f"{encoder.max_tokens:,} tokens ({encoder.limit_source})"
        )


@click.command(epilog="Example: bucketwise targets")
def targets() -> None:
    """List the engines and the releases that text is emitted for.

    For each engine the unit of its lists, what an input above the top meets, and how
    what is said of it was proven, and the script that `bucketwise measure` writes.
    """
    from bucketwise.app.built_in import targets as dialects
    from bucketwise.engines import engines
    from bucketwise.nouns.engine import OVERFLOWS

    known = dialects()
    for engine in engines():
        unit = engine.unit.replace("_", " ").replace("vit", "ViT")
        lists = "no ViT lengths to choose" if engine.no_lengths else f"lists in {unit}"
        click.echo(
            f"{engine.name}: {lists}; a larger input "
            f"{OVERFLOWS[engine.overflow][0]}; proven: {engine.proof}"
        )
        if engine.measuring:
            click.echo(f"  bucketwise measure: {engine.measuring.proof}")
        for target in (each for each in known if each.sdk == engine.sdk):
            keys = f": {target.keys}" if target.keys else ""
            click.echo(f"  {target.name:<21} for {target.covers}{keys}")
