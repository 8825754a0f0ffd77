"""The configuration emitted ones start from, and where each value came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from bucketwise.engines.rbln.attention import attention_problems, limits_of
from bucketwise.engines.rbln.defaults import unset
from bucketwise.engines.rbln.devices import splits_models
from bucketwise.engines.rbln.keys import (
    DEVICES,
    INHERITED,
    OLD_DEVICES,
    inherits_since,
    right_name,
)
from bucketwise.engines.rbln.model_classes import ModelClass, model_class
from bucketwise.engines.rbln.nesting import flattened
from bucketwise.engines.rbln.releases import NEWEST, OLDEST, Version, written
from bucketwise.errors import ConfigError, raise_all
from bucketwise.nouns.document import GivenConfig

Origin = Literal["assumed", "given", "derived"]

BUCKET_KEYS = ("max_seq_lens", "max_seq_len")

Path = tuple[str, ...]
Label = tuple[Origin, str]

_ON_ONE_DEVICE = "{} runs this ViT on one device whatever is asked"

_INHERITED = ("num_devices", "npu", "create_runtimes")
"""Of what `visual` inherits from 0.11.1 on (rbln/keys.py), what a compile turns on."""

_WHOLE_NUMBERS = (
    "max_seq_len",
    "kvcache_partition_len",
    "kvcache_block_size",
    "batch_size",
    "num_devices",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Values the user sets over the base; None leaves the base's."""

    devices: int | None = None
    max_seq_len: int | None = None
    kvcache_partition_len: int | None = None
    npu: str | None = None
    batch_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseValue:
    """One value of the base."""

    path: tuple[str, ...]
    """Keys that lead to it, names as in the newest dialect."""
    value: str
    """The value in words."""
    origin: Origin
    """Whether nobody chose it, somebody did, or the SDK leaves no choice."""
    source: str
    """Who, or why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseConfig:
    """A rbln_config without ViT lengths, in the newest dialect."""

    text: str
    """The mapping as JSON, so that the value cannot change once made; from the level of
    the language model on, wherever the class has that."""
    values: tuple[BaseValue, ...]
    """Every value, in the mapping's order."""
    notes: tuple[str, ...] = ()
    """What was changed on the way in."""

    def __post_init__(self) -> None:
        """Check what every release of the SDK refuses."""
        raise_all(_problems(self.mapping))

    @property
    def mapping(self) -> dict[str, Any]:
        """A fresh copy of the configuration."""
        loaded: dict[str, Any] = json.loads(self.text)
        return loaded

    def assumptions(self) -> tuple[tuple[str, str, str, str], ...]:
        """Return (name, value, status, source) of every value.

        Status is "measured" for a value somebody gave, else the value's origin.
        """
        return tuple(
            (
                ".".join(item.path),
                item.value,
                "measured" if item.origin == "given" else item.origin,
                item.source,
            )
            for item in self.values
        )

    def gives(self, key: str) -> bool:
        """Return whether somebody gave a value at the top."""
        return any(
            item.path == (key,) and item.origin == "given" and item.value != "null"
            for item in self.values
        )

    def assumed(self) -> tuple[BaseValue, ...]:
        """Return the values nobody chose."""
        return tuple(item for item in self.values if item.origin == "assumed")

    def is_assumed(self, name: str) -> bool:
        """Return whether nobody gave the value that a name has at the top level."""
        return any(item.path == (name,) for item in self.assumed())

    def with_values(
        self, chosen: Mapping[str, int], origin: Origin, source: str
    ) -> BaseConfig:
        """Return the configuration with other values at the top level."""
        config = self.mapping | dict(chosen)
        labels: dict[Path, Label] = {
            item.path: (item.origin, item.source) for item in self.values
        }
        labels |= {(name,): (origin, source) for name in chosen}
        return BaseConfig(
            text=json.dumps(config, ensure_ascii=False, allow_nan=False),
            values=tuple(_values(config, labels, (origin, source))),
            notes=self.notes,
        )


class _Draft(NamedTuple):
    """A base being put together; `label` is that of every value without its own."""

    config: dict[str, Any]
    labels: dict[Path, Label]
    label: Label
    notes: tuple[str, ...]


def zoo_base(
    family: str = "qwen3_vl", overrides: Overrides | None = None
) -> BaseConfig:
    """Return the published configuration of a family, each value marked assumed."""
    kind = model_class(family)
    visual = {"num_devices": kind.visual_devices} if kind.visual_devices else {}
    config: dict[str, Any] = {"visual": visual, "num_devices": kind.devices}
    if kind.kvcache_partition_len is not None:
        config["kvcache_partition_len"] = kind.kvcache_partition_len
    config |= {"max_seq_len": kind.max_seq_len, "batch_size": 1}
    overrides = overrides or Overrides()
    labels: dict[Path, Label] = {}
    if overrides.npu and not overrides.devices and not splits_models(overrides.npu):
        why = f"{overrides.npu} runs a model on one device"
        for level, path in ((config, ()), (visual, ("visual",))):
            level[DEVICES] = 1
            labels[(*path, DEVICES)] = ("derived", why)
    most = limits_of(overrides.npu, NEWEST).max_eager_seq_len
    eager = kind.kvcache_partition_len is None and not overrides.kvcache_partition_len
    if eager and not overrides.max_seq_len and kind.max_seq_len > most:
        config["max_seq_len"] = most
        why = f"the longest context of {overrides.npu} without partitions"
        labels[("max_seq_len",)] = ("derived", why)
    draft = _Draft(config, labels, ("assumed", kind.source), ())
    return _finish(draft, kind, overrides)


