"""Shell text -> the words of its commands. Nothing is ever run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bucketwise.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Variable:
    """A part of a word that the shell would fill in.

    Attributes
    ----------
    text : str
        As it is written.
    name : str
        Its name; "" for a command whose output is meant.
    default : str or None
        What stands in for it where it is not set.
    """

    text: str
    name: str = ""
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """What a variable was set to, and on which line."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Word:
    """One word, quotes taken off.

    Attributes
    ----------
    parts : tuple of str or Variable
        What it is made of.
    line : int
        Where it begins, from 1.
    """

    parts: tuple[str | Variable, ...]
    line: int

    def filled(self, variables: Mapping[str, Value]) -> tuple[str, tuple[str, ...]]:
        """Return the text, and the parts of it that stay unknown."""
        texts, unknown = [], []
        for part in self.parts:
            if isinstance(part, str):
                texts.append(part)
            elif part.name in variables:
                texts.append(variables[part.name].text)
            elif part.default is not None:
                texts.append(part.default)
            else:
                texts.append(part.text)
                unknown.append(part.text)
        return "".join(texts), tuple(unknown)

    def length(self, variables: Mapping[str, Value]) -> int:
        """Return how long the text would be."""
        return sum(
            len(part)
            if isinstance(part, str)
            else len(variables[part.name].text)
            if part.name in variables
            else len(part.default or part.text)
            for part in self.parts
        )

    @property
    def alone(self) -> Variable | None:
        """The variable it is nothing but, if so."""
        # Quotes begin with an empty part.
        parts = [part for part in self.parts if part != ""]
        only = parts[0] if len(parts) == 1 else None
        return only if isinstance(only, Variable) else None

    @property
    def is_bare(self) -> bool:
        """Whether it is one variable without quotes: the shell splits what it holds."""
        return len(self.parts) == 1 and isinstance(self.parts[0], Variable)


