"""The Python scripts: one compiles the model and saves its processor beside it, one loads both onto their devices."""

from __future__ import annotations

from bucketwise.engines.rbln.emit.comments import (
    assumed_values,
    base_notes,
    bucket_table,
    decoder_table,
    one_line,
    see_compile_script,
    unit_warning,
)
from bucketwise.engines.rbln.emit.context import EmitContext
from bucketwise.engines.rbln.emit.processor_lines import (
    INTO_FOLDER,
    LOCAL_MODEL,
    VERSION_IMPORT,
    commented,
    first_device_lines,
    limit_check,
    limit_constants,
    limit_function,
    python_literal,
)

_MAIN = (
    INTO_FOLDER
    + """\
    # After the model: its folder already holds the checkpoint's processor, whose
    # limits let images through that no bucket holds.
    processor = AutoProcessor.from_pretrained(MODEL_ID)
    set_limits(processor)
    processor.save_pretrained(folder)
CHECK    print(f"compiled into {folder}")


if __name__ == "__main__":
    main()
"""
)


def compile_text(context: EmitContext) -> str:
    """Return compile.py."""
    target = context.target
    script = f"compile{context.unit_suffix}.py"
    title = one_line(f"Compile {context.model.hf_id} for {target.name}.")
    remarks = (
        *unit_warning(context),
        title,
        f"Covers {context.covers}, with transformers {target.transformers}.",
        f"Run: python {script} [FOLDER]",
        "",
        *bucket_table(context),
        *decoder_table(context),
        "",
        *assumed_values(context),
        *base_notes(context),
    )
    config = context.config()
    first_device = first_device_lines(context, "RBLN_CONFIG", config)
    return (
        commented(remarks)
        + "\nimport sys\n"
        + (VERSION_IMPORT if first_device else "")
        + "from pathlib import Path\n\n"
        + f"from optimum.rbln import {context.class_name}\n"
        + "from transformers import AutoProcessor\n\n"
        + (LOCAL_MODEL if context.is_local else "")
        + f"MODEL_ID = {context.model.hf_id!a}\n"
        + f"FOLDER = {context.folder!a}\n\n"
        + limit_constants(context)
        + f"\nRBLN_CONFIG = {python_literal(config)}\n"
        + first_device
        + "\n\n"
        + limit_function(context)
        + _MAIN.replace("CLASS_NAME", context.class_name).replace(
            "CHECK", limit_check(context)
        )
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
        commented(remarks)
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
