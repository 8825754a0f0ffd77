"""What a device can do at most, by the start of its name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Published peaks of one device, as the SDK numbers devices.

    Attributes
    ----------
    name : str
        The product.
    dram_bytes_per_s : float
        Memory bandwidth.
    flop_per_s : float
        16-bit matrix products.
    source : str
        Where the peaks were published.
    """

    name: str
    dram_bytes_per_s: float
    flop_per_s: float
    source: str


# An ATOM-Max card is four chips, and the SDK counts chips: 15.7 GiB each
# (optimum-rbln 0.12.0, utils/runtime_utils.py).
DEVICES: dict[str, Device] = {
    "RBLN-CA": Device(
        name="ATOM",
        dram_bytes_per_s=256e9,
        flop_per_s=32e12,
        source="the vendor's product figures of the ATOM chip",
    ),
    "RBLN-CR": Device(
        name="Rebel100",
        dram_bytes_per_s=4.8e12,
        flop_per_s=1e15,
        source="RBLN documentation 0.12.0, profiler/architecture, and the vendor's "
        "product figures",
    ),
}
"""Start of an NPU's name -> its peaks."""

DEFAULT_NPU = "RBLN-CA"

GPU = Device(
    name="a GPU (A100 80 GB)",
    dram_bytes_per_s=2.039e12,
    flop_per_s=312e12,
    source="NVIDIA A100 80GB data sheet (SXM)",
)
"""Stands for the GPU engine that evidence was measured on; only the ratio of its peaks
matters, and it differs little between generations."""


def device_of(npu: str | None) -> tuple[Device, bool]:
    """Return the device of an NPU name, and whether it had to be assumed.

    Parameters
    ----------
    npu : str or None
        Such as RBLN-CA25; None where nobody named it.
    """
    for start, device in DEVICES.items():
        if npu and npu.upper().startswith(start):
            return device, False
    return DEVICES[DEFAULT_NPU], True
