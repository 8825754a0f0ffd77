"""What an engine is: a runtime that shapes are compiled for, as data and functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from bucketwise.errors import UsageError
from bucketwise.nouns.encoder_profile import EncoderFamily
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.vocabulary import Vocabulary

Version = tuple[int, ...]

Overflow = Literal["raises", "eager", "recompiles", "shrinks"]
"""What an input above every length meets: an error, a run without a graph, a compile, or
fewer pixels."""

OVERFLOWS: dict[Overflow, tuple[str, str]] = {
    "raises": ("fails", "fail"),
    "eager": ("runs without a graph", "run without a graph"),
    "recompiles": ("waits for a compile", "wait for a compile"),
    "shrinks": ("is made smaller", "are made smaller"),
}
"""The same in words, of one input and of several."""

Unit = Literal["vit_patches", "merged_patches"]

CAPTURED = tuple(
    (f"{start}ompil{ending}", f"{start}aptur{ending}")
    for start in "cC"
    for ending in ("e", "es", "ed", "ing")
)
"""What is said of a graph that is compiled -> of one that is captured."""

HELD = (
    ("serves what the scenario serves", "holds what the scenario holds"),
    *(("both serve", "both hold"), ("both serves", "both holds")),
    *(
        ("all serve", "all hold"),
        ("it serves", "it holds"),
        ("each serves", "each holds"),
    ),
    *(("all are served", "all are held"), ("scenario serves", "scenario holds")),
    *(("is served by all", "is held by all"), ("serves none", "holds none")),
)
"""What is said of lengths where every other image fails -> where each is served."""

MERGED = (
    ("ViT patches", "merged patches"),
    ("ViT lengths, patches", "ViT lengths, merged patches"),
)
"""What is said where lengths count ViT patches -> where they count merged ones."""


def parse_version(text: str) -> Version:
    """Return the numeric parts of a release such as "0.11.0.post1"."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def written(version: Version) -> str:
    """Return a release as its wheel is named."""
    return ".".join(map(str, version))


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Published peaks of one device."""

    name: str
    """The product."""
    dram_bytes_per_s: float
    """Memory bandwidth."""
    flop_per_s: float
    """16-bit matrix products."""
    source: str
    """Where the peaks were published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Releases of an engine that take the same text."""

    sdk: str
    """The package that an operator installs, for example "optimum-rbln"."""
    version: str
    """The newest of the releases, for example "0.12.0", after which it is named."""
    covers: str
    """All of them, in words."""
    releases: tuple[Version, ...]
    """Those releases, oldest first."""

    @property
    def name(self) -> str:
        """The requirement an operator would install."""
        return f"{self.sdk}=={self.version}"

    @property
    def folder(self) -> str:
        """Name of the folder that holds its files among the results."""
        return f"{self.sdk}-{self.version}"

    @property
    def keys(self) -> str:
        """What it calls the settings that releases name differently; "" for none."""
        return ""

    @property
    def parsed(self) -> Version:
        """The release as numbers, for comparison."""
        return parse_version(self.version)

    @property
    def least(self) -> Version:
        """The oldest release it covers, as numbers."""
        return self.releases[0]


def check_planned(targets: Iterable[Target], planned: Iterable[str]) -> None:
    """Check that a plan was made for the dialects it is to be written for.

    Releases count some lengths differently: a plan holds for those it was made for.
    """
    known = tuple(planned)
    lacking = [each.name for each in targets if known and each.name not in known]
    if lacking:
        message = (
            f"target: expected one that was planned for ({', '.join(known)}), got "
            f"{', '.join(lacking)}; give it to analyze"
        )
        raise UsageError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListToSet:
    """One list, in the unit of the plan, and the releases that take it by one name."""

    level: str
    """Keys that lead to it, with dots."""
    key: str
    """Its name there."""
    lengths: tuple[int, ...]
    """What it holds."""
    first: str
    last: str
    """The oldest and the newest of those releases."""
    is_oldest: bool
    is_newest: bool
    """Whether no covered release stands before or after them."""

    @property
    def path(self) -> str:
        """Where it stands, with dots."""
        return f"{self.level}.{self.key}" if self.level else self.key

    @property
    def releases(self) -> str:
        """The releases in words: "up to 0.10.3", "from 0.10.4"."""
        if self.is_newest:
            return f"from {self.first}"
        return (
            f"up to {self.last}" if self.is_oldest else f"{self.first} to {self.last}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePattern:
    """One emitted file."""

    name: str
    """Its name."""
    text: str
    """As the plan has it."""
    pattern: str
    """The same with a place wherever an edit shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFiles:
    """The files of one release."""

    version: str
    """Of the engine."""
    extra: int
    """What every length of this release needs beside that of the newest, in ViT
    patches: a window it counts too many."""
    files: tuple[FilePattern, ...]
    """In the emitters' order."""


