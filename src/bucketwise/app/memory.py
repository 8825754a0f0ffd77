"""What plain vLLM needs of a device, by its own accounting."""

from __future__ import annotations

from typing import Any

from bucketwise.app.options.commands import VllmOptions
from bucketwise.app.options.option import takes
from bucketwise.engines.vllm.memory import VllmFit, vllm_preflight
from bucketwise.engines.vllm.words import lines
from bucketwise.read.configs.profiles import DEFAULT_MODEL, find_profile

__all__ = ["VllmFit", "vllm_fit", "vllm_lines"]


@takes(VllmOptions)
def vllm_fit(**options: Any) -> VllmFit:
    """Add up what vLLM counts when it starts on one device; without a model, qwen3-vl-2b."""
    asked = VllmOptions(**options)
    return vllm_preflight(
        find_profile(asked.model or DEFAULT_MODEL),
        asked.device_gb,
        asked.gpu_memory_utilization,
        asked.used_gb,
        asked.max_model_len,
    )


def vllm_lines(fit: VllmFit) -> tuple[str, ...]:
    """Return what follows from the numbers, a line a statement."""
    return lines(fit)
