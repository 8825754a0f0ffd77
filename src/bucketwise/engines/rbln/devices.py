"""What a device can do at most and hold, by the start of its name."""

from __future__ import annotations

from dataclasses import dataclass

from bucketwise.engines.rbln.releases import Version
from bucketwise.nouns.engine import Device

CHIPLETS_CHECKED_SINCE: Version = (0, 11, 0)
"""Up to 0.10.4 the cache is sized against the memory of a whole device; from here on
against that of each chiplet (optimum-rbln 0.11.0.post1, transformers/
modeling_attention_utils.py, _collect_chiplet_kvcache_inputs)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dram:
    """Memory of one device, as the SDK counts it when it sizes the cache."""

    total_bytes: int
    """All of it."""
    chiplets: int
    """Parts it is divided into, equally."""
    reserved_bytes: int
    """What the system keeps of each part."""
    source: str
    """Where that stands."""

    @property
    def usable_bytes(self) -> int:
        """What models may use of the device."""
        return self.total_bytes - self.chiplets * self.reserved_bytes

    def parts(self, version: Version) -> tuple[int, int]:
        """Return how many rooms are checked one by one, and the bytes of each."""
        parts = self.chiplets if version >= CHIPLETS_CHECKED_SINCE else 1
        return parts, self.usable_bytes // parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Npu(Device):
    """One device as the SDK numbers devices, and its memory."""

    dram: Dram


DEFAULT_DRAM = Dram(
    total_bytes=16 * 2**30,
    chiplets=1,
    reserved_bytes=288 * 2**20,
    source="optimum-rbln 0.12.0, utils/runtime_utils.py, _dram_spec",
)
"""Memory of an ATOM chip, used when no NPU is given."""

# An ATOM-Max card is four chips, and the SDK counts chips. 0.10.2 to 0.12.0 have the
# same sizes; that of a Rebel100 takes its four chiplets from 0.10.4 and 0.11.0.post1
# (get_available_dram: 4 GiB, and 4 times 1 GiB, for the system).
DEVICES: dict[str, Npu] = {
    "RBLN-CA": Npu(
        name="ATOM",
        dram_bytes_per_s=256e9,
        flop_per_s=32e12,
        source="the vendor's product figures of the ATOM chip",
        dram=DEFAULT_DRAM,
    ),
    "RBLN-CR": Npu(
        name="Rebel100",
        dram_bytes_per_s=4.8e12,
        flop_per_s=1e15,
        source="RBLN documentation 0.12.0, profiler/architecture, and the vendor's "
        "product figures",
        dram=Dram(
            total_bytes=144 * 2**30,
            chiplets=4,
            reserved_bytes=2**30,
            source="optimum-rbln 0.12.0, utils/runtime_utils.py, _dram_spec",
        ),
    ),
}
"""Start of an NPU's name -> its figures."""

DEFAULT_NPU = "RBLN-CA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card, and the releases of the SDK that run it."""

    name: str
    splits: bool
    """Whether one model can be split over several of its devices (RSD)."""
    since: Version | None = None
    until: Version | None = None
    """First and last release; None where there is no such end."""

    def runs(self, version: Version) -> bool:
        """Return whether a release runs it."""
        started = self.since is None or version >= self.since
        return started and (self.until is None or version <= self.until)


# RBLN documentation 0.12.0, supports/version_matrix.
CARDS: dict[str, Card] = {
    "RBLN-CA02": Card(name="ATOM", splits=False, until=(0, 8, 0)),
    "RBLN-CA12": Card(name="ATOM+", splits=True, until=(0, 9, 4)),
    "RBLN-CA22": Card(name="ATOM+", splits=True, since=(0, 8, 0)),
    "RBLN-CA25": Card(name="ATOM-Max", splits=True, since=(0, 8, 0)),
    "RBLN-CR13": Card(name="Rebel100", splits=False, since=(0, 12, 0)),
}
"""Name of a card -> what runs it."""


def device_of(npu: str | None) -> tuple[Npu, bool]:
    """Return the device of an NPU name, and whether it had to be assumed."""
    for start, device in DEVICES.items():
        if npu and npu.upper().startswith(start):
            return device, False
    return DEVICES[DEFAULT_NPU], True


def card_of(npu: str | None) -> Card | None:
    """Return the card of an NPU name; None for a card that the table lacks."""
    return CARDS.get((npu or "").upper())


def splits_models(npu: str | None) -> bool:
    """Return whether one model can be split over several devices.

    Every ATOM since ATOM+ can; Rebel100 cannot.
    """
    card = card_of(npu)
    if card is not None:
        return card.splits
    return device_of(npu)[0] is DEVICES[DEFAULT_NPU]
