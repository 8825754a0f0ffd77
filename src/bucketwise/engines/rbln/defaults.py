"""What a release makes of a setting that nobody gives: a value, or an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bucketwise.engines.rbln.attention import EAGER, MAX_GDN_CHUNK
from bucketwise.engines.rbln.keys import (
    BOTH,
    BUCKETS,
    COLQWEN2,
    DEVICES,
    GEMMA4,
    OLD_BUCKETS,
    OLD_DEVICES,
    QWEN3_5,
    TOP,
    VISUAL,
    Level,
    right_name,
)
from bucketwise.engines.rbln.releases import OLDEST, Version

CHECKPOINT = "the checkpoint"
"""Stands in `follows` for what config.json of the model says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unset:
    """A setting that is left out."""

    name: str
    """The setting, as the releases call it."""
    levels: tuple[Level, ...]
    """Where it is left out."""
    value: Any = None
    """What it is then; JSON."""
    follows: tuple[str, ...] = ()
    """Settings that decide instead, where they are given: the first of them."""
    raises: str = ""
    """The error where there is nothing that it could be; "" for none."""
    npu: str = ""
    """Start of the NPU's name; "" for any that no other row is about."""
    families: frozenset[str] = frozenset()
    """Model families it is so for; empty for all."""
    since: Version = OLDEST
    """The first release that does so."""
    until: Version | None = None
    """The first that does otherwise; None where none does."""
    source: str
    """Where it stands, in the newest release it is so in."""

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return bool(self.raises)


_BASE = "configuration_utils.py, RBLNModelConfig"
_DECODER = (
    "transformers/models/decoderonly/configuration_decoderonly.py, "
    "RBLNDecoderOnlyModelConfig.__init__"
)
_ATTENTION = "transformers/modeling_attention_utils.py, set_default_values"
_EXPORT = "transformers/models/decoderonly/modeling_decoderonly.py, _update_rbln_config"
_VISION = (
    "transformers/models/<family>/configuration_<family>.py, the class of the vision "
    "model"
)

