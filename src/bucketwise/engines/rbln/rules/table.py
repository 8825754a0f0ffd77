"""Will this configuration work: one rule a function, all of them in one table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from bucketwise.engines.rbln.nesting import NESTINGS, nested_path
from bucketwise.engines.rbln.rules import (
    attention,
    blocks,
    buckets,
    classes,
    decoder,
    devices,
    encoder,
    keys,
    language,
    loading,
    memory,
    serve_blocks,
    server,
    serving,
    soft_tokens,
)
from bucketwise.engines.rbln.rules.case import RblnCase
from bucketwise.engines.rbln.serving import LANGUAGE_MODELS
from bucketwise.lint.finding import Check, Finding, Reported, Rule, gravest_first
from bucketwise.nouns.document import LENGTHS_ALONE, Path
from bucketwise.words.text import worded

_OF_LANGUAGE = frozenset({"decoder", "language", "attention", "blocks"})
"""Modules with rules about a language model, wherever it stands."""

_OF_EVERY_CLASS = frozenset({"keys/renamed-key", "attention/unknown-npu"})
"""Rules that judge a text encoder, too."""

_OF_NAMES = frozenset({"keys/wrong-key", "keys/renamed-key"})
"""Rules about the names of settings, at whatever level."""


@dataclass(frozen=True, slots=True)
class RblnRule(Rule):
    """One rule, and which forms of a configuration it judges.

    `at_load` says that it applies to what is given at load as well, where the compile has
    decided the rest; `whatever_counts` that it applies to a configuration that nothing
    reads, too; `above` that it is about the level above that of the language model.
    `on_lengths` says that it judges the ViT lengths, which is all that a bare
    list of them tells.
    """

    at_load: bool = False
    whatever_counts: bool = False
    above: bool = False

    @property
    def on_lengths(self) -> bool:
        """Whether it judges the lengths alone."""
        return self.id.startswith("buckets/") or self.of_encoders

    @property
    def of_encoders(self) -> bool:
        """Whether it is about text encoders, and nothing else is."""
        return self.id.startswith("encoder/")

    def applies(self, subject: RblnCase) -> bool:
        """Return whether it has something to say of this form of configuration."""
        if not subject.counts:
            return self.whatever_counts
        if self.of_encoders != bool(subject.encoder_family):
            return self.id in _OF_EVERY_CLASS and bool(subject.encoder_family)
        form = subject.document.form
        if form in LENGTHS_ALONE:
            return self.on_lengths
        if self.above and not subject.inside:
            return False
        return self.at_load or form != "load"


def _named(
    module: str,
    *checks: Check,
    at_load: bool = False,
    whatever_counts: bool = False,
    above: bool = False,
) -> tuple[RblnRule, ...]:
    return tuple(
        RblnRule(
            f"{module}/{check.__name__.replace('_', '-')}",
            check,
            at_load,
            whatever_counts,
            above,
        )
        for check in checks
    )


RULES: tuple[RblnRule, ...] = (
    *_named(
        "keys",
        keys.wrong_key,
        keys.renamed_key,
        keys.visual_batch_size,
        classes.wrong_class_name,
        classes.unknown_class,
        at_load=True,
    ),
    *_named(
        "keys",
        keys.missing_buckets,
        keys.visual_not_a_mapping,
        keys.wrong_submodule,
        keys.create_runtimes,
        keys.inherited_devices,
        classes.auto_class,
        classes.class_too_new,
    ),
    *_named(
        "keys",
        classes.no_language_model,
        classes.no_effect_above,
        classes.forced_within,
        above=True,
    ),
    *_named(
        "buckets",
        buckets.no_lengths,
        buckets.unaligned_bucket,
        buckets.overflow_possible,
        buckets.merged_unit,
        buckets.image_too_long,
        buckets.bucket_never_hit,
        buckets.wasteful_lengths,
        buckets.bucket_use,
        buckets.duplicate_bucket,
        buckets.dead_bucket,
        buckets.oversized_top,
        buckets.unpublished_length,
        buckets.many_buckets,
    ),
    *_named(
        "encoder",
        encoder.list_of_lengths_too_early,
        encoder.no_token_lengths,
        encoder.length_beyond_positions,
        encoder.repeated_length,
        encoder.text_too_long,
        encoder.unknown_encoder_key,
        encoder.encoder_too_new,
    ),
    *_named(
        "soft-tokens",
        soft_tokens.chunk_below_count,
        soft_tokens.chunk_never_used,
        soft_tokens.count_not_compiled,
        soft_tokens.unsupported_count,
        soft_tokens.wrong_level,
    ),
    *_named(
        "decoder",
        decoder.no_batch_sizes,
        decoder.batch_size_not_among_graphs,
        decoder.batch_size_exceeded,
        decoder.batch_size_appended,
        decoder.tuple_of_batch_sizes,
        decoder.duplicate_batch_size,
        decoder.graphs_never_used,
    ),
    *_named(
        "language",
        language.wrong_batch_size,
        language.no_whole_number,
        language.token_ids_for_the_language_model,
        language.position_ids_without_mask,
        language.several_logits,
        language.wrong_phases,
        language.position_ids_of_qwen3_5,
        language.wrong_quantization,
        language.gdn_chunk,
    ),
    *_named(
        "attention",
        attention.missing_context,
        attention.partition_does_not_divide,
        attention.partition_out_of_range,
        attention.context_too_long_for_eager,
        attention.wrong_block_size,
        attention.wrong_attention,
        attention.odd_prefill_chunk,
        attention.unknown_npu,
        attention.context_too_short_for_traffic,
    ),
    *_named(
        "blocks",
        blocks.too_few_blocks,
        blocks.too_many_blocks,
        blocks.fewer_blocks_than_batch,
        blocks.pool_below_batch_and_context,
        blocks.budget_beside_blocks,
        blocks.wrong_budget,
    ),
    *_named(
        "devices",
        devices.wrong_device_count,
        devices.device_list_length,
        devices.wrong_device,
        devices.no_split_on_rebel,
        devices.vit_not_split,
        at_load=True,
    ),
    *_named(
        "memory",
        memory.blocks_beyond_memory,
        memory.cache_below_context,
        memory.shared_devices_overfull,
        memory.compile_loads_what_does_not_fit,
        memory.vit_inputs_too_large,
    ),
    *_named(
        "loading",
        loading.compiled_setting_at_load,
        loading.ignored_at_load,
        loading.no_runtimes_at_load,
        loading.old_folder,
        at_load=True,
    ),
    *_named(
        "serving",
        serving.dropped_override,
        serving.override_too_early,
        serving.derived_conflict,
        serving.blocks_beside_budget,
        serving.dtype_override,
        serve_blocks.missing_block_size,
        serve_blocks.block_beside_partition,
        serve_blocks.single_block,
        serve_blocks.chunks_in_a_block,
        serve_blocks.prefill_chunk,
        serving.fixed_length,
        serving.one_pixel_limit,
        serving.overruled_option,
        server.refused_option,
        server.foreign_field,
        server.ignored_variable,
    ),
    *_named(
        "serving",
        server.lost_channel,
        server.wrong_channel,
        server.native_path,
        server.not_served,
        whatever_counts=True,
    ),
)
"""Every rule, in the order reports tell them; its id is group and function."""


def every_rule() -> tuple[RblnRule, ...]:
    """Return every rule."""
    return RULES


def judge(subject: RblnCase, rules: Iterable[Rule] = RULES) -> tuple[Reported, ...]:
    """Apply every rule to a configuration."""
    found = [
        Reported(
            rule=rule.id,
            finding=finding,
            place=subject.document.place(finding.path),
        )
        for rule in map(_placed, rules)
        if rule.applies(subject)
        for each in _found(rule, subject)
        for finding in [_as_given(each, subject)]
    ]
    return gravest_first(found)


def _as_given(finding: Finding, subject: RblnCase) -> Finding:
    """Return a finding with the keys and the words of the configuration's own family."""
    family, given = subject.family, subject.as_given
    if family not in NESTINGS:
        return finding

    def path(keys: Path) -> Path:
        return nested_path(keys, given, family)

    return replace(
        finding,
        path=path(finding.path),
        found=worded(finding.found, family),
        why=worded(finding.why, family),
        right=worded(finding.right, family),
        fixes=tuple(replace(fix, path=path(fix.path)) for fix in finding.fixes),
    )


