"""What is judged: a configuration, what it is for, and where it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bucketwise.core.cost import CostCurve
from bucketwise.core.demand import Demand
from bucketwise.core.patching import Counts
from bucketwise.core.today import GivenLimits
from bucketwise.engines.rbln.encoders import ENCODER_CLASSES
from bucketwise.engines.rbln.keys import DEVICES, INHERITED, OLD_DEVICES, standing
from bucketwise.engines.rbln.model_classes import SUBMODULES, generates, within
from bucketwise.engines.rbln.nesting import flattened
from bucketwise.engines.rbln.releases import Version
from bucketwise.engines.rbln.serve_line import Compiled, compiled, device_keys
from bucketwise.engines.rbln.serve_options import Line, winning_channel
from bucketwise.lint.finding import Path
from bucketwise.nouns.activity import RequestTokens
from bucketwise.nouns.encoder_profile import EncoderProfile
from bucketwise.nouns.profile import ModelProfile, PixelLimits
from bucketwise.nouns.traffic import Place

Form = Literal["compile", "compiled", "load", "serve", "list", "plan"]
"""compile: given to from_pretrained(export=True); compiled: what such a folder holds;
load: given to from_pretrained(export=False) beside such a folder; serve: given to
vllm-rbln, which completes it; list and plan: ViT lengths alone, as numbers or in a
plan.json."""

LENGTHS_ALONE: tuple[Form, ...] = ("list", "plan")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that only running the text would tell.

    Attributes
    ----------
    text : str
        Its source, shortened.
    """

    text: str

    def __repr__(self) -> str:
        """Return the source, so that messages show what stands there."""
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeLine(Line):
    """What a `vllm serve` line says beside the configuration.

    Attributes
    ----------
    model : str
        What it serves: a Hugging Face id or a folder.
    is_folder : bool
        Whether that is a compiled folder, as far as the line tells.
    channel : str
        The option and key the configuration came by, such as
        "--additional-config rbln_config"; "" where there is none.
    channels : tuple of str
        Every way by which the line hands one over, in its order.
    folder_chunk : int or None
        `prefill_chunk_size` of the compiled folder; None where nobody could read it.
    folder_config : mapping or None
        All that folder says of itself.
    """

    model: str
    is_folder: bool
    channel: str = ""
    channels: tuple[str, ...] = ()
    folder_chunk: int | None = None
    folder_config: Mapping[str, Any] | None = None

    def overruled_by(self, version: Version) -> str:
        """Return the way that counts in a release instead of this one; "" for none."""
        winner = winning_channel(self.channels or (self.channel,), version)
        return winner if winner != self.channel else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A configuration as it was read.

    Attributes
    ----------
    config : mapping
        JSON values, wrappers taken off; tuples of a Python literal stay tuples, and
        what only running it would tell is `Unknown`.
    form : {"compile", "compiled", "load", "serve", "list", "plan"}
        What it is given to.
    source : str
        Base name of the file.
    places : mapping of tuple of str to Place
        Where each value stands; () is the configuration as a whole.
    class_name : str
        The class of `optimum.rbln` that takes it; "" where the text does not tell.
    family : str
        The `model_type` it is for, as far as the text tells; "" otherwise.
    version : tuple of int or None
        The release that compiled it, or that it says it is for; None where the text
        does not tell.
    version_source : str
        Where it says so, in words.
    model : str
        What `from_pretrained` or vLLM is given, or the compiled folder itself; ""
        where the text does not tell.
    serve : ServeLine or None
        The line it stands in.
    model_assumed : bool
        Whether a plan had to assume its model.
    limits : tuple of GivenLimits
        What sets image limits, the first to decide first: the text, then the processor
        saved in the folder that the configuration is in or names.
    compiled_as : mapping or None
        The configuration of the folder that is loaded, where the text compiles it or the
        folder is at hand; None otherwise.
    notes : tuple of str
        What could not be read, a sentence each.
    path : str
        The file, as it was given; "" where it has none.
    position : int
        Which of the configurations of its text it is, from 0.
    """

    config: Mapping[str, Any]
    form: Form
    source: str
    places: Mapping[Path, Place]
    class_name: str = ""
    family: str = ""
    version: Version | None = None
    version_source: str = ""
    model: str = ""
    serve: ServeLine | None = None
    model_assumed: bool = False
    limits: tuple[GivenLimits, ...] = ()
    compiled_as: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    path: str = ""
    position: int = 0

    @property
    def adds_to_folder(self) -> bool:
        """Whether a compiled folder holds the rest: what stands not here is no lack."""
        return self.form == "load" or (self.serve is not None and self.serve.is_folder)

    @property
    def npu(self) -> str | None:
        """Name of the NPU, as far as the text tells."""
        level: Any = self.config
        found = None
        for name in ("", *within(self.family, self.config)):
            level = level.get(name) if name else level
            if isinstance(level, Mapping):
                found = level.get("npu") or found
        return found if isinstance(found, str) else None

    def place(self, path: Path) -> Place:
        """Return where a value stands, or what holds it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(source=self.source, line=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What users send, as far as a configuration can be judged by it.

    Attributes
    ----------
    counts : Counts
        What the processor makes of every size.
    curve : CostCurve
        Cost of one ViT run.
    tokens : RequestTokens or None
        Tokens of the requests, where they are known.
    """

    counts: Counts
    curve: CostCurve
    tokens: RequestTokens | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A configuration with all that its judgement needs.

    Attributes
    ----------
    document : Document
        What was read.
    version : tuple of int
        The release it is judged for.
    profile : ModelProfile or None
        The model; None where nobody named it.
    family : str
        The `model_type`; "" where nobody knows it.
    limits : PixelLimits or None
        Image limits of the processor that will feed it; None where nobody knows them.
    npu : str or None
        Name of the NPU.
    use : Use or None
        What users send; None where nobody told.
    encoder : EncoderProfile or None
        The text encoder; None where nobody named one.
    texts : Demand or None
        How many texts are how long, in tokens; None where nobody told.
    above : bool
        Whether the level above that of the language model is looked at, where the class
        has one.
    """

    document: Document
    version: Version
    profile: ModelProfile | None = None
    family: str = ""
    limits: PixelLimits | None = None
    npu: str | None = None
    use: Use | None = None
    encoder: EncoderProfile | None = None
    texts: Demand | None = None
    above: bool = False

    @property
    def inside(self) -> Path:
        """Keys that lead to the level of the language model; () for the top."""
        document = self.document
        if document.serve is not None or document.form in LENGTHS_ALONE:
            return ()
        return within(self.family, self.document.config)

    @property
    def as_given(self) -> Mapping[str, Any]:
        """The configuration as the model's class takes it.

        Of a serve line it is what vllm-rbln hands on.
        """
        serve = self.document.serve
        if serve is None:
            return self.document.config
        if serve.is_folder:
            return device_keys(self.document.config)
        return self.compiled(serve).config

    @property
    def written(self) -> Mapping[str, Any]:
        """The level of the language model, told in the one shape of `rbln.nesting`."""
        document = self.document
        if document.form in LENGTHS_ALONE:
            return document.config
        level: Any = flattened(
            self.as_given, self.family, whole=not document.adds_to_folder
        )
        for name in self.inside:
            level = level.get(name) if isinstance(level, Mapping) else None
        return level if isinstance(level, Mapping) else {}

    @property
    def config(self) -> Mapping[str, Any]:
        """The same, with what it takes from the level above it."""
        if not self.inside:
            return self.written
        counting = {DEVICES, OLD_DEVICES}
        taken = {*INHERITED, OLD_DEVICES, "batch_size"}
        taken -= counting if counting & set(self.written) else set()
        above = {
            name: value
            for name, value in self.document.config.items()
            if name in taken
            and standing(name, "outer", self.version, self.family) != "refused"
        }
        return above | dict(self.written)

    @property
    def counts(self) -> bool:
        """Whether optimum-rbln gets to see it: nothing on the line overrules it."""
        serve = self.document.serve
        return serve is None or not (
            serve.overruled_by(self.version)
            or serve.is_native(self.version)
            or not generates(self.family)
        )

    @property
    def encoder_family(self) -> str:
        """The `model_type` of the text encoder it is for; "" where it is for none."""
        if self.family or self.inside or "visual" in self.config:
            return ""
        named = ENCODER_CLASSES.get(self.document.class_name, "")
        return named or (self.encoder.family if self.encoder else "")

    @property
    def is_unknown_class(self) -> bool:
        """Whether it is for a class that no table here is about."""
        document = self.document
        if self.family or self.inside or self.encoder_family or "visual" in self.config:
            return False
        if document.serve is not None:
            return not document.serve.is_folder
        return bool(document.class_name) or any(
            isinstance(self.config.get(name), Mapping) for name in SUBMODULES
        )

    def compiled(self, serve: ServeLine) -> Compiled:
        """Return what vllm-rbln compiles for a line."""
        return compiled(
            self.document.config,
            serve,
            self.version,
            family=self.family,
            npu=self.npu,
            unread=Unknown,
        )

    @property
    def visual(self) -> Mapping[str, Any] | None:
        """The level of the ViT; None where there is none, or it is no mapping."""
        found = self.config.get("visual")
        return found if isinstance(found, Mapping) else None
