"""What the configurations of an engine call things, for those who read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bucketwise.errors import ConfigError

_NEVER = re.compile(r"(?!)")


def _nothing(*_: Any) -> Any:
    return None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compiler:
    """A command whose options are a configuration: it compiles them, or serves by them."""

    name: str = ""
    module: str = ""
    """The program, and the module of Python that is it; "" for none."""
    options: Mapping[str, bool] = field(default_factory=dict)
    """Its own options, and whether each takes a value; any other is a setting, or with
    hf- in front for transformers."""
    without_compile: frozenset[str] = frozenset()
    """Options with which it does something else."""
    unasked: Mapping[str, Any] = field(default_factory=dict)
    """Settings that it makes where nobody does."""
    model: str = "model-id"
    """The option that names the model; "" where its first word does."""
    serves: bool = False
    """Whether it is a server: settings keep the names of its options, as text behind `=`
    or words behind the name."""
    lists: frozenset[str] = frozenset()
    """Of a server's options those that take several words."""
    files: Mapping[str, bool] = field(default_factory=dict)
    """Of a server's options those that name a file with more settings, and whether these
    overtake the line's own."""

    def own_option(self, typed: str) -> str:
        """Return the option that a name stands for; "" for a setting.

        argparse takes the beginning of a name where one option alone has it.
        """
        if typed in self.options:
            return typed
        found = [name for name in self.options if typed and name.startswith(typed)]
        return found[0] if len(found) == 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vocabulary:
    """What the configurations of an engine call things."""

    sdk: str = ""
    """The package that takes them."""
    commands: str = "vllm serve"
    examples: str = ""
    """Commands that take one, and some of its settings, in words."""
    keyword: str = ""
    prefix: str = ""
    class_prefix: str = ""
    """What a call of Python takes one by; what stands before its single settings, and
    before classes that take it."""
    server_keyword: str = ""
    """What the server's own classes of Python take one by."""
    compiler: Compiler = Compiler()
    """The command that compiles for it."""
    hints: re.Pattern[str] = _NEVER
    mentions: re.Pattern[str] = _NEVER
    """What Python that configures holds, and what any text does that is about it."""
    settings: frozenset[str] = frozenset()
    """Every name that some release knows at some level."""
    at_load: frozenset[str] = frozenset()
    """Of them what a compiled folder takes."""
    classes: Mapping[str, str] = field(default_factory=dict)
    """Class that takes a configuration -> the `model_type` it serves."""
    lengths: tuple[str, ...] = ()
    """Keys that lead to the list of ViT lengths."""
    lengths_note: str = ""
    """What older releases call it, in brackets; "" where they call it so, too."""
    file: str = ""
    """What a compiled folder keeps its configuration in; "" where there are no such."""
    levels: tuple[str, ...] = ()
    """Submodules, one within the other."""
    saved: frozenset[str] = frozenset()
    """What saving adds, and compiling again refuses or computes anew."""
    graphs: str = ""
    compiled_by: str = ""
    class_key: str = ""
    """Of that what each graph was compiled for, the release, and the class."""
    kept_by_graph: tuple[str, ...] = ()
    """Settings that saving keeps with each graph alone."""
    wrappers: tuple[str, ...] = ()
    """Keys that a configuration may be wrapped in."""
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Options of the server that hand one over, and the keys in their value that do; ()
    where the value is the configuration."""
    files: frozenset[str] = frozenset()
    """Variables of the environment that name a file with more of the configuration."""
    signs: re.Pattern[str] = _NEVER
    """What only texts for this engine hold, by which one that names none is known."""
    pin: re.Pattern[str] = _NEVER
    image: re.Pattern[str] = _NEVER
    release: re.Pattern[str] = _NEVER
    """What names a release in a requirement, an image, and the name of a file or
    folder."""
    family_in: Callable[[Mapping[str, Any]], str] = lambda _: ""
    """Configuration -> the family whose settings alone it holds; "" for none."""
    lengths_in: Callable[[Any], tuple[int, ...] | None] = _nothing
    """Document -> its ViT lengths, ascending; None where it has none."""
    as_base: Callable[[Any], Mapping[str, Any] | None] = _nothing
    """Document -> the configuration with all that its text sets; None for none."""
    folder_notes: Callable[[Mapping[str, Any]], tuple[str, ...]] = lambda _: ()
    """Configuration of a compiled folder -> what to know of it where others start from
    it."""

    def family_of(self, class_name: str) -> str:
        """Return the family a class serves; "" for one that is unknown."""
        return self.classes.get(class_name, "")

    def listing(self, lengths: list[int]) -> dict[str, Any]:
        """Return a configuration that says nothing but its ViT lengths."""
        if not self.lengths:
            message = f"{self.sdk} takes no list of ViT lengths; leave {lengths} out"
            raise ConfigError(message)
        config: Any = lengths
        for name in reversed(self.lengths):
            config = {name: config}
        return dict(config)

    @property
    def lengths_named(self) -> str:
        """The name of the list of ViT lengths, in words."""
        return f"{'.'.join(self.lengths)}{self.lengths_note}"


NO_WORDS = Vocabulary()
"""That of a text which holds no configuration itself, such as the value of an option."""
