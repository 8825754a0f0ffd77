"""The shell script that serves a compiled folder with vllm-rbln."""

from __future__ import annotations

import json
import shlex
from typing import Any

from bucketwise.engines.rbln.emit.comments import (
    one_line,
    paragraph,
    see_compile_script,
    unit_warning,
)
from bucketwise.engines.rbln.emit.context import WHOLE_CLIP_FAMILIES, EmitContext
from bucketwise.engines.rbln.emit.processor_lines import commented
from bucketwise.engines.rbln.nesting import nested
from bucketwise.engines.rbln.releases import written
from bucketwise.engines.rbln.serve_options import FIELDS_SINCE, NEW_KEY, OLD_KEY
from bucketwise.engines.rbln.serving import (
    DROPPED_ON_A_FOLDER_SINCE,
    FIXED_LENGTH,
    FIXED_UNTIL,
    fixed_in,
)

NESTED_SINCE = (0, 12, 0)
"""From here on limits of images can be given apart from those of clips."""

_FOLDER_RULES = (
    "It serves the folder that compile.py of optimum-rbln {version} made. vllm-rbln takes "
    "lengths, batch, block size and number of devices from that folder; the flags "
    "below say the same and change nothing. Buckets cannot be given here: on a "
    "compiled folder every override but device is dropped, and raises before "
    "{dropped} (utils/optimum of vllm-rbln)."
)

_BOTH_LIMITS = """\
# Both limits: transformers 4.57 ignores max_pixels alone for checkpoints that store
# `size` (models/qwen2_vl/image_processing_qwen2_vl_fast.py).
"""

_GUARD = """\
FOLDER={folder}
if [ "$#" -gt 0 ]; then
  FOLDER=$1
  shift
fi
if [ ! -f "$FOLDER/rbln_config.json" ]; then
  echo "$FOLDER/rbln_config.json is missing: run {script} first" >&2
  exit 1
fi
"""


def serve_text(context: EmitContext) -> str:
    """Return serve.sh."""
    target = context.target
    remarks = (
        *unit_warning(context),
        one_line(f"Serve {context.model.hf_id} with vllm-rbln {target.vllm_rbln}."),
        *paragraph(_folder_rules(target.version)),
        *paragraph(_compiling_itself(context)),
        see_compile_script(context),
    )
    script = f"compile{context.unit_suffix}.py"
    guard = _GUARD.format(folder=shlex.quote(context.folder), script=script)
    lines = ['exec vllm serve "$FOLDER"', *_flags(context), '"$@"']
    return (
        "#!/usr/bin/env bash\n"
        + commented(remarks)
        + "\nset -euo pipefail\n\n"
        + guard
        + "\n"
        + _environment(context)
        + ("" if context.max_soft_tokens else _BOTH_LIMITS)
        + " \\\n  ".join(lines)
        + "\n"
    )


def _folder_rules(version: str) -> str:
    dropped = written(DROPPED_ON_A_FOLDER_SINCE)
    return _FOLDER_RULES.format(version=version, dropped=dropped)


def _compiling_itself(context: EmitContext) -> str:
    target = context.target
    itself = "would compile one itself"
    if target.least >= FIXED_UNTIL:
        return f"Given a checkpoint instead of a folder, vllm-rbln {itself}."
    fixing = [each for each in target.releases if each < FIXED_UNTIL]
    upto = (
        "" if len(fixing) == len(target.releases) else f" up to {written(fixing[-1])}"
    )
    return (
        f"Given a checkpoint instead of a folder, vllm-rbln{upto} {itself} with visual "
        f"length {FIXED_LENGTH}, which it sets in {fixed_in(fixing[-1])}. A compiled "
        "folder avoids that."
    )


def _environment(context: EmitContext) -> str:
    name = context.target.devices_env
    if not name:
        return ""
    devices = context.base.mapping["num_devices"]
    return f"export {name}={shlex.quote(str(devices))}\n"


def _flags(context: EmitContext) -> list[str]:
    base = context.settings()
    limits = context.visual.processor
    block = base.get("kvcache_partition_len") or base.get("max_seq_len")
    pixels = {"min_pixels": limits.min_pixels, "max_pixels": limits.max_pixels}
    if context.max_soft_tokens:
        pixels = {"max_soft_tokens": context.max_soft_tokens}
    flags = [_flag("--served-model-name", context.model.hf_id)]
    for name, value in (
        ("--block-size", block),
        ("--max-model-len", base.get("max_seq_len")),
        ("--max-num-seqs", base.get("batch_size")),
    ):
        if value is not None:
            flags.append(_flag(name, str(value)))
    if not context.target.devices_env:
        devices = str(context.base.mapping["num_devices"])
        flags.append(_flag("--rbln-num-devices-per-local-rank", devices))
    kwargs = {"images_kwargs": pixels} if _budgets_clips(context) else pixels
    flags.append(_flag("--mm-processor-kwargs", json.dumps(kwargs)))
    if not context.clips:
        # Nobody sent a clip: the lengths are for images, and a clip may need more.
        flags.append(_flag("--limit-mm-per-prompt", json.dumps({"video": 0})))
    placed = _placed_devices(context)
    if placed:
        key = NEW_KEY if context.target.parsed >= FIELDS_SINCE else OLD_KEY
        flags.append(_flag("--additional-config", json.dumps({key: placed})))
    return flags


def _budgets_clips(context: EmitContext) -> bool:
    """Return whether flat limits would become the budget of a whole clip, or of frames.

    vLLM 0.30, which vllm-rbln 0.12.0 pins (vllm/model_executor/models/qwen3_vl.py and
    gemma4_mm.py): nested, they are for images alone.
    """
    apart = context.target.parsed >= NESTED_SINCE
    own = context.model.family in WHOLE_CLIP_FAMILIES or context.max_soft_tokens > 0
    return apart and own


def _placed_devices(context: EmitContext) -> dict[str, Any]:
    """Return the device numbers the base names: the one override a folder takes."""
    base = context.base.mapping
    placed: dict[str, Any] = {}
    if "device" in base:
        placed["device"] = base["device"]
    if "device" in base["visual"]:
        placed["visual"] = {"device": base["visual"]["device"]}
    return nested(placed, context.model.family) if placed else {}


def _flag(name: str, value: str) -> str:
    # A value that begins with a dash would be read as the next option.
    between = "=" if value.startswith("-") else " "
    return f"{name}{between}{shlex.quote(value.replace(chr(0), ''))}"