def _found(rule: RblnRule, subject: RblnCase) -> Iterator[Finding]:
    """Yield what a rule says, with paths from the top of the text."""
    if rule.above:
        yield from rule.check(subject)
        return
    for finding in rule.check(subject):
        yield _under(subject.inside, finding)
    if subject.inside and rule.id in _OF_NAMES:
        yield from rule.check(replace(subject, above=True))
    yield from _below(rule, subject)


def _under(path: Path, finding: Finding) -> Finding:
    """Return a finding of a level as one of the text that holds it."""
    if not path:
        return finding
    fixes = (replace(fix, path=(*path, *fix.path)) for fix in finding.fixes)
    return replace(finding, path=(*path, *finding.path), fixes=tuple(fixes))


def _below(rule: RblnRule, subject: RblnCase) -> Iterator[Finding]:
    """Yield what a rule about a language model says of one that is a submodule."""
    if not subject.is_unknown_class or rule.id.partition("/")[0] not in _OF_LANGUAGE:
        return
    for name in LANGUAGE_MODELS:
        level = subject.config.get(name)
        if not isinstance(level, Mapping):
            continue
        document = replace(subject.document, config=level, serve=None, form="compile")
        for finding in rule.check(replace(subject, document=document)):
            yield _under((name,), finding)


def _placed(rule: Rule) -> RblnRule:
    """Return a rule with its forms; one of somebody else's judges what is compiled."""
    return rule if isinstance(rule, RblnRule) else RblnRule(rule.id, rule.check)
