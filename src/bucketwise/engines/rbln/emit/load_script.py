"""The Python script that loads a compiled folder onto its devices."""

from __future__ import annotations

from bucketwise.engines.rbln.emit.comments import (
    one_line,
    see_compile_script,
    unit_warning,
)
from bucketwise.engines.rbln.emit.context import EmitContext
from bucketwise.engines.rbln.emit.processor_lines import (
    VERSION_IMPORT,
    first_device_lines,
    limit_constants,
    limit_function,
    python_literal,
)

_LOAD = '''

def load(folder=FOLDER):
    """Return the model, on its devices, and the processor that feeds it."""
    model = CLASS_NAME.from_pretrained(
        folder, export=False, rbln_config=DEVICES
    )
    processor = AutoProcessor.from_pretrained(folder)
    set_limits(processor)
    return model, processor


if __name__ == "__main__":
    model, processor = load(*sys.argv[1:2])
    print(model.rbln_config)
'''


def load_text(context: EmitContext) -> str:
    """Return load.py."""
    target = context.target
    base = context.base.mapping
    devices = context.devices()
    first_device = first_device_lines(context, "DEVICES", devices)
    spread = "device" not in base or "device" not in base["visual"]
    remarks = (
        *unit_warning(context),
        one_line(
            f"Load what compile.py made of {context.model.hf_id} for {target.name}."
        ),
        f"Covers {context.covers}, with transformers {target.transformers}.",
        see_compile_script(context),
    )
    placing = (
        "# ASSUMED: devices from 0 up, the ViT sharing the first. Where memory is\n"
        "# short, give the ViT devices of its own.\n"
        if spread
        else ""
    )
    return (
        "".join(f"# {line}".rstrip() + "\n" for line in remarks)
        + "\nimport sys\n"
        + (VERSION_IMPORT if first_device else "")
        + "\n"
        + f"from optimum.rbln import {context.class_name}\n"
        + "from transformers import AutoProcessor\n\n"
        + f"FOLDER = {context.folder!a}\n\n"
        + limit_constants(context)
        + "\n"
        + placing
        + f"DEVICES = {python_literal(devices)}\n"
        + first_device
        + "\n\n"
        + limit_function(context)
        + _LOAD.replace("CLASS_NAME", context.class_name)
    )
