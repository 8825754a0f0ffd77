"""Rules about the options of a serve line, whatever configuration stands on it."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.engines.rbln.model_classes import MODEL_CLASSES
from bucketwise.engines.rbln.releases import written
from bucketwise.engines.rbln.rules.case import RblnCase, vllm
from bucketwise.engines.rbln.serve_options import (
    ADDITIONAL,
    CHANNELS,
    DIRECT_CHANNEL,
    FIELDS_SINCE,
    MODEL_IMPL,
    MODEL_IMPL_SINCE,
    NATIVE_FIELDS,
    NEW_CHANNEL,
    OLD_CHANNEL,
    OPTIMUM_FIELDS,
    REFUSED,
    is_native,
    overruled_by,
    told,
)
from bucketwise.engines.rbln.serving import NO_CLASS
from bucketwise.lint.finding import Finding

_DECODE_VARIABLE = "VLLM_RBLN_DECODE_BATCH_BUCKET_"


def lost_channel(subject: RblnCase) -> Iterator[Finding]:
    """A configuration that another one on the same line overrules: it counts nothing."""
    serve = subject.document.serve
    winner = overruled_by(serve, subject.version) if serve else ""
    if serve is None or not winner:
        return
    yield Finding(
        severity="warning",
        path=(),
        found=f"{serve.channel} beside {winner}",
        why=f"{vllm(subject)} takes {winner} alone and drops this one (config.py, "
        "_resolve); it was not judged",
        right=f"one configuration, by {NEW_CHANNEL}"
        if subject.version >= FIELDS_SINCE
        else f"one configuration, by {OLD_CHANNEL}",
    )


def wrong_channel(subject: RblnCase) -> Iterator[Finding]:
    """A way to hand the configuration over that the release does not have."""
    serve = subject.document.serve
    if serve is None or not serve.channel:
        return
    since = CHANNELS.get(serve.channel)
    if since is None or subject.version < since:
        yield Finding(
            severity="error",
            path=(),
            found=serve.channel,
            why="no release of vllm-rbln has it (config.py)"
            if since is None
            else f"it came with vllm-rbln {written(since)} (config.py)",
            right=OLD_CHANNEL if since else DIRECT_CHANNEL,
        )
    elif serve.channel == OLD_CHANNEL and subject.version >= FIELDS_SINCE:
        yield Finding(
            severity="warning",
            path=(),
            found=serve.channel,
            why=f"{vllm(subject)} warns: its removal is announced for 0.14.0 (config.py)",
            right=f"{ADDITIONAL} '{{\"optimum_overrides\": {{...}}}}'",
        )


def refused_option(subject: RblnCase) -> Iterator[Finding]:
    """An option of vLLM that models of optimum-rbln do not take."""
    serve = subject.document.serve
    if serve is None:
        return
    for each in REFUSED:
        told = serve.flags.get(each.option)
        if told is None or told == each.allowed or subject.version < each.since:
            continue
        if each.allowed and not told.isdecimal():
            continue
        right = each.right.format(value=told)
        if subject.version < FIELDS_SINCE and "--rbln-" in right:
            right = f"VLLM_RBLN_NUM_DEVICES_PER_LOCAL_RANK={told} in the environment"
        yield Finding(
            severity="error",
            path=(),
            found=f"--{each.option} {told}",
            why=f"{vllm(subject)} stops at it for a model of optimum-rbln ({each.source})",
            right=right,
            raises=each.raises,
        )


def foreign_field(subject: RblnCase) -> Iterator[Finding]:
    """An option or key of vllm-rbln that models of optimum-rbln do not take.

    Decode buckets and the like belong to vLLM's own models.
    """
    serve = subject.document.serve
    if serve is None:
        return
    for name, (option, _) in told(serve).items():
        why = _not_taken(name, option, subject)
        if not why or option == serve.channel:
            continue
        yield Finding(
            severity="error",
            path=(),
            found=option or f"{ADDITIONAL} {name}",
            why=f"{why} (config.py, _resolve and add_rbln_cli_args)",
            right="decoder_batch_sizes in the configuration"
            if name.startswith("decode_batch")
            else "leave it out",
            raises="ValueError: additional_config takes only OptimumRBLNConfig fields"
            if subject.version >= FIELDS_SINCE and (name in NATIVE_FIELDS or not option)
            else "",
        )


def _not_taken(name: str, option: str, subject: RblnCase) -> str:
    """Return why a field raises; "" where it does not."""
    if subject.version < FIELDS_SINCE:
        came = f"options --rbln-* came with vllm-rbln {written(FIELDS_SINCE)}"
        return came if option else ""
    if name in NATIVE_FIELDS:
        return "it is for models that vLLM runs itself, and refused for this one"
    if OPTIMUM_FIELDS.get(name, False) or (not option and name in OPTIMUM_FIELDS):
        return ""
    return f"{vllm(subject)} has no such {'option' if option else 'field'}"


def ignored_variable(subject: RblnCase) -> Iterator[Finding]:
    """Decode buckets in the environment: models of optimum-rbln do not read them."""
    serve = subject.document.serve
    if serve is None:
        return
    for name in serve.environment:
        if name.startswith(_DECODE_VARIABLE):
            yield Finding(
                severity="warning",
                path=(),
                found=name,
                why="it is for vLLM's own models; those of optimum-rbln have "
                "decoder_batch_sizes (envs.py; config.py, _env_overrides)",
                right="decoder_batch_sizes in the configuration",
            )


def not_served(subject: RblnCase) -> Iterator[Finding]:
    """A model that vllm-rbln has no class for: one that embeds and does not generate."""
    serve = subject.document.serve
    kind = MODEL_CLASSES.get(subject.family)
    if serve is None or kind is None or kind.generates:
        return
    asked = serve.flags.get("model-impl", "auto")
    raises = f"ValueError: {NO_CLASS}"
    if subject.version >= MODEL_IMPL_SINCE and asked == "auto":
        # It falls to vLLM's own model then, which runs on Rebel100 alone.
        on_atom = (subject.npu or "").startswith("RBLN-CA")
        raises = "ValueError: The vllm model path" if on_atom else ""
    yield Finding(
        severity="error",
        path=(),
        found=f"a {subject.family} model on a line that serves",
        why=f"{vllm(subject)} has no class for it (utils/optimum/registry.py)",
        right=f"load it with {kind.name} of optimum-rbln",
        raises=raises,
    )


def native_path(subject: RblnCase) -> Iterator[Finding]:
    """A model that vLLM runs itself instead of optimum-rbln: it takes no such configuration."""
    serve = subject.document.serve
    if serve is None:
        return
    asked = serve.flags.get("model-impl", "auto")
    if subject.version >= MODEL_IMPL_SINCE and asked not in MODEL_IMPL:
        yield Finding(
            severity="error",
            path=(),
            found=f"--model-impl {asked}",
            why=f"{vllm(subject)} takes {', '.join(MODEL_IMPL)} (config.py)",
            right="leave it out",
            raises="ValueError: unsupported model implementation",
        )
        return
    if not is_native(serve, subject.version):
        return
    on_atom = (subject.npu or "").startswith("RBLN-CA")
    refused = subject.version >= MODEL_IMPL_SINCE and (
        on_atom or bool(subject.document.config)
    )
    yield Finding(
        severity="error" if refused else "warning",
        path=(),
        found="vLLM's own model (--model-impl vllm or VLLM_RBLN_USE_VLLM_MODEL)",
        why="it runs on Rebel100 alone"
        + (
            ", and takes no configuration of optimum-rbln"
            if subject.document.config
            else ""
        )
        + " (config.py, _resolve and _reject_disabled_model_impl); the rest of the line "
        "was not judged",
        right="leave it out",
        raises="ValueError: " if refused else "",
    )
