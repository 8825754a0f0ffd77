"""A configuration as it was read: what it says, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bucketwise.nouns.engine import Version
from bucketwise.nouns.traffic import Place

Path = tuple[str, ...]
"""Keys that lead to a value, from the top: ("visual", "max_seq_len")."""

Form = Literal["compile", "compiled", "load", "serve", "list", "plan"]
"""compile: given to from_pretrained(export=True); compiled: what such a folder holds;
load: given to from_pretrained(export=False) beside such a folder; serve: given to
vllm-rbln, which completes it, or the options of another engine's server; list and plan:
ViT lengths alone, as numbers or in a plan.json."""

LENGTHS_ALONE: tuple[Form, ...] = ("list", "plan")


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenLimits:
    """Image limits that a configuration, its processor or an option sets."""

    min_pixels: int | None = None
    max_pixels: int | None = None
    """As written: they may be crossed; None where it sets none."""
    source: str
    """What sets them: a file and line, or an option."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What the rest of a serve line says, as vllm-rbln reads it."""

    flags: Mapping[str, str]
    """Long options in their order, without the dashes; "" for switches."""
    additional: Mapping[str, Any] = field(default_factory=dict)
    """What --additional-config holds."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables set for the server."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Of them those that name a file beside the text, and what stands in it."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that only running the text would tell."""

    text: str
    """Its source, shortened."""

    def __repr__(self) -> str:
        """Return the source, so that messages show what stands there."""
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeLine(Line):
    """What a `vllm serve` line says beside the configuration."""

    model: str
    """What it serves: a Hugging Face id or a folder."""
    is_folder: bool
    """Whether that is a compiled folder, as far as the line tells."""
    channel: str = ""
    """The option and key the configuration came by, such as "--additional-config
    rbln_config"; "" where there is none."""
    channels: tuple[str, ...] = ()
    """Every way by which the line hands one over, in its order."""
    folder_chunk: int | None = None
    """`prefill_chunk_size` of the compiled folder; None where nobody could read it."""
    folder_config: Mapping[str, Any] | None = None
    """All that folder says of itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A configuration as it was read."""

    config: Mapping[str, Any]
    """JSON values, wrappers taken off; tuples of a Python literal stay tuples, and what
    only running it would tell is `Unknown`."""
    form: Form
    """What it is given to."""
    source: str
    """Base name of the file."""
    places: Mapping[Path, Place]
    """Where each value stands; () is the configuration as a whole."""
    class_name: str = ""
    """The class of `optimum.rbln` that takes it; "" where the text does not tell."""
    family: str = ""
    """The `model_type` it is for, as far as the text tells; "" otherwise."""
    version: Version | None = None
    """The release that compiled it, or that it says it is for; None where the text does
    not tell."""
    version_source: str = ""
    """Where it says so, in words."""
    model: str = ""
    """What `from_pretrained` or vLLM is given, or the compiled folder itself; "" where
    the text does not tell."""
    serve: ServeLine | None = None
    """The line it stands in."""
    model_assumed: bool = False
    """Whether a plan had to assume its model."""
    limits: tuple[GivenLimits, ...] = ()
    """What sets image limits, the first to decide first: the text, then the processor
    saved in the folder that the configuration is in or names."""
    compiled_as: Mapping[str, Any] | None = None
    """The configuration of the folder that is loaded, where the text compiles it or the
    folder is at hand; None otherwise."""
    notes: tuple[str, ...] = ()
    """What could not be read, a sentence each."""
    path: str = ""
    """The file, as it was given; "" where it has none."""
    position: int = 0
    """Which of the configurations of its text it is, from 0."""

    @property
    def adds_to_folder(self) -> bool:
        """Whether a compiled folder holds the rest: what stands not here is no lack."""
        return self.form == "load" or (self.serve is not None and self.serve.is_folder)

    def place(self, path: Path) -> Place:
        """Return where a value stands, or what holds it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(source=self.source, line=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenConfig:
    """A configuration that emitted ones start from.

    Attributes
    ----------
    mapping : mapping
        JSON values, without what only a compiled folder holds.
    name : str
        The file's base name.
    notes : tuple of str
        What was left out or looks odd.
    """

    mapping: Mapping[str, Any]
    name: str
    notes: tuple[str, ...]
