"""What plain vLLM needs of a device, by its own accounting."""

from __future__ import annotations

from bucketwise.engines.vllm.memory import VllmFit, vllm_preflight
from bucketwise.engines.vllm.words import lines
from bucketwise.read.configs.profiles import DEFAULT_MODEL, find_profile

__all__ = ["VllmFit", "vllm_fit", "vllm_lines"]


def vllm_fit(
    *,
    model: str | None = None,
    device_gb: float,
    gpu_memory_utilization: float,
    used_gb: float | None = None,
    max_model_len: int | None = None,
) -> VllmFit:
    """Add up what vLLM counts when it starts on one device.

    Parameters
    ----------
    model : str, optional
        Built-in name, Hugging Face id or local folder; qwen3-vl-2b without one.
    device_gb : float
        Memory of the device in 10^9 bytes.
    gpu_memory_utilization : float
        vLLM's option of that name, 0 to 1.
    used_gb : float, optional
        What others hold of the device when vLLM starts, in 10^9 bytes.
    max_model_len : int, optional
        vLLM's option of that name.
    """
    return vllm_preflight(
        find_profile(model or DEFAULT_MODEL),
        device_gb,
        gpu_memory_utilization,
        used_gb,
        max_model_len,
    )


def vllm_lines(fit: VllmFit) -> tuple[str, ...]:
    """Return what follows from the numbers, a line a statement."""
    return lines(fit)
