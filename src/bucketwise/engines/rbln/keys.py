"""Which keys a configuration may have: by level, release and model family.

Read from the `__init__` of each wheel's config classes: optimum/rbln/
configuration_utils.py (every level), transformers/models/decoderonly/
configuration_decoderonly.py (top) and transformers/models/<family>/configuration_*.py
(visual). Any other key raises "Unexpected arguments".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from bucketwise.engines.rbln.releases import OLDEST, Version

Level = Literal["outer", "top", "visual"]
"""outer: the top of a class that holds its language model in a submodule, whose level is
then what is "top" to others."""

Standing = Literal["accepted", "renamed", "refused"]

EVERY: tuple[Level, ...] = ("outer", "top", "visual")
BOTH: tuple[Level, ...] = ("top", "visual")
TOP: tuple[Level, ...] = ("top",)
VISUAL: tuple[Level, ...] = ("visual",)
DECODER: tuple[Level, ...] = ("outer", "top")

GEMMA4 = frozenset({"gemma4"})
QWEN3_5 = frozenset({"qwen3_5", "qwen3_5_moe"})
QWEN3 = frozenset({"qwen3_vl", "qwen3_vl_moe"}) | QWEN3_5
COLQWEN2 = frozenset({"colqwen2"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One name of one setting."""

    name: str
    """As it is written."""
    levels: tuple[Level, ...]
    """Where it may stand."""
    since: Version = OLDEST
    """The first release that takes it."""
    until: Version | None = None
    """The first release that raises on it; None where none does."""
    renamed: str = ""
    """What newer releases call it; "" for a name that stays."""
    renamed_in: Version | None = None
    """The first release with that other name: from there on this one warns, until it
    raises."""
    families: frozenset[str] = frozenset()
    """Model families that have it; empty for all."""


def _plain(levels: tuple[Level, ...], names: str) -> tuple[Key, ...]:
    return tuple(Key(name=name, levels=levels) for name in names.split())


BUCKETS, OLD_BUCKETS = "max_seq_len", "max_seq_lens"
DEVICES, OLD_DEVICES = "num_devices", "tensor_parallel_size"
BLOCKS = "kvcache_num_blocks"

KEYS: tuple[Key, ...] = (
    *_plain(
        EVERY,
        "cls_name create_runtimes device device_map activate_profiler npu timeout "
        "optimum_rbln_version dtype _compile_cfgs optimize_host_memory",
    ),
    Key(name=OLD_DEVICES, levels=EVERY, renamed=DEVICES, renamed_in=(0, 11, 0)),
    Key(name=DEVICES, levels=EVERY, since=(0, 11, 0)),
    Key(
        name=OLD_BUCKETS,
        levels=VISUAL,
        until=(0, 11, 0),
        renamed=BUCKETS,
        renamed_in=(0, 10, 4),
    ),
    Key(name=BUCKETS, levels=VISUAL, since=(0, 10, 4)),
    Key(name="batch_size", levels=VISUAL, since=(0, 11, 1), families=QWEN3_5),
    Key(name="batch_size", levels=VISUAL, since=(0, 11, 2)),
    *_plain(TOP, "visual"),
    Key(name="vlm", levels=("outer",), families=COLQWEN2),
    *_plain(
        DECODER,
        "batch_size max_seq_len use_inputs_embeds use_attention_mask "
        "use_position_ids attn_impl kvcache_partition_len kvcache_block_size "
        "quantization lora_config prefill_chunk_size kvcache_num_blocks "
        "decoder_batch_sizes cache_impl sliding_window sliding_window_layers phases "
        "logits_to_keep output_hidden_states",
    ),
    Key(name="memory_budget", levels=DECODER, since=(0, 11, 1)),
    Key(
        name="kvcache_metas",
        levels=DECODER,
        renamed="cache_metas",
        renamed_in=(0, 11, 2),
    ),
    Key(name="cache_metas", levels=DECODER, since=(0, 11, 2)),
    Key(name="_load_visual_runtime", levels=TOP, since=(0, 10, 3), families=QWEN3),
    Key(name="_requires_batch_sort", levels=DECODER, since=(0, 12, 0)),
    *(
        Key(name=name, levels=VISUAL, since=(0, 11, 0), families=GEMMA4)
        for name in ("pooling_kernel_size", "patch_size", "output_hidden_states")
    ),
    Key(name="batch_size", levels=VISUAL, since=(0, 11, 1), families=GEMMA4),
    Key(name="gdn_chunk_size", levels=TOP, since=(0, 11, 1), families=QWEN3_5),
    Key(name="linear_attention_layers", levels=TOP, since=(0, 11, 1), families=QWEN3_5),
)