UNSET: tuple[Unset, ...] = (
    Unset(
        name=OLD_BUCKETS,
        levels=VISUAL,
        raises=f"ValueError: '{OLD_BUCKETS}' must be specified",
        until=(0, 10, 4),
        source=f"optimum-rbln 0.10.3, {_VISION}",
    ),
    Unset(
        name=BUCKETS,
        levels=VISUAL,
        raises=f"ValueError: '{BUCKETS}' must be specified",
        since=(0, 10, 4),
        source=f"optimum-rbln 0.12.0, {_VISION}",
    ),
    Unset(
        name="batch_size",
        levels=VISUAL,
        value=1,
        families=QWEN3_5,
        since=(0, 11, 1),
        source="optimum-rbln 0.12.0, transformers/models/qwen3_5/"
        "configuration_qwen3_5.py",
    ),
    Unset(
        name="batch_size",
        levels=VISUAL,
        value=1,
        families=GEMMA4,
        since=(0, 11, 1),
        source="optimum-rbln 0.11.1, transformers/models/gemma4/"
        "configuration_gemma4.py",
    ),
    Unset(
        name="batch_size",
        levels=VISUAL,
        value=1,
        since=(0, 11, 2),
        source=f"optimum-rbln 0.12.0, {_VISION}",
    ),
    Unset(
        name="create_runtimes",
        levels=BOTH,
        value=True,
        source=f"optimum-rbln 0.12.0, {_BASE}.create_runtimes",
    ),
    *(
        Unset(
            name=name,
            levels=BOTH,
            value=1,
            since=since,
            until=until,
            source=f"optimum-rbln {newest}, utils/runtime_utils.py, "
            "tp_and_devices_are_ok",
        )
        for name, since, until, newest in (
            (OLD_DEVICES, OLDEST, (0, 11, 0), "0.10.4"),
            (DEVICES, (0, 11, 0), None, "0.12.0"),
        )
    ),
    *(
        Unset(
            name=name,
            levels=TOP,
            value=value,
            families=COLQWEN2,
            source="optimum-rbln 0.12.0, transformers/models/colqwen2/"
            f"configuration_colqwen2.py; {_DECODER}",
        )
        for name, value in (
            ("logits_to_keep", 0),
            ("phases", ["prefill"]),
        )
    ),
    *(
        Unset(
            name=name,
            levels=TOP,
            value=value,
            source=f"optimum-rbln 0.12.0, {_DECODER}",
        )
        for name, value in (
            ("batch_size", 1),
            ("logits_to_keep", 1),
            ("phases", ["prefill", "decode"]),
        )
    ),
    Unset(
        name="decoder_batch_sizes",
        levels=TOP,
        follows=("batch_size",),
        source=f"optimum-rbln 0.12.0, {_DECODER}",
    ),
    Unset(
        name="kvcache_num_blocks",
        levels=TOP,
        value=0,
        source=f"optimum-rbln 0.12.0, {_DECODER}; it is counted after the compile, "
        "with flash attention alone",
    ),
    Unset(
        name="use_inputs_embeds",
        levels=TOP,
        value=True,
        source="optimum-rbln 0.12.0, transformers/models/<family>/"
        "configuration_<family>.py",
    ),
    Unset(
        name="max_seq_len",
        levels=TOP,
        follows=(CHECKPOINT,),
        families=frozenset({"qwen2_vl", "qwen2_5_vl", "colqwen2"}),
        until=(0, 11, 0),
        source=f"optimum-rbln 0.10.4, {_EXPORT}; it looks at the whole model's "
        "configuration, which hands down what is its text's for these alone "
        "(transformers 4.57.6, models/qwen2_vl/configuration_qwen2_vl.py, "
        "__getattribute__)",
    ),
    Unset(
        name="max_seq_len",
        levels=TOP,
        follows=(CHECKPOINT,),
        families=frozenset({"exaone4_5"}),
        since=(0, 11, 0),
        source="optimum-rbln 0.11.2, transformers/models/exaone4_5/"
        "modeling_exaone4_5.py, _update_rbln_config",
    ),
    Unset(
        name="max_seq_len",
        levels=TOP,
        raises="ValueError: `max_seq_len` should be specified",
        until=(0, 12, 0),
        source=f"optimum-rbln 0.11.2, {_EXPORT}",
    ),
    Unset(
        name="max_seq_len",
        levels=TOP,
        follows=(CHECKPOINT,),
        since=(0, 12, 0),
        source=f"optimum-rbln 0.12.0, {_EXPORT}",
    ),
    Unset(
        name="attn_impl",
        levels=TOP,
        value=EAGER,
        source=f"optimum-rbln 0.12.0, {_ATTENTION}; kvcache_partition_len switches it",
    ),
    Unset(
        name="kvcache_partition_len",
        levels=TOP,
        value=8_192,
        npu="RBLN-CR",
        since=(0, 12, 0),
        source="optimum-rbln 0.12.0, transformers/modeling_attention_utils.py, "
        "REBEL_ATTENTION_LIMITS; with flash attention alone",
    ),
    Unset(
        name="kvcache_partition_len",
        levels=TOP,
        value=16_384,
        source="optimum-rbln 0.12.0, transformers/modeling_attention_utils.py, "
        "ATOM_ATTENTION_LIMITS; with flash attention alone",
    ),
    Unset(
        name="kvcache_block_size",
        levels=TOP,
        follows=("kvcache_partition_len", "max_seq_len"),
        source=f"optimum-rbln 0.12.0, {_ATTENTION}",
    ),
    Unset(
        name="prefill_chunk_size",
        levels=TOP,
        value=512,
        npu="RBLN-CR",
        since=(0, 11, 1),
        source=f"optimum-rbln 0.12.0, {_ATTENTION}",
    ),
    Unset(
        name="prefill_chunk_size",
        levels=TOP,
        value=128,
        source=f"optimum-rbln 0.12.0, {_ATTENTION}; up to 0.11.0.post1 {_DECODER}",
    ),
    Unset(
        name="gdn_chunk_size",
        levels=TOP,
        follows=("prefill_chunk_size",),
        families=QWEN3_5,
        since=(0, 11, 1),
        until=(0, 12, 0),
        source="optimum-rbln 0.11.2, transformers/models/qwen3_5/modeling_qwen3_5.py",
    ),
    Unset(
        name="gdn_chunk_size",
        levels=TOP,
        value=MAX_GDN_CHUNK,
        families=QWEN3_5,
        since=(0, 12, 0),
        source="optimum-rbln 0.12.0, transformers/models/qwen3_5/"
        "configuration_qwen3_5.py",
    ),
)
"""Rows of one NPU or family before those of any."""


def unset(
    name: str,
    level: Level,
    version: Version,
    *,
    npu: str | None = None,
    family: str = "",
) -> Unset:
    """Return what a release makes of a setting that is left out."""
    called = right_name(name, level, version, family) or name
    rows = [
        row
        for row in UNSET
        if row.name == called
        and level in row.levels
        and row.since <= version
        and (row.until is None or version < row.until)
        and (npu or "").startswith(row.npu)
    ]
    mine = [row for row in rows if not row.families or family in row.families]
    if not mine and not family:
        mine = rows
    if not mine:
        raise KeyError(name)
    return mine[0]


def in_force(
    config: Mapping[str, Any],
    name: str,
    version: Version,
    *,
    npu: str | None = None,
    family: str = "",
) -> Any:
    """Return a setting of the top level as a release has it, given or not."""
    given = config.get(name)
    if given is not None:
        return given
    row = unset(name, "top", version, npu=npu, family=family)
    if not row.follows or CHECKPOINT in row.follows:
        return row.value
    told = (other for other in row.follows if config.get(other) is not None)
    followed = next(told, row.follows[-1])
    return in_force(config, followed, version, npu=npu, family=family)
