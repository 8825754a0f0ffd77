"""What vllm-rbln makes of a configuration that is given to it, by release."""

from __future__ import annotations

from collections.abc import Mapping

from bucketwise.rbln.releases import Version

DERIVED: Mapping[str, str] = {
    "batch_size": "--max-num-seqs",
    "max_seq_len": "--max-model-len",
    "kvcache_block_size": "--block-size",
    "kvcache_partition_len": "--block-size",
    "num_devices": "--rbln-num-devices-per-local-rank",
    "tensor_parallel_size": "--rbln-num-devices-per-local-rank",
    "memory_budget": "--gpu-memory-utilization",
    "prefill_chunk_size": "--max-num-batched-tokens",
}
"""Settings that vllm-rbln takes from vLLM's own, and the option that sets them
(vllm-rbln 0.12.0, model_executor/models/optimum/compilation/__init__.py)."""

COPIED_FIRST = frozenset({"batch_size", "max_seq_len", "kvcache_block_size"})
"""Those it copies into vLLM's own settings before it compares (utils/optimum/
converter/from_vllm.py): an override of them wins."""

COPIED_SINCE: Mapping[str, Version] = {
    "kvcache_partition_len": (0, 12, 0),
    "prefill_chunk_size": (0, 12, 0),
}
"""Those that a release copies before anything is derived (vllm-rbln 0.12.0,
utils/optimum/converter/params.py, _resolve_kvcache_block_size and sync_from_vllm)."""

DEVICES_ENVIRONMENT = ("VLLM_RBLN_NUM_DEVICES_PER_LOCAL_RANK", "VLLM_RBLN_TP_SIZE")
"""Variables that say the number of devices before the option came (vllm-rbln 0.11.1,
envs.py)."""

CONFLICTS_SINCE: Version = (0, 11, 1)
"""From here on another value for a derived setting raises; before it overwrites."""

MEMORY_BUDGET_SINCE: Version = (0, 11, 1)
"""From here on `memory_budget` is always passed."""

KEPT_ON_A_FOLDER = frozenset({"device"})
"""All that is kept of the overrides when a compiled folder is served (utils/optimum/
converter/from_optimum.py)."""

CHANNELS: Mapping[str, tuple[Version, Version | None]] = {
    "--additional-config rbln_config": ((0, 10, 2), None),
    "--additional-config optimum_overrides": ((0, 12, 0), None),
    "--rbln-optimum-overrides": ((0, 12, 0), None),
}
"""Ways to hand a configuration over: since when, and until when."""

OLD_CHANNEL = "--additional-config rbln_config"
"""Taken with a warning from 0.12.0 on; its removal is announced for 0.14.0 (vllm-rbln
0.12.0, config.py)."""

OLD_CHANNEL_WARNS_SINCE: Version = (0, 12, 0)

FIXED_LENGTH = 6_400
FIXED_UNTIL: Version = (0, 11, 2)
"""Before 0.11.2.post1 vllm-rbln compiles Qwen-VL itself with this ViT length alone
(model_executor/models/optimum/compilation/multimodal/qwen.py)."""

BLOCK_SIZE_SINCE: Version = (0, 10, 4)
"""From here on a block size must be given for models that generate."""

NO_DTYPE_SINCE: Version = (0, 12, 0)
"""From here on `dtype` among the overrides raises (utils/optimum/converter/
from_vllm.py)."""