def given_base(
    config: Mapping[str, Any],
    *,
    family: str,
    source: str,
    overrides: Overrides | None = None,
    notes: tuple[str, ...] = (),
) -> BaseConfig:
    """Return a user's configuration as a base; ViT lengths are left out."""
    kind = model_class(family)
    copied = flattened(json.loads(json.dumps(config)), family)
    plain, left_out = _language_model(copied, kind, source)
    visual = plain.pop("visual", {})
    if not isinstance(visual, dict):
        message = f"{source}: visual: expected an object, got {visual!r}"
        raise ConfigError(message)
    old_names = "tensor_parallel_size" in plain
    for key in BUCKET_KEYS:
        visual.pop(key, None)
    composed = {"visual": _renamed(visual)} | _renamed(plain)
    labels: dict[Path, Label] = {}
    one = unset(DEVICES, "top", NEWEST).value
    if composed.get("num_devices") is None:
        composed["num_devices"] = one
        labels[("num_devices",)] = ("assumed", "the SDK's default")
    since = inherits_since(family)
    if old_names and since > OLDEST and "num_devices" not in visual:
        composed["visual"].setdefault("num_devices", one)
        why = (
            f"before {written(since)} visual takes nothing from the top level; "
            f"{one} is the default"
        )
        labels[("visual", "num_devices")] = ("assumed", why)
    draft = _Draft(composed, labels, ("given", source), notes + left_out)
    return _finish(draft, kind, overrides or Overrides())


def base_of(
    family: str, given: GivenConfig | None, over: Mapping[str, Any]
) -> BaseConfig:
    """Return what emitted configurations start from: a given one, else the published."""
    overrides = Overrides(**over)
    if given is None:
        return zoo_base(family, overrides)
    return given_base(
        given.mapping,
        family=family,
        source=given.name,
        overrides=overrides,
        notes=given.notes,
    )


def with_overrides(base: BaseConfig, family: str, overrides: Overrides) -> BaseConfig:
    """Return a base as it would be with other values set over it."""
    labels: dict[Path, Label] = {
        item.path: (item.origin, item.source) for item in base.values
    }
    draft = _Draft(base.mapping, labels, ("assumed", ""), base.notes)
    return _finish(draft, model_class(family), overrides)


def on_release(base: BaseConfig, kind: ModelClass, version: Version) -> BaseConfig:
    """Return a base as a release runs it: on one device a ViT that it does not split."""
    config = base.mapping
    visual = config["visual"]
    asked = visual["num_devices"]
    if kind.splits_visual(version) or asked == 1:
        return base
    name = right_name(DEVICES, "visual", version, "")
    never = kind.visual_splits_since is None
    why = _ON_ONE_DEVICE.format(
        "the SDK" if never else f"optimum-rbln {written(version)}"
    )
    visual["num_devices"] = 1
    if isinstance(visual.get("device"), list):
        visual["device"] = visual["device"][:1]
    labels: dict[Path, Label] = {
        item.path: (item.origin, item.source) for item in base.values
    }
    labels[("visual", "num_devices")] = ("derived", why)
    return BaseConfig(
        text=json.dumps(config, ensure_ascii=False, allow_nan=False),
        values=tuple(_values(config, labels, labels[("visual", "num_devices")])),
        notes=(*base.notes, f"visual.{name} {asked!r} became 1: {why}"),
    )