class Base(Protocol):
    """The configuration that emitted ones start from, in an engine's own form."""

    @property
    def mapping(self) -> dict[str, Any]:
        """What it says, as JSON values."""

    def assumed(self) -> Sequence[Any]:
        """Return the values nobody chose, each with its `path` and `value`."""

    def assumptions(self) -> tuple[tuple[str, str, str, str], ...]:
        """Return name, value, status and source of every value."""

    def gives(self, key: str) -> bool:
        """Return whether somebody gave the value of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lint:
    """How an engine judges a configuration."""

    rules: Callable[[], tuple[Any, ...]]
    """-> every rule, in the order reports tell them."""
    case: Callable[..., Any]
    """The fields of a `LintCase`, by name -> what is judged."""
    judge: Callable[[Any, Iterable[Any]], tuple[Any, ...]]
    """What is judged, and rules -> what they say, the gravest first."""
    memory: Callable[[Any], Any] = lambda _: None
    """What is judged -> what each device would hold; None where too little is told."""
    device_in: Callable[[Any], str | None] = lambda _: None
    """Document -> the device it names; None for none."""
    device_faults: Callable[[str], list[str]] = lambda _: []
    """Name of a device -> what is wrong with it, a sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextEncoders:
    """The text encoders that an engine compiles."""

    sdk: str
    """The package that compiles them."""
    families: Mapping[str, EncoderFamily]
    """By `model_type`."""
    classes: Mapping[str, str]
    """Class of the package -> the `model_type` it serves."""
    tokens: str
    """Name of the lengths, in tokens."""
    lists_since: str
    """The release from which several lengths can be compiled."""
    auto_class: Callable[[str], str]
    """Class of transformers -> the one that picks the same class by itself."""
    targets: Callable[[str, Iterable[str]], tuple[Target, ...]]
    """Family and names of targets -> those to plan for, oldest first."""
    emit: Callable[..., Mapping[str, Mapping[str, str]]]
    """Plan and targets, `npu` by name -> release to path among the results to text."""
    memory: Callable[..., Any]
    """Profile and lengths, `npu` by name -> what they take of a device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A runtime with graphs of fixed shapes."""

    name: str
    """What its makers call it."""
    sdk: str
    """The package that compiles for it."""
    server: str
    """The package that serves what was compiled."""
    newest: str
    """Its newest release looked at."""
    largest_published: int
    """The largest length that any published configuration compiles, in ViT patches."""
    unit: Unit
    """Unit of its lists."""
    overflow: Overflow
    """What an input above every length meets."""
    proof: str
    """How what is said of it was proven, in words."""
    cost: str
    """What a run costs where nobody says: a key of `core.cost.COSTS`."""
    most_lengths: int
    """How many lengths are chosen at most where nobody says."""
    own_batch_size: int | None
    """Sequences decoded at once where nobody says; None where the load suggests them."""
    decoder_keys: tuple[str, str]
    """What it calls the list of decoder graphs, and the sequences decoded at once."""
    context_key: str = "max_seq_len"
    """What it calls the tokens of a sequence."""
    captures: bool = False
    """Whether graphs are captured while it runs, not compiled before."""
    as_run: Callable[[ModelProfile], ModelProfile]
    """Model -> the model as the engine runs it: padded to windows or not, clips at
    once or not, under the limits of a published deployment or not."""
    compiles: Callable[[str], bool]
    """Family of a model -> whether some release has a class for it that takes lengths."""
    generates: Callable[[str], bool] = lambda _: True
    """Family -> whether it generates; one that embeds has no decoder."""
    refusal: Callable[[ModelProfile], str] = lambda _: ""
    """Model -> why no release compiles it all the same, in words; "" where one does."""
    targets_of: Callable[[str], tuple[Target, ...]]
    """Family -> the targets that compile it, oldest first."""
    extra_windows: Callable[[str, Version], int] = lambda _, __: 0
    """Family and release -> windows counted too many in a run of a windowed tower."""
    mask_bytes: Callable[[int], int] = lambda _: 0
    """Length -> bytes of the inputs that grow with its square."""
    picks_smaller_graphs: Callable[[str], bool] = lambda _: True
    """Family -> whether a decode step runs on the smallest graph that holds it."""
    usual_graphs: Callable[[int], tuple[int, ...]]
    """Batch size -> the decoder graphs that guides of the vendor compile."""
    graph_rules: Callable[[str, int], tuple[str, ...]] = lambda _, __: ()
    """Family and batch size -> what holds for every list of decoder graphs, a sentence
    each."""
    device_of: Callable[[str | None], tuple[Device, bool]]
    """Name of a device, None where nobody named it -> its peaks, and whether it had to
    be assumed."""
    context_step: Callable[[int | None], tuple[int, int]] = lambda _: (1, 1)
    """Tokens of a partition of the cache, None without -> the multiple that a context
    is of, and the least number of them."""
    lists_to_set: Callable[[Any], tuple[ListToSet, ...]]
    """Plan -> the lists of lengths by the names that releases have for them, oldest
    releases first; () where none compiles the model."""
    files_to_edit: Callable[[Any, Any, Any], tuple[ReleaseFiles, ...]] = (
        lambda _, __, ___: ()
    )
    """Plan, the configuration emitted ones start from, and targets, oldest first -> the
    files of every release with places for what is edited in the page, newest first."""
    pick: Callable[[str, Iterable[str]], tuple[Target, ...]]
    """Family and names of targets -> those to plan for, oldest first: each for "all",
    the newest without names; () where none compiles the family."""
    named: Callable[[Iterable[str]], tuple[Target, ...]]
    """Names of targets -> these, oldest first; without names every one."""
    base_of: Callable[[str, Any, Mapping[str, Any]], Base]
    """Family, `GivenConfig` or None, and what is set over it by name -> the
    configuration that emitted ones start from."""
    settings_of: Callable[[Any, str], Mapping[str, Any]] = lambda _, __: {}
    """Configuration that emitted ones start from, or None, and family -> what the model
    runs with."""
    deploy: Callable[[Any, Any, Any, float], Any]
    """Analysis, that configuration, targets, and the least saving -> the analysis with
    what nobody gave chosen to fit, memory and verdict."""
    base_to_emit: Callable[[Any, Any, Any], Any]
    """Analysis, that configuration, targets -> the configuration as it is emitted."""
    emit: Callable[[Any, Any, Any], Mapping[str, str]]
    """Plan, that configuration, targets -> path among the results to text."""
    emitted: re.Pattern[str]
    """Paths among the results that `emit` makes, or made in older releases of
    bucketwise."""
    memory_with: Callable[[Any, Any, Any], tuple[Any, Any]] = lambda _, __, ___: (
        None,
        None,
    )
    """Analysis, that configuration, targets -> memory as planned, and before."""
    memory_coefficients: Callable[[Any, Any, Any], dict[str, Any] | None] = (
        lambda _, __, ___: None
    )
    """Analysis, that configuration, targets -> what memory follows from, as JSON for
    the page; None where too little is known."""
    judge_in_service: Callable[[Any, Any, Any], Any] = lambda _, __, ___: None
    """Analysis, configuration of today or None, targets -> what lint says of it."""
    lint: Lint | None
    """How it judges a configuration; None where it has no rules."""
    vocabulary: Vocabulary
    """What its configurations call things."""
    encoders: TextEncoders | None = None
    """The text encoders it compiles; None for none."""
    unit_note: str
    """Which unit a length of the engine has, and what documents say of it; a sentence
    or more."""
    window_note: Callable[[str], str] = lambda _: ""
    """Family -> what releases count wrong, a sentence; "" for nothing."""
    length_bytes: Callable[[ModelProfile, int], int]
    """Model and length -> bytes that one more graph takes of a device beside
    weights."""
    unmasked: str
    """What those are of graphs that take no mask, in words."""
    one_size: Callable[[str], str] = lambda _: ""
    """Family -> why its class has no lengths to choose, in words; "" for no such
    class."""
    unplanned: Callable[[str], str] = lambda _: ""
    """Family -> why nothing is planned for it though the engine runs it, in words; ""
    where that is not so."""
    no_lengths: str = ""
    """Why it takes no list of lengths of the ViT, a sentence; "" where it takes one."""
    fixed_lengths: Callable[[ModelProfile], tuple[int, ...]] = lambda _: ()
    """Model -> the lengths built into the engine, ascending; () where they are chosen."""

    def runs_on_lengths(self, profile: ModelProfile) -> bool:
        """Return whether images run on graphs of set lengths, chosen or built in."""
        return not self.no_lengths or bool(self.fixed_lengths(profile))

    def patches_per_length(self, profile: ModelProfile) -> int:
        """Return the ViT patches that one of what its lists count stands for."""
        merged = self.unit == "merged_patches" and not profile.class_tokens
        return profile.lengths_per_merged if merged else 1

    def words(self, profile: ModelProfile) -> tuple[tuple[str, str], ...]:
        """Return what is said elsewhere -> what is meant of it."""
        above = f"{OVERFLOWS[self.overflow][0]} today"
        found = zip(
            ("decoder_batch_sizes", "batch_size", "max_seq_len"),
            (*self.decoder_keys, self.context_key),
            strict=True,
        )
        return (
            *(pair for pair in found if pair[0] != pair[1]),
            *(CAPTURED if self.captures else ()),
            *(() if self.overflow == "raises" else (*HELD, ("fails today", above))),
            *(MERGED if self.patches_per_length(profile) > 1 else ()),
        )

    def counts_merged(self, bucket_unit: str) -> bool:
        """Return whether what is to be set of a plan counts merged patches."""
        return "merged_patches" in (self.unit, bucket_unit)

    def release(self, version: Version) -> Release:
        """Return one of its releases."""
        return Release(engine=self, version=version)

    @property
    def known_releases(self) -> tuple[Version, ...]:
        """Every release looked at, oldest first."""
        return tuple(each for target in self.named(()) for each in target.releases)

    def releases(self, targets: Iterable[Target]) -> tuple[Release, ...]:
        """Return the newest release of each target."""
        return tuple(self.release(each.parsed) for each in targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release of an engine."""

    engine: Engine
    version: Version

    @property
    def name(self) -> str:
        """The release as its wheel is named."""
        return written(self.version)

    def extra_windows(self, family: str) -> int:
        """Return the windows it counts too many in a run of a windowed tower."""
        return self.engine.extra_windows(family, self.version)