_OTHERS = (
    "backbone bias controlnet cross_attention_dim dec_max_seq_len decode_chunk_size "
    "decoder decoder_pipe embedding_dim enc_max_seq_len encoder face_blur_filter fps "
    "guidance_scale height image_encoder image_model_hidden_size "
    "image_prefill_chunk_size image_size image_text_hidden_size img_context_num_tokens "
    "img_height img_width in_channels in_features input_size interpolate_pos_encoding "
    "latent_channels latent_height latent_width llamaguard3 max_image_size max_length "
    "max_soft_tokens max_text_len model_input_names model_input_shapes movq "
    "num_channels_latents num_embeddings num_frames num_latent_frames "
    "num_parallel_samples num_query_tokens num_windows output_attentions patch_size "
    "pooling_kernel_size prior prior_image_encoder prior_pipe prior_prior "
    "prior_text_encoder prompt_embed_length qformer qwen3guard safety_checker "
    "sample_size scaling_factor siglip_encoder spatial_shapes_list text_backbone "
    "text_encoder text_encoder_2 text_encoder_3 text_model_hidden_size "
    "token_timestamps transformer unet unet_sample_size use_additional_residuals "
    "use_slicing uses_encoder uses_per_frame_timestep vae vae_sample_size "
    "vae_scale_factor vae_scale_factor_spatial vae_scale_factor_temporal "
    "video_safety_model vqmodel_scale_factor width"
)

OF_OTHER_CLASSES = frozenset(_OTHERS.split())
"""Settings that some other class has, so that they are no misspellings of these
(`__init__` and `submodules` of every configuration class, optimum-rbln 0.10.4 to
0.12.0)."""

INHERITED = frozenset(
    {
        "create_runtimes",
        "device",
        "device_map",
        "activate_profiler",
        "timeout",
        "npu",
        DEVICES,
    }
)
"""What `visual` takes from the top where it has no value of its own."""

_INHERITS_SINCE: Mapping[str, Version] = {
    "exaone4_5": (0, 11, 2),
    "colqwen2": OLDEST,
}


def inherits_since(family: str) -> Version:
    """Return the release before which `visual` takes nothing from the level above it.

    0.11.1 for most (transformers/models/qwen3_vl/configuration_qwen3_vl.py of each wheel;
    optimum-rbln pull request 538). EXAONE-4.5's class came to it later, and within ColQwen2
    is Qwen2-VL's class without a decoder, which always did (transformers/models/exaone4_5/
    configuration_exaone4_5.py; qwen2_vl/configuration_qwen2_vl.py, RBLNQwen2VLModelConfig).
    """
    return _INHERITS_SINCE.get(family, (0, 11, 1))


FORCED_WITHIN: Mapping[str, object] = {
    "batch_size": None,
    "output_hidden_states": None,
    "logits_to_keep": 0,
    "use_inputs_embeds": True,
}
"""What the class that holds a language model hands down to it, and what it hands down
where it has no value of its own; the others are its to decide (transformers/models/
colqwen2/configuration_colqwen2.py)."""

FORCED_UNTIL: Version = (0, 11, 2)
"""Before it another value within raises (the same file, force_kwargs)."""

GRAPHS = "_compile_cfgs"
"""Where a compiled folder keeps what each graph was compiled for."""

COMPILED = frozenset(
    {GRAPHS, "_meta", "_requires_batch_sort", "cache_metas", "kvcache_metas"}
)
"""What saving adds to the file in a compiled folder (optimum-rbln 0.12.0,
configuration_utils.py, _prepare_for_serialization)."""

AT_LOAD = frozenset(
    {"create_runtimes", "device", "device_map", "activate_profiler", "timeout"}
)
"""What may differ between compiling and loading (optimum-rbln 0.12.0,
configuration_utils.py, RUNTIME_KEYWORDS)."""


UNSAVED = frozenset({"_load_visual_runtime", "memory_budget"})
"""What no folder keeps, and loading takes as it is (optimum-rbln 0.12.0,
configuration_utils.py, subclass_non_save_attributes)."""

NEVER_AT_LOAD = frozenset({DEVICES, OLD_DEVICES, "npu", "dtype"})
"""Settings of the top level that raise at load whatever they say: a folder keeps them with
its graphs, or in another form (optimum-rbln 0.12.0, configuration_utils.py,
RBLNModelConfig.from_pretrained)."""


def standing(name: str, level: Level, version: Version, family: str) -> Standing:
    """Return what a release makes of a key."""
    for key in _named(name, level, family):
        if key.since <= version and (key.until is None or version < key.until):
            late = key.renamed_in is not None and version >= key.renamed_in
            return "renamed" if late else "accepted"
    return "refused"


@lru_cache(maxsize=4_096)  # names come from any configuration
def right_name(name: str, level: Level, version: Version, family: str) -> str:
    """Return what a release calls the setting that another calls `name`; "" for none."""
    others = [key.renamed for key in KEYS if key.name == name and key.renamed]
    others += [key.name for key in KEYS if key.renamed == name]
    for other in (name, *others):
        if standing(other, level, version, family) == "accepted":
            return other
    return ""


def known_names(level: Level, version: Version, family: str) -> tuple[str, ...]:
    """Return every key a release takes without a word at a level."""
    names = dict.fromkeys(key.name for key in KEYS if level in key.levels)
    return tuple(
        name for name in names if standing(name, level, version, family) == "accepted"
    )


def inherited(version: Version, family: str) -> frozenset[str]:
    """Return what `visual` takes from the level above it, by the newest names."""
    return INHERITED if version >= inherits_since(family) else frozenset()


def _named(name: str, level: Level, family: str) -> tuple[Key, ...]:
    return tuple(
        key
        for key in KEYS
        if key.name == name
        and level in key.levels
        and (not key.families or not family or family in key.families)
    )
