"""The SDK dialects for which text is emitted, newest last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bucketwise.errors import UsageError

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One dialect: the optimum-rbln release it is named after, and its key names.

    Attributes
    ----------
    version : str
        The release, for example "0.12.0".
    covers : str
        The releases that accept the same text, in words.
    bucket_key : str
        Name of the list of ViT lengths inside `visual`.
    devices_key : str
        Name of the number of devices, at both levels.
    visual_inherits : bool
        Whether `visual` takes devices and runtime settings from the top level.
    transformers : str
        The transformers release it pins (Requires-Dist of the wheel).
    vllm_rbln : str
        The newest vllm-rbln release that serves what it compiles.
    devices_env : str
        Environment variable that tells vllm-rbln the number of devices; "" where
        the flag --rbln-num-devices-per-local-rank does.
    refused_keys, refused_visual_keys : tuple of str
        Keys of other dialects that some release the dialect covers raises on.
    min_flash_partition_len : int
        The shortest kvcache_partition_len that every release it covers takes.
    """

    version: str
    covers: str
    bucket_key: str
    devices_key: str
    visual_inherits: bool
    transformers: str
    vllm_rbln: str
    devices_env: str
    refused_keys: tuple[str, ...]
    refused_visual_keys: tuple[str, ...]
    min_flash_partition_len: int

    @property
    def name(self) -> str:
        """The requirement an operator would install."""
        return f"optimum-rbln=={self.version}"

    @property
    def parsed(self) -> Version:
        """The release as numbers, for comparison."""
        return parse_version(self.version)

    @property
    def least(self) -> Version:
        """The oldest release it covers, as numbers."""
        return min(_covered(self))


def parse_version(text: str) -> Version:
    """Return the numeric parts of a release such as "0.11.0.post1"."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())


# Key names: the config classes' __init__ in each wheel, optimum/rbln/transformers/
# models/qwen3_vl/configuration_qwen3_vl.py (bucket list) and optimum/rbln/
# configuration_utils.py (devices). 0.11.0 dropped `max_seq_lens` and renamed
# `tensor_parallel_size`; inheritance by `visual` came with 0.11.1. `memory_budget`
# came with 0.11.1, `visual.batch_size` with 0.11.2 (as 1 only); the 0.11 dialect
# keeps the first, which only 0.11.0 lacks. Partition lengths: transformers/
# modeling_attention_utils.py of each wheel; 0.11.0 still starts at 4,096.
TARGETS: dict[str, Target] = {
    target.version: target
    for target in (
        Target(
            version="0.10.3",
            covers="optimum-rbln 0.10.2 and 0.10.3",
            bucket_key="max_seq_lens",
            devices_key="tensor_parallel_size",
            visual_inherits=False,
            transformers="4.57.6",
            vllm_rbln="0.10.3",
            devices_env="VLLM_RBLN_TP_SIZE",
            refused_keys=("memory_budget",),
            refused_visual_keys=("batch_size",),
            min_flash_partition_len=4_096,
        ),
        Target(
            version="0.10.4",
            covers="optimum-rbln 0.10.4",
            bucket_key="max_seq_len",
            devices_key="tensor_parallel_size",
            visual_inherits=False,
            transformers="4.57.6",
            vllm_rbln="0.10.4",
            devices_env="VLLM_RBLN_TP_SIZE",
            refused_keys=("memory_budget",),
            refused_visual_keys=("batch_size",),
            min_flash_partition_len=4_096,
        ),
        Target(
            version="0.11.2",
            covers="optimum-rbln 0.11.0 to 0.11.2",
            bucket_key="max_seq_len",
            devices_key="num_devices",
            visual_inherits=True,
            transformers="5.8.1",
            vllm_rbln="0.11.2.post1",
            devices_env="VLLM_RBLN_NUM_DEVICES_PER_LOCAL_RANK",
            refused_keys=(),
            refused_visual_keys=("batch_size",),
            min_flash_partition_len=4_096,
        ),
        Target(
            version="0.12.0",
            covers="optimum-rbln 0.12.0",
            bucket_key="max_seq_len",
            devices_key="num_devices",
            visual_inherits=True,
            transformers="5.15.1",
            vllm_rbln="0.12.0",
            devices_env="",
            refused_keys=(),
            refused_visual_keys=(),
            min_flash_partition_len=1_024,
        ),
    )
}


def pick_targets(names: Iterable[str]) -> tuple[Target, ...]:
    """Return the dialects asked for, oldest first; all of them when none is named.

    Parameters
    ----------
    names : iterable of str
        Such as "optimum-rbln==0.10.3" or "0.10.3"; any release a dialect covers.

    Raises
    ------
    UsageError
        When a name is not a release some dialect covers.
    """
    asked = list(names)
    if not asked:
        return tuple(TARGETS.values())
    found = {_dialect(name).version for name in asked}
    return tuple(target for target in TARGETS.values() if target.version in found)


def _dialect(name: str) -> Target:
    text = name.strip().lower().removeprefix("optimum-rbln").lstrip("=@ ")
    for target in TARGETS.values():
        if text == target.version or parse_version(text) in _covered(target):
            return target
    known = ", ".join(target.name for target in TARGETS.values())
    raise UsageError(f"--target: {name!r} is not known; one of {known} is right")


def _covered(target: Target) -> tuple[Version, ...]:
    """Return the other released versions that take the dialect's text (PyPI)."""
    return {
        "0.10.3": ((0, 10, 2), (0, 10, 3)),
        "0.11.2": ((0, 11, 0), (0, 11, 1), (0, 11, 2)),
    }.get(target.version, (target.parsed,))