def _language_model(
    config: dict[str, Any], kind: ModelClass, source: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the level of the language model, with what it takes from above it.

    Where the class has that level at the top nothing is changed.
    """
    if not kind.within:
        return config, ()
    level = config.pop(kind.within, None)
    if not isinstance(level, dict):
        message = (
            f"{source}: {kind.within}: expected an object with visual in it for "
            f"{kind.name}, got {level!r}"
        )
        raise ConfigError(message)
    counting = (DEVICES, OLD_DEVICES)
    if any(name in level for name in counting):
        config = {key: item for key, item in config.items() if key not in counting}
    taken = {*INHERITED, OLD_DEVICES, "batch_size", "output_hidden_states"}
    handed_down = {key: item for key, item in config.items() if key in taken}
    notes = tuple(
        f"{key} at the top left out: {kind.within} has its own, or nothing reads it"
        for key in config
        if key not in taken or key in level
    )
    return handed_down | level, notes


def _renamed(level: dict[str, Any]) -> dict[str, Any]:
    """Return a level under the newest names; where both are given the newer wins."""
    old, new = "tensor_parallel_size", "num_devices"
    devices = level.get(new, level.get(old))
    renamed = {new if key == old else key: item for key, item in level.items()}
    return renamed if devices is None else renamed | {new: devices}


def _finish(draft: _Draft, kind: ModelClass, overrides: Overrides) -> BaseConfig:
    config, labels = draft.config, draft.labels
    notes = draft.notes + _pop_overtaken(config, overrides)
    for path, value, option in _overridden(overrides, kind):
        level = config["visual"] if path[0] == "visual" else config
        level[path[-1]] = value
        labels[path] = ("given", f"given with {option}")
    if overrides.devices:
        notes += _pop_other_devices(config)
    if config.get("create_runtimes") is None:
        config["create_runtimes"] = False
        why = "the Model Zoo compile scripts: nothing runs while compiling"
        labels[("create_runtimes",)] = ("assumed", why)
    if kind.visual_splits_since is None and "num_devices" not in config["visual"]:
        config["visual"]["num_devices"] = 1
        labels[("visual", "num_devices")] = (
            "derived",
            _ON_ONE_DEVICE.format("the SDK"),
        )
    _inherit(config, labels, draft.label)
    base = BaseConfig(
        text=json.dumps(config, ensure_ascii=False, allow_nan=False),
        values=tuple(_values(config, labels, draft.label)),
        notes=notes,
    )
    return on_release(base, kind, NEWEST)


def _inherit(config: dict[str, Any], labels: dict[Path, Label], label: Label) -> None:
    """Write at `visual` what releases from 0.11.1 on take from the top level.

    Older ones take nothing: what stands at the top alone would hold for the language
    model alone.
    """
    visual = config["visual"]
    for name in _INHERITED:
        if config.get(name) is not None and visual.get(name) is None:
            visual[name] = config[name]
            labels[("visual", name)] = labels.get((name,), label)
    devices, count = config.get("device"), visual["num_devices"]
    if "device" in visual or not isinstance(devices, list) or not _is_count(count):
        return
    if len(devices) >= count:
        # The SDK hands the whole list down, and refuses it where the ViT has fewer.
        visual["device"] = devices[:count]
        labels[("visual", "device")] = labels.get(("device",), label)


def _pop_overtaken(config: dict[str, Any], overrides: Overrides) -> tuple[str, ...]:
    """Drop values that only fitted what an override replaces."""
    notes = []
    resized = overrides.kvcache_partition_len or overrides.max_seq_len
    if resized and config.pop("kvcache_block_size", None) is not None:
        notes.append("kvcache_block_size left out: the SDK takes it from the new size")
    graphs = config.get("decoder_batch_sizes")
    if overrides.batch_size and graphs not in (None, [overrides.batch_size]):
        del config["decoder_batch_sizes"]
        notes.append(
            f"decoder_batch_sizes {graphs!r} left out: they were for another batch "
            f"size than {overrides.batch_size}"
        )
    return tuple(notes)


def _pop_other_devices(config: dict[str, Any]) -> tuple[str, ...]:
    """Drop lists of devices that are longer or shorter than the number now is."""
    notes = []
    for name, level in (("device", config), ("visual.device", config["visual"])):
        devices, count = level.get("device"), level.get("num_devices")
        if isinstance(devices, list) and count is not None and len(devices) != count:
            del level["device"]
            notes.append(f"{name} {devices!r} left out: {count} devices are asked for")
    return tuple(notes)


def _overridden(
    overrides: Overrides, kind: ModelClass
) -> list[tuple[Path, int | str, str]]:
    visual_devices = overrides.devices if kind.visual_splits_since else None
    partition = overrides.kvcache_partition_len
    rows: tuple[tuple[Path, int | str | None, str], ...] = (
        (("num_devices",), overrides.devices, "--devices"),
        (("visual", "num_devices"), visual_devices, "--devices"),
        (("kvcache_partition_len",), partition, "--kvcache-partition-len"),
        (("max_seq_len",), overrides.max_seq_len, "--max-seq-len"),
        (("npu",), overrides.npu, "--npu"),
        (("visual", "npu"), overrides.npu, "--npu"),
        (("batch_size",), overrides.batch_size, "--batch-size"),
    )
    return [(path, value, option) for path, value, option in rows if value is not None]


def _values(
    config: Mapping[str, Any], labels: Mapping[Path, Label], default: Label
) -> Iterator[BaseValue]:
    leaves: list[tuple[Path, object]] = [
        (("visual", key), item) for key, item in config["visual"].items()
    ]
    leaves += [((key,), item) for key, item in config.items() if key != "visual"]
    for path, item in leaves:
        origin, source = labels.get(path, default)
        words = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
        yield BaseValue(path=path, value=words, origin=origin, source=source)


def _problems(config: Mapping[str, Any]) -> list[str]:
    visual = config["visual"]
    rows = [(key, config[key]) for key in _WHOLE_NUMBERS if key in config]
    rows.append(("visual.num_devices", visual["num_devices"]))
    found = [
        f"{name}: expected a whole number from 1 up, got {value!r}"
        for name, value in rows
        if value is not None and not _is_count(value)
    ]
    if "vlm" in config:
        found.append(
            "vlm: expected a configuration with visual at its top, got one within vlm"
        )
    return found or attention_problems(config)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
