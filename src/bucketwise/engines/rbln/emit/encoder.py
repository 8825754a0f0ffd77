"""A plan for a text encoder -> the text of every file an operator runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bucketwise.core.encoder.plan import EncoderPlan
from bucketwise.engines.rbln.emit.comments import (
    NPU_NOTE,
    one_line,
    paragraph,
    share_text,
)
from bucketwise.engines.rbln.emit.processor_lines import (
    INTO_FOLDER,
    LOCAL_MODEL,
    commented,
    python_literal,
)
from bucketwise.engines.rbln.encoders import ENCODERS, LISTS_SINCE, takes_lists
from bucketwise.engines.rbln.releases import written
from bucketwise.engines.rbln.targets import RblnTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderContext:
    """One plan for one dialect."""

    plan: EncoderPlan
    target: RblnTarget
    npu: str | None = None
    """The NPU to compile for; None leaves it to the host."""

    @property
    def lengths(self) -> tuple[int, ...]:
        """The lengths that the dialect compiles: before 0.11.0 the longest alone."""
        return self.plan.lengths_on(lists=takes_lists(self.target.least))

    @property
    def folder(self) -> str:
        """Name of the compiled folder."""
        return self.target.compiled_folder(self.plan.model.name)

    @property
    def covers(self) -> str:
        """The releases the text is for, in words."""
        return self.target.covers_since(ENCODERS[self.plan.model.family].since)

    def config(self) -> dict[str, Any]:
        """Return the configuration."""
        lengths = self.lengths
        found: dict[str, Any] = {
            "cls_name": f"{self.plan.model.class_name}Config",
            "max_seq_len": list(lengths) if len(lengths) > 1 else lengths[0],
            "batch_size": 1,
        }
        return found | ({"npu": self.npu} if self.npu else {})


def emit_encoder(
    plan: EncoderPlan, targets: Sequence[RblnTarget], *, npu: str | None = None
) -> dict[str, dict[str, str]]:
    """Return every file for every dialect, by dialect and path among the results."""
    return {
        target.version: {
            f"{target.folder}/{name}": text(
                EncoderContext(plan=plan, target=target, npu=npu)
            )
            for name, text in ENCODER_EMITTERS.items()
        }
        for target in targets
    }


def config_text(context: EncoderContext) -> str:
    """Return rbln_config.json."""
    return json.dumps(context.config(), indent=2, allow_nan=False) + "\n"


_MAIN = (
    INTO_FOLDER
    + """\
    tokenizer = AutoTokenizer.from_pretrained(MODEL_ID)
    # What is longer than the longest graph raises; the saved tokenizer cuts there.
    tokenizer.model_max_length = MAX_TOKENS
    tokenizer.save_pretrained(folder)
    print(f"compiled into {folder}")


if __name__ == "__main__":
    main()
"""
)


def compile_text(context: EncoderContext) -> str:
    """Return compile.py."""
    model, target = context.plan.model, context.target
    remarks = (
        one_line(f"Compile {model.hf_id} for {target.name}."),
        f"Covers {context.covers}, with transformers {target.transformers}.",
        "Run: python compile.py [FOLDER]",
        *_class_remarks(context),
        "",
        *_length_table(context),
        *_npu_remarks(context),
    )
    return (
        commented(remarks)
        + "\nimport sys\nfrom pathlib import Path\n\n"
        + f"from optimum.rbln import {model.class_name}\n"
        + "from transformers import AutoTokenizer\n\n"
        + ("" if "/" in model.hf_id else LOCAL_MODEL)
        + f"MODEL_ID = {model.hf_id!a}\n"
        + f"FOLDER = {context.folder!a}\n\n"
        + f"MAX_TOKENS = {context.lengths[-1]}\n"
        + f"RBLN_CONFIG = {python_literal(context.config())}\n"
        + _MAIN.replace("CLASS_NAME", model.class_name)
    )


_LOAD = '''

def load(folder=FOLDER):
    """Return the model and the tokenizer that feeds it."""
    model = CLASS_NAME.from_pretrained(folder, export=False)
    return model, AutoTokenizer.from_pretrained(folder)


def encode(tokenizer, text):
    """Cut a text at the longest graph; PADDED_SAID."""
    return tokenizer(
        text,
        truncation=True,
        max_length=MAX_TOKENS,
        padding=PADDING,
        return_tensors="pt",
    )


if __name__ == "__main__":
    model, tokenizer = load(*sys.argv[1:2])
    inputs = encode(tokenizer, "A text.")
    print(inputs["input_ids"].shape, model.rbln_config)
'''


def load_text(context: EncoderContext) -> str:
    """Return load.py."""
    model, target, several = (
        context.plan.model,
        context.target,
        len(context.lengths) > 1,
    )
    remarks = (
        one_line(f"Load what compile.py made of {model.hf_id} for {target.name}."),
        f"Covers {context.covers}, with transformers {target.transformers}.",
        "What each length serves: see the top of compile.py.",
    )
    body = (
        _LOAD.replace("CLASS_NAME", model.class_name)
        .replace(
            "PADDED_SAID",
            "the runtime pads it" if several else "pad it to that length",
        )
        .replace("padding=PADDING", f"padding={False if several else 'max_length'!r}")
    )
    return (
        commented(remarks)
        + "\nimport sys\n\n"
        + f"from optimum.rbln import {model.class_name}\n"
        + "from transformers import AutoTokenizer\n\n"
        + f"FOLDER = {context.folder!a}\n\n"
        + f"MAX_TOKENS = {context.lengths[-1]}\n"
        + body
    )


ENCODER_EMITTERS: dict[str, Callable[[EncoderContext], str]] = {
    "rbln_config.json": config_text,
    "compile.py": compile_text,
    "load.py": load_text,
}
"""File name -> its text."""


def _class_remarks(context: EncoderContext) -> tuple[str, ...]:
    """Return which class it is for, and what else the family has."""
    model = context.plan.model
    others = [
        f"RBLN{each}"
        for each in ENCODERS[model.family].architectures
        if each != model.architecture
    ]
    said = f"{model.auto_class} picks the same class for this checkpoint."
    if ENCODERS[model.family].note:
        said += f" {ENCODERS[model.family].note}"
    if others:
        said += f" For another head: {', '.join(others)}; costs differ, lengths hold."
    return paragraph(said)


def _length_table(context: EncoderContext) -> tuple[str, ...]:
    """Return the lengths, in tokens, and what each serves."""
    plan, lengths = context.plan, context.lengths
    if len(lengths) == 1:
        why = ""
        if len(plan.encoder.lengths) > 1:
            why = (
                f" Releases before {written(LISTS_SINCE)} take one length, so that of "
                f"{len(plan.encoder.lengths)} planned the longest stays."
            )
        return paragraph(
            f"max_seq_len counts tokens. One length of {lengths[0]:,}: the runtime pads "
            f"nothing, and takes that shape alone.{why}"
        )
    rows = [
        "max_seq_len counts tokens. Each length and what it serves:",
        "   tokens  share of texts",
        *(
            f"  {use.tokens:>7,}  {share_text(use.share):>14}"
            for use in plan.encoder.buckets
        ),
    ]
    for warning in plan.warnings:
        if warning.severity == "warning":
            rows += ["", *paragraph(f"WARNING: {warning.words}")]
    return tuple(rows)


def _npu_remarks(context: EncoderContext) -> tuple[str, ...]:
    if context.npu:
        return ()
    return ("", NPU_NOTE)
