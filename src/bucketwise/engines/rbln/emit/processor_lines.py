"""Lines that several emitted scripts share: literals, devices, pixel limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bucketwise.engines.rbln.emit.context import WHOLE_CLIP_FAMILIES, EmitContext

VERSION_IMPORT = "from importlib.metadata import version\n"


LOCAL_MODEL = """\
# The base name of the folder the model was read from; where it stands is not recorded.
# Run this beside it, or put its path here.
"""

INTO_FOLDER = '''

def main():
    """Compile into the folder given, or into FOLDER."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else FOLDER)
    if folder.exists() and any(folder.iterdir()):
        # save_pretrained merges into a folder; old graphs would stay beside the new.
        sys.exit(f"{folder} is not empty; give another folder")
    model = CLASS_NAME.from_pretrained(
        MODEL_ID, export=True, rbln_config=RBLN_CONFIG
    )
    model.save_pretrained(folder)
'''
"""How each compile script begins its work; `_MAIN` of each goes on."""


def commented(remarks: Iterable[str]) -> str:
    """Return remarks as comments, a line each."""
    return "".join(f"# {line}".rstrip() + "\n" for line in remarks)


def first_device_lines(
    context: EmitContext, name: str, devices: Mapping[str, Any]
) -> str:
    """Return lines that leave the ViT its first device, where a release splits none.

    A list of several ends in "The number of devices (8) does not match tensor parallel
    size (1)" there (optimum-rbln 0.10.2, modeling_base.py).
    """
    releases = context.unsplit_releases
    if not releases or not isinstance(devices["visual"].get("device"), list):
        return ""
    return (
        f'if version("optimum-rbln") in {releases!r}:\n'
        "    # Compiled for one device, whatever was asked.\n"
        f'    {name}["visual"]["device"] = {name}["visual"]["device"][:1]\n'
    )


def python_literal(value: Any, indent: int = 0) -> str:
    """Return Python source of a JSON value."""
    if not isinstance(value, dict) or not value:
        return ascii(value)
    inner = " " * (indent + 4)
    entries = "".join(
        f"{inner}{key!a}: {python_literal(item, indent + 4)},\n"
        for key, item in value.items()
    )
    return "{\n" + entries + " " * indent + "}"


# transformers 4.57.6 keeps the limits twice: min_pixels and max_pixels win where both
# are set, `size` wins otherwise, and the slow class ignores `size` when it is loaded
# (models/qwen2_vl/image_processing_qwen2_vl.py and image_processing_qwen2_vl_fast.py).
# 5.15.1 has `size` only, but loading lets saved min_pixels and max_pixels replace it
# (models/qwen2_vl/image_processing_qwen2_vl.py). Both names with one value are read
# alike by all of them. Qwen3VLVideoProcessor knows `size` alone.
_SET_LIMITS = '''\
def set_limits(processor):
    """Set both pixel limits under every name a transformers release reads."""
    image = processor.image_processor
    image.size = {"shortest_edge": MIN_PIXELS, "longest_edge": MAX_PIXELS}
    image.min_pixels = MIN_PIXELS
    image.max_pixels = MAX_PIXELS
'''

_SET_VIDEO_SIZE = """\
    video = processor.video_processor
    video.size = {"shortest_edge": VIDEO_MIN_PIXELS, "longest_edge": VIDEO_MAX_PIXELS}
"""

_SET_VIDEO_NAMES = """\
    video.min_pixels = VIDEO_MIN_PIXELS
    video.max_pixels = VIDEO_MAX_PIXELS
"""


_SET_SOFT_TOKENS = '''\
def set_limits(processor):
    """Set what images and frames of clips are scaled to: the graphs take nothing else."""
    processor.image_processor.max_soft_tokens = MAX_SOFT_TOKENS
    processor.video_processor.max_soft_tokens = VIDEO_MAX_SOFT_TOKENS
'''

_CHECK_SIZE = """\
    saved = AutoProcessor.from_pretrained(folder).image_processor.size
    if (saved["shortest_edge"], saved["longest_edge"]) != (MIN_PIXELS, MAX_PIXELS):
        sys.exit(f"{folder}: the saved processor holds other limits: {saved}")
"""

_CHECK_SOFT_TOKENS = """\
    saved = AutoProcessor.from_pretrained(folder).image_processor.max_soft_tokens
    if saved != MAX_SOFT_TOKENS:
        sys.exit(f"{folder}: the saved processor scales images to {saved} soft tokens")
"""


def limit_check(context: EmitContext) -> str:
    """Return the lines that read the saved limits back."""
    return _CHECK_SOFT_TOKENS if context.max_soft_tokens else _CHECK_SIZE


def limit_constants(context: EmitContext) -> str:
    """Return the lines that name the limits."""
    if context.max_soft_tokens:
        return (
            f"MAX_SOFT_TOKENS = {context.max_soft_tokens}\n"
            f"VIDEO_MAX_SOFT_TOKENS = {context.video_soft_tokens}\n"
        )
    limits = context.visual.processor
    lines = f"MIN_PIXELS = {limits.min_pixels}\nMAX_PIXELS = {limits.max_pixels}\n"
    video = context.video_limits
    if video is None and not context.generates:
        return lines
    if video is None:
        return lines + "# Clips keep the checkpoint's own limits.\n"
    return f"{lines}VIDEO_MIN_PIXELS = {video[0]}\nVIDEO_MAX_PIXELS = {video[1]}\n"


def limit_function(context: EmitContext) -> str:
    """Return the definition of `set_limits`."""
    if context.max_soft_tokens:
        return _SET_SOFT_TOKENS
    if context.video_limits is None:
        return _SET_LIMITS
    if context.model.family in WHOLE_CLIP_FAMILIES:
        return _SET_LIMITS + _SET_VIDEO_SIZE
    return _SET_LIMITS + _SET_VIDEO_SIZE + _SET_VIDEO_NAMES