# What may stand between two words' marks; the first that matches is taken.
_TOKEN = re.compile(
    r"""
      (?P<continued> \\\n )
    | \\ (?P<escaped> . )
    | ' (?P<single> [^']* ) '
    | (?P<double> " [^"\\]*+ (?: \\. [^"\\]*+ )*+ " )
    | (?P<variable> \$ (?: \w+ | [@*\#?$!-] | \{ [^{}]* \} ) )
    | (?P<command> \$\( (?: [^()]++ | \( [^()]*+ \) )*+ \) | ` [^`]*+ ` )
    | (?P<array> [A-Za-z_]\w*\+?=\( )
    | (?P<heredoc> <<-? [ \t]* (?P<quote> ['"]? ) (?P<end> \w+ ) (?P=quote) )
    | (?P<redirect> &?[<>]+[&|]? )
    | (?P<ends> \n | [;&|()] )
    | (?P<blank> [ \t]+ )
    | (?P<plain> [^\s\\'"$`<>;&|()]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)

_IN_DOUBLE = re.compile(
    r"""
      \\ (?P<escaped> ["\\$`] )
    | (?P<continued> \\\n )
    | (?P<variable> \$ (?: \w+ | [@*\#?$!-] | \{ [^{}]* \} ) )
    | (?P<command> \$\( (?: [^()]++ | \( [^()]*+ \) )*+ \) | ` [^`]*+ ` )
    | (?P<plain> [^\\$`]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)

_BRACED = re.compile(r"\$\{(\w+)(?::?[-=](.*))?\}", re.DOTALL)


def commands(content: str, name: str, first_line: int = 1) -> Iterator[list[Word]]:
    """Yield the words of every command, in order.

    Parameters
    ----------
    content : str
        The text.
    name : str
        What to call it.
    first_line : int
        The line it starts on, where it stands within another text.

    Raises
    ------
    ConfigError
        When a quote is not closed.
    """
    reader = _Reader(first_line)
    position = 0
    while match := _TOKEN.match(content, position):
        if match["plain"] in ("'", '"'):
            message = f"{name}: line {reader.line}: a quote is not closed"
            raise ConfigError(message)
        position = match.end()
        if not reader.in_word and match[0].startswith("#"):
            position = _line_end(content, match.start())
            continue
        if done := reader.take(match):
            yield done
        reader.line += match[0].count("\n")
        if match["ends"] == "\n" and reader.ends:
            position = reader.skip_heredocs(content, position)
    if done := reader.finish():
        yield done


class _Reader:
    """Puts words together.

    Parameters
    ----------
    line : int
        The line the text starts on.
    """

    def __init__(self, line: int) -> None:
        self.line = line
        self.ends: list[str] = []
        self._words: list[Word] = []
        self._parts: list[str | Variable] = []
        self._began = 0
        self._drop = False
        self._in_array = False

    @property
    def in_word(self) -> bool:
        """Whether a word has begun."""
        return bool(self._parts)

    def take(self, match: re.Match[str]) -> list[Word]:
        """Take one token; return the words of a command that it ends."""
        if match["continued"]:
            return []
        if match["blank"]:
            self._end_word()
        elif match["heredoc"]:
            self._end_word()
            self.ends.append(match["end"])
        elif match["redirect"]:
            self._redirect()
        elif match["array"]:
            self._words = [Word((match["array"],), self.line)]
            self._in_array = True
        elif match["ends"] and self._in_array and match["ends"] != ")":
            self._end_word()
        elif match["ends"]:
            return self.finish()
        else:
            self._began = self._began or self.line
            self._parts += _parts(match)
        return []

    def finish(self) -> list[Word]:
        """Return the words of the command so far."""
        self._end_word()
        words, self._words = self._words, []
        self._drop = self._in_array = False
        return words

    def skip_heredocs(self, content: str, position: int) -> int:
        """Return where the text goes on after what was announced with <<."""
        for end in self.ends:
            pattern = re.compile(rf"^\t*{re.escape(end)}$", re.MULTILINE)
            match = pattern.search(content, position)
            stop = match.end() if match else len(content)
            self.line += content.count("\n", position, stop)
            position = stop
        self.ends = []
        return position

    def _redirect(self) -> None:
        if "".join(map(str, self._parts)).isdecimal():
            self._parts, self._began = [], 0
        self._end_word()
        self._drop = True

    def _end_word(self) -> None:
        if self._parts and not self._drop:
            self._words.append(Word(tuple(self._parts), self._began))
        if self._parts:
            self._drop = False
        self._parts, self._began = [], 0


def _parts(match: re.Match[str]) -> list[str | Variable]:
    if match["double"]:
        inner = _IN_DOUBLE.finditer(match["double"][1:-1])
        # An empty pair of quotes is a word too.
        return ["", *(part for each in inner for part in _parts_of(each))]
    if match["single"] is not None:
        return [match["single"]]
    return _parts_of(match)


def _parts_of(match: re.Match[str]) -> list[str | Variable]:
    if match["continued"]:
        return []
    if match["variable"]:
        return [_variable(match["variable"])]
    if match["command"]:
        return [Variable(match["command"])]
    return [match["escaped"] or match["plain"]]


def _variable(text: str) -> Variable:
    braced = _BRACED.fullmatch(text)
    if braced:
        default = braced[2]
        return Variable(text, braced[1], default.strip("\"'") if default else None)
    return Variable(text, text[1:].strip("{}"))


def _line_end(content: str, position: int) -> int:
    end = content.find("\n", position)
    return len(content) if end < 0 else end


@dataclass(frozen=True, slots=True)
class Quoted:
    """A part of a word in quotes: its text, where it stands, and how it is quoted."""

    text: str
    start: int
    end: int
    mark: str

    def quoted(self, text: str) -> str:
        """Return another text in the same quotes."""
        if self.mark == "'":
            return "'" + text.replace("'", "'\\''") + "'"
        return '"' + re.sub(r'(["\\$`])', r"\\\1", text) + '"'


def quoted_words(content: str) -> Iterator[Quoted]:
    """Yield every part in quotes that a shell would change nothing in.

    Parameters
    ----------
    content : str
        The text.
    """
    position = 0
    while match := _TOKEN.match(content, position):
        position = match.end()
        if match[0].startswith("#") and content[match.start() - 1 : match.start()] in (
            *" \t\n",
            "",
        ):
            position = _line_end(content, match.start())
        elif match["single"] is not None:
            yield Quoted(match["single"], match.start(), match.end(), "'")
        elif match["double"] and all(isinstance(part, str) for part in _parts(match)):
            text = "".join(str(part) for part in _parts(match))
            yield Quoted(text, match.start(), match.end(), '"')
