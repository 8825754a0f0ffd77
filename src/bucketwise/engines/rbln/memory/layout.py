"""How a configuration lays a model out over devices."""

from __future__ import annotations

from dataclasses import dataclass

from bucketwise.engines.rbln.kv_cache import num_full, num_min
from bucketwise.engines.rbln.releases import Version
from bucketwise.errors import raise_all
from bucketwise.nouns.measured_cost import MeasuredCurve

WEIGHT_BITS = 16

MAX_DEVICES = 1_024
"""More for one model are no number of devices: no release looks, and nobody has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a configuration says about memory, as plain values."""

    version: Version
    """The release of optimum-rbln."""
    lengths: tuple[int, ...]
    """ViT lengths that are compiled."""
    max_seq_len: int
    """Tokens of a sequence."""
    batch_size: int = 1
    """Sequences."""
    decoder_batch_sizes: tuple[int, ...] = ()
    """Decoder graphs; () for the one of `batch_size`."""
    partition: int | None = None
    """`kvcache_partition_len`; None without flash attention."""
    devices: int = 1
    visual_devices: int = 1
    """Devices that share the language model, and the ViT."""
    device_ids: tuple[int, ...] = ()
    visual_device_ids: tuple[int, ...] = ()
    """Which they are; () for the first ones, which the SDK takes."""
    npu: str | None = None
    """Name of the NPU."""
    blocks: int = 0
    """`kvcache_num_blocks`; 0 leaves it to the SDK."""
    memory_budget: float | str | None = None
    """As it is written."""
    weight_bits: int = WEIGHT_BITS
    """Of a weight in the layers of the language model."""
    generates: bool = True
    """Whether there are decoder graphs."""
    soft_tokens: tuple[int, ...] = ()
    """Counts that the ViT is compiled for where lengths are chunks of the language
    model; () where they are lengths of the ViT."""
    graph_bytes: MeasuredCurve | None = None
    """What ViT graphs were measured to hold, by length."""
    allowed_bytes: int | None = None
    """What the operator lets everything take of a device; None for all of it."""

    def __post_init__(self) -> None:
        """Check that there is something to lay out, and something to lay it on."""
        least = {
            "max_seq_len": (self.max_seq_len, self.partition or 1),
            "batch_size": (self.batch_size, 1),
            "kvcache_partition_len": (self.partition, 1),
            "devices": (self.devices, 1),
            "devices of the ViT": (self.visual_devices, 1),
            "kvcache_num_blocks": (self.blocks, 0),
            "weight_bits": (self.weight_bits, 1),
            "ViT lengths": (min(self.lengths, default=1), 1),
            "decoder_batch_sizes": (min(self.decoder_batch_sizes, default=1), 1),
            "max_soft_tokens": (min(self.soft_tokens, default=1), 1),
        }
        problems = [
            f"{name}: expected at least {bound}, got {value}"
            for name, (value, bound) in least.items()
            if value is not None and value < bound
        ]
        lists = {
            "devices": (self.device_ids, self.devices),
            "devices of the ViT": (self.visual_device_ids, self.visual_devices),
        }
        problems += [
            f"{name}: expected at most {MAX_DEVICES:,}, got {count}"
            for name, (_, count) in lists.items()
            if count > MAX_DEVICES
        ]
        problems += [
            f"{name}: expected {count} different ones, got {list(ids)}"
            for name, (ids, count) in lists.items()
            if ids and (len(ids) != count or len(set(ids)) != count)
        ]
        raise_all(problems)

    @property
    def flash(self) -> bool:
        """Whether attention is flash."""
        return self.partition is not None

    @property
    def block(self) -> int:
        """Tokens of a block: a partition, or the whole context without flash attention.

        optimum-rbln 0.12.0, transformers/modeling_attention_utils.py, set_default_values.
        """
        return self.partition or self.max_seq_len

    @property
    def is_auto(self) -> bool:
        """Whether the SDK chooses how many blocks there are.

        Without flash attention it takes all (optimum-rbln 0.12.0, transformers/models/
        decoderonly/modeling_decoderonly.py, _update_attention_config).
        """
        return self.flash and not self.blocks

    @property
    def num_full(self) -> int:
        """Blocks that hold every sequence at full length."""
        return num_full(self.max_seq_len, self.block, self.batch_size)

    @property
    def num_min(self) -> int:
        """Blocks below which it does not compile."""
        return num_min(
            self.max_seq_len,
            self.block,
            self.batch_size,
            self.version,
            flash=self.flash,
        )

    @property
    def num_useful(self) -> int:
        """Blocks below which a full batch runs out of them, whatever compiles."""
        batch = self.batch_size + 1 if self.flash else self.batch_size
        return max(self.num_min, min(batch, self.num_full))

    @property
    def graphs(self) -> int:
        """Graphs of the language model: one for prompts, and the decoder's."""
        decoders = (len(self.decoder_batch_sizes) or 1) if self.generates else 0
        return 1 + decoders

    @property
    def chunks(self) -> tuple[int, ...]:
        """Lengths that are graphs of the language model, for the images of a prompt."""
        return self.lengths if self.soft_tokens else ()

    @property
    def language_model_ids(self) -> tuple[int, ...]:
        """Devices of the language model."""
        return self.device_ids or tuple(range(self.devices))

    @property
    def vit_ids(self) -> tuple[int, ...]:
        """Devices of the ViT."""
        return self.visual_device_ids or tuple(range(self.visual_devices))

    @property
    def is_shared(self) -> bool:
        """Whether some device holds both."""
        return bool(set(self.language_model_ids) & set(self.vit_ids))
