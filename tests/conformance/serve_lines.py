"""Reads serve_lines.toml: lines that serve a model, and what releases make of them."""

from __future__ import annotations

import json
import shlex
import tomllib
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.releases import Release, Version, parse_version

TABLE = Path(__file__).with_name("serve_lines.toml")

FOLDER = "{folder}"
"""Stands for a compiled folder in a line."""

OPTIONS_SINCE: Version = (0, 12, 0)
"""From here on devices and configurations have options of their own."""

_OLD_CHANNEL = "--additional-config rbln_config"

COMPILED: dict[str, Any] = {
    "cls_name": "RBLNQwen3VLForConditionalGenerationConfig",
    "optimum_rbln_version": "0.12.0",
    "batch_size": 8,
    "max_seq_len": 262_144,
    "kvcache_partition_len": 16_384,
    "kvcache_num_blocks": 64,
    "prefill_chunk_size": 128,
    "num_devices": 8,
    "visual": {"max_seq_len": [16_384, 4_096]},
}
"""What a compiled folder says of itself, as far as vllm-rbln reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a release makes of a line.

    Attributes
    ----------
    error : str
        The type of the exception; "" where the model is compiled.
    says : str
        Part of its message.
    """

    error: str = ""
    says: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line.

    Attributes
    ----------
    id : str
        What is special about it, in words.
    model : str
        What it serves.
    options : mapping of str to str
        Options it sets, without the dashes, beside or instead of the sound line's; ""
        for switches.
    without : tuple of str
        Options of the sound line it leaves out.
    overrides : mapping of str to object
        What its configuration sets, by dotted key, in that of the sound line.
    bare : bool
        Whether it has no configuration.
    channel : str
        The way the configuration is handed over; "" for the release's own.
    fields : mapping
        What else --additional-config holds.
    more : str
        What follows, as written.
    environment : mapping of str to str
        Variables before the command.
    npu : str
        The host's.
    folder : mapping or None
        What the compiled folder it serves says otherwise than `COMPILED`; None for a
        line that serves a checkpoint.
    outcomes : mapping of version to Outcome
        From that release on; the line is for none before the first.
    """

    id: str
    model: str
    options: dict[str, str]
    without: tuple[str, ...]
    overrides: dict[str, Any]
    bare: bool
    channel: str
    fields: dict[str, Any]
    more: str
    environment: dict[str, str]
    npu: str
    folder: dict[str, Any] | None
    outcomes: dict[Version, Outcome]

    def concerns(self, release: Release) -> bool:
        """Return whether the table tells what a release makes of it."""
        return release.parsed >= min(self.outcomes)

    def outcome(self, release: Release) -> Outcome:
        """Return what a release makes of it."""
        return self.outcomes[max(v for v in self.outcomes if v <= release.parsed)]

    def compiled_folder(self) -> dict[str, Any]:
        """Return what the compiled folder says of itself."""
        return COMPILED | (self.folder or {})

    def text(self, release: Release, folder: str = "") -> str:
        """Return the line as a shell takes it.

        Parameters
        ----------
        release : Release
            The release, whose names are used.
        folder : str
            The compiled folder, where it serves one.
        """
        own = release.parsed >= OPTIONS_SINCE
        environment = dict(self.environment)
        options = {
            "block-size": "16384",
            "max-model-len": "262144",
            "max-num-seqs": "8",
            "rbln-num-devices-per-local-rank": "8",
            "mm-processor-kwargs": '{"min_pixels": 65536, "max_pixels": 4194304}',
        }
        for name in self.without:
            del options[name]
        devices = options.get("rbln-num-devices-per-local-rank")
        if not own and devices:
            del options["rbln-num-devices-per-local-rank"]
            environment.setdefault("VLLM_RBLN_NUM_DEVICES_PER_LOCAL_RANK", devices)
        options |= self.options
        direct, _, key = self._channel(own).partition(" ")
        additional = dict(self.fields)
        if not self.bare:
            configuration = self.configuration()
            if key:
                additional[key] = configuration
            else:
                options[direct.removeprefix("--")] = json.dumps(configuration)
        if additional:
            options["additional-config"] = json.dumps(additional)
        model = folder if self.folder is not None else self.model
        words = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
        words += ["vllm", "serve", shlex.quote(model)]
        if self.folder is not None:
            words += ["--served-model-name", self.model]
        for name, value in options.items():
            words += [f"--{name}", *([shlex.quote(value)] if value else [])]
        return " ".join([*words, *([self.more] if self.more else [])])

    def configuration(self) -> dict[str, Any]:
        """Return the configuration on the line."""
        whole: dict[str, Any] = {"visual": {"max_seq_len": [4_096, 16_384]}}
        for key, value in self.overrides.items():
            *path, last = key.split(".")
            level = whole
            for part in path:
                level = level.setdefault(part, {})
            if value == "-":
                del level[last]
            else:
                level[last] = deepcopy(value)
        return whole

    def _channel(self, own: bool) -> str:
        return self.channel or ("--rbln-optimum-overrides" if own else _OLD_CHANNEL)


def read_lines() -> tuple[Line, ...]:
    """Return the table."""
    with TABLE.open("rb") as stream:
        rows = tomllib.load(stream)["line"]
    return tuple(
        Line(
            id=row["id"],
            model=row.get("model", "Qwen/Qwen3-VL-2B-Instruct"),
            options=row.get("options", {}),
            without=tuple(row.get("without", ())),
            overrides=row.get("overrides", {}),
            bare=row.get("bare", False),
            channel=row.get("channel", ""),
            fields=row.get("fields", {}),
            more=row.get("more", ""),
            environment=row.get("environment", {}),
            npu=row.get("npu", "RBLN-CA25"),
            folder=row.get("folder"),
            outcomes={
                parse_version(version): Outcome(**said)
                for version, said in row["since"].items()
            },
        )
        for row in rows
    )
