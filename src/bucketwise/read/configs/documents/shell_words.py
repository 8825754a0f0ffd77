"""Shell text -> the words of its commands. Nothing is ever run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bucketwise.errors import ConfigError
from bucketwise.read.configs.documents.excerpt import HOLE, Excerpt, joined

_HOLE = f"(?P<hole> {HOLE}+ )"
_COMMAND = r"(?P<command> \$\( (?: [^()]++ | \( [^()]*+ \) )*+ \) | ` [^`]*+ ` )"
_VARIABLE = r"(?P<variable> \$ (?: \w+ | [@*\#?$!-] | \{ [^{}]* \} ) )"

_BRACED = re.compile(r"\$\{(?P<name>\w+)(?::?[-=](?P<default>.*))?\}", re.DOTALL)
_TEMPLATE_NAME = re.compile(r"\$?\{\{\s*(?:env\.)?(\w+)\s*\}\}")
_NAME = re.compile(r"\w+(?:\[[@*]\])?")


class Dialect(NamedTuple):
    """How a shell writes words.

    Attributes
    ----------
    token : pattern
        What may stand between two words' marks; the first that matches is taken.
    inside : pattern
        What stands within double quotes.
    """

    token: re.Pattern[str]
    inside: re.Pattern[str]


def _pattern(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join((_HOLE, *parts)), re.VERBOSE | re.DOTALL)


POSIX = Dialect(
    token=_pattern(
        r"(?P<continued> \\\n )",
        r"\\ (?P<escaped> . )",
        r"' (?P<single> [^']* ) '",
        r'" (?P<double> [^"\\]*+ (?: \\. [^"\\]*+ )*+ ) "',
        _VARIABLE,
        _COMMAND,
        r"(?P<array> [A-Za-z_]\w*\+?=\( )",
        r"(?P<heredoc> <<-? [ \t]* (?P<quote> ['\"]? ) (?P<end> \w+ ) (?P=quote) )",
        r"(?P<redirect> &?[<>]+[&|]? )",
        r"(?P<ends> \n | [;&|()] )",
        r"(?P<blank> [ \t]+ )",
        rf"(?P<plain> [^\s\\'\"$`<>;&|(){HOLE}]+ | . )",
    ),
    inside=_pattern(
        r'\\ (?P<escaped> ["\\$`] )',
        r"(?P<continued> \\\n )",
        _VARIABLE,
        _COMMAND,
        rf"(?P<plain> [^\\$`{HOLE}]+ | . )",
    ),
)
# A program of Windows takes \" for a quote, whatever its shell makes of it.
POWERSHELL = Dialect(
    token=_pattern(
        r"(?P<continued> `\n )",
        r"` (?P<escaped> . )",
        r"\\ (?P<quoted> \" )",
        r"' (?P<literal> (?: [^'] | '' )* ) '",
        r'" (?P<double> (?: [^"`\\] | `. | \\"? | "" )* ) "',
        r"(?P<variable> \$ (?: env: )? (?: \w+ | \{ [^{}]* \} ) )",
        r"(?P<command> \$\( (?: [^()]++ | \( [^()]*+ \) )*+ \) )",
        r"(?P<redirect> \d?>+(?:&\d)? )",
        r"(?P<ends> \n | [;&|()] )",
        r"(?P<blank> [ \t]+ )",
        rf"(?P<plain> [^\s\\'\"$`>;&|(){HOLE}]+ | . )",
    ),
    inside=_pattern(
        r"` (?P<escaped> . )",
        r'\\ (?P<quoted> " )',
        r'" (?P<doubled> " )',
        r"(?P<variable> \$ (?: env: )? (?: \w+ | \{ [^{}]* \} ) )",
        r"(?P<command> \$\( [^()]* \) )",
        rf"(?P<plain> [^\\$`\"{HOLE}]+ | . )",
    ),
)
CMD = Dialect(
    token=_pattern(
        r"(?P<continued> \^\n )",
        r"\^ (?P<escaped> . )",
        r"\\ (?P<quoted> \" )",
        r'" (?P<double> (?: [^"\\\n] | \\"? | "" )* ) "',
        r"(?P<variable> % (?: \w+ % | \d | \* ) )",
        r"(?P<redirect> \d?>+(?:&\d)? )",
        r"(?P<ends> \n | [&|()] )",
        r"(?P<blank> [ \t]+ )",
        rf"(?P<plain> [^\s\\\"^%>&|(){HOLE}]+ | . )",
    ),
    inside=_pattern(
        r'\\ (?P<quoted> " )',
        r'" (?P<doubled> " )',
        r"(?P<variable> % (?: \w+ % | \d | \* ) )",
        rf"(?P<plain> [^\\\"%{HOLE}]+ | . )",
    ),
)
QUOTED = {
    "single": _pattern(rf"(?P<plain> [^{HOLE}]+ )"),
    "literal": _pattern(
        r'\\ (?P<quoted> " )', r"' (?P<doubled> ' )", rf"(?P<plain> [^\\'{HOLE}]+ | . )"
    ),
}
LISTED = _pattern(
    r"\$ (?P<escaped> \$ )",
    r"(?P<variable> \$ (?: \w+ | \{ [^{}]* \} ) )",
    r"(?P<command> \$\( \w+ \) )",
    rf"(?P<plain> [^${HOLE}]+ | . )",
)
UNCLOSED = {POSIX: "'\"", POWERSHELL: "'\"", CMD: '"'}


def dialect_of(text: str) -> Dialect:
    """Return how a text is written, told by how it goes on on the next line."""
    if re.search(r"[ \t]`\n", text):
        return POWERSHELL
    if re.search(r"[ \t]\^\n", text):
        return CMD
    return POSIX


@dataclass(frozen=True, slots=True)
class Variable:
    """A part of a word that the shell would fill in.

    Attributes
    ----------
    text : Excerpt
        As it is written.
    name : str
        Its name; "" for a command whose output is meant.
    default : Excerpt or None
        What stands in for it where it is not set.
    """

    text: Excerpt
    name: str = ""
    default: Excerpt | None = None

    def value(self, variables: Mapping[str, Excerpt]) -> Excerpt | None:
        """Return what it stands for; None where only running it would tell."""
        return variables.get(self.name, self.default)


@dataclass(frozen=True, slots=True)
class Word:
    """One word, quotes taken off.

    Attributes
    ----------
    parts : tuple of Excerpt or Variable
        What it is made of.
    at : Excerpt
        Where it begins, with nothing in it.
    """

    parts: tuple[Excerpt | Variable, ...]
    at: Excerpt

    def filled(
        self, variables: Mapping[str, Excerpt]
    ) -> tuple[Excerpt, tuple[str, ...]]:
        """Return the text, and the parts of it that stay unknown."""
        texts, unknown = [], []
        for part in self.parts:
            if isinstance(part, Excerpt):
                texts.append(part)
                continue
            value = part.value(variables)
            texts.append(part.text if value is None else value)
            if value is None:
                unknown.append(part.text.text)
        return joined(texts, self.at), tuple(unknown)

    def length(self, variables: Mapping[str, Excerpt]) -> int:
        """Return how long the text would be."""
        return sum(
            len((each.value(variables) or each.text).text)
            if isinstance(each, Variable)
            else len(each.text)
            for each in self.parts
        )

    @property
    def alone(self) -> Variable | None:
        """The variable it is nothing but, if so."""
        # Quotes begin with an empty part.
        parts = [part for part in self.parts if isinstance(part, Variable) or part.text]
        only = parts[0] if len(parts) == 1 else None
        return only if isinstance(only, Variable) else None

    @property
    def is_bare(self) -> bool:
        """Whether it is one variable without quotes: the shell splits what it holds."""
        return len(self.parts) == 1 and isinstance(self.parts[0], Variable)


def listed_word(excerpt: Excerpt) -> Word:
    """Return one item of a list of words, in which variables alone are filled in."""
    return Word(tuple(_parts(excerpt, LISTED)), excerpt[:0])


def commands(
    excerpt: Excerpt, dialect: Dialect, bodies: list[Excerpt]
) -> Iterator[list[Word]]:
    """Yield the words of every command, in order."""
    reader = _Reader(excerpt, dialect)
    text = excerpt.text
    position = 0
    while match := dialect.token.match(text, position):
        if match.lastgroup == "plain" and match[0] in UNCLOSED[dialect]:
            raise ConfigError(f"{excerpt.where(match.start())}: a quote is not closed")
        position = match.end()
        if not reader.in_word and match[0].startswith("#"):
            end = text.find("\n", position - 1)
            position = len(text) if end < 0 else end
            continue
        if done := reader.take(match):
            yield done
        if match["ends"] == "\n" and reader.ends:
            position = reader.skip_heredocs(position, bodies)
    if done := reader.finish():
        yield done


class _Reader:
    """Puts words together."""

    def __init__(self, excerpt: Excerpt, dialect: Dialect) -> None:
        self.ends: list[str] = []
        self._excerpt = excerpt
        self._dialect = dialect
        self._words: list[Word] = []
        self._parts: list[Excerpt | Variable] = []
        self._at = 0
        self._drop = False
        self._in_array = False

    @property
    def in_word(self) -> bool:
        """Whether a word has begun."""
        return bool(self._parts)

    def take(self, match: re.Match[str]) -> list[Word]:
        """Take one token; return the words of a command that it ends."""
        kind = match.lastgroup
        if kind == "blank":
            self._end_word()
        elif kind == "heredoc":
            self._end_word()
            self.ends.append(match["end"])
        elif kind == "redirect":
            self._redirect()
        elif kind == "array":
            start, end = match.span()
            self._words = [
                Word((self._excerpt[start:end],), self._excerpt[start:start])
            ]
            self._in_array = True
        elif kind == "ends" and self._in_array and match["ends"] != ")":
            self._end_word()
        elif kind == "ends":
            return self.finish()
        elif kind != "continued":
            self._at = self._at if self._parts else match.start()
            self._parts += self._of(match)
        return []

    def finish(self) -> list[Word]:
        """Return the words of the command so far."""
        self._end_word()
        words, self._words = self._words, []
        self._drop = self._in_array = False
        return words

    def skip_heredocs(self, position: int, bodies: list[Excerpt]) -> int:
        """Return where the text goes on after what was announced with <<."""
        text = self._excerpt.text
        for end in self.ends:
            pattern = re.compile(rf"^\t*{re.escape(end)}$", re.MULTILINE)
            match = pattern.search(text, position)
            stop = match.start() if match else len(text)
            bodies.append(self._excerpt[position:stop])
            position = match.end() if match else len(text)
        self.ends = []
        return position

    def _of(self, match: re.Match[str]) -> Iterable[Excerpt | Variable]:
        kind = match.lastgroup or ""
        start, end = match.span(kind)
        # An empty pair of quotes is a word too.
        nothing = self._excerpt[start:start]
        if kind in QUOTED:
            return [nothing, *_parts(self._excerpt[start:end], QUOTED[kind])]
        if kind == "double":
            return [nothing, *_parts(self._excerpt[start:end], self._dialect.inside)]
        return _part(self._excerpt, match)

    def _redirect(self) -> None:
        if all(
            isinstance(part, Excerpt) and part.text.isdecimal() for part in self._parts
        ):
            self._parts = []
        self._end_word()
        self._drop = True

    def _end_word(self) -> None:
        if self._parts and not self._drop:
            at = self._excerpt[self._at : self._at]
            self._words.append(Word(tuple(self._parts), at))
        if self._parts:
            self._drop = False
        self._parts = []


def _parts(excerpt: Excerpt, pattern: re.Pattern[str]) -> Iterator[Excerpt | Variable]:
    for match in pattern.finditer(excerpt.text):
        yield from _part(excerpt, match)


def _part(excerpt: Excerpt, match: re.Match[str]) -> list[Excerpt | Variable]:
    kind = match.lastgroup or ""
    start, end = match.span()
    if kind == "continued":
        return []
    if kind == "hole":
        written = excerpt.written(start, end)
        name = _TEMPLATE_NAME.fullmatch(written)
        text = excerpt.saying(written, start, end)
        return [Variable(text, name[1] if name else "")]
    if kind in ("variable", "command"):
        return [_variable(excerpt[start:end])]
    if kind == "plain":
        return [excerpt[start:end]]
    # The mark that escapes a character is a part of how it is written.
    return [excerpt.saying(match[kind], start, end)]


def _variable(excerpt: Excerpt) -> Variable:
    text = excerpt.text
    braced = _BRACED.fullmatch(text)
    if braced:
        start = braced.start("default")
        default = braced["default"]
        if default:
            quotes = len(default) - len(default.lstrip("\"'"))
            inner = default.strip("\"'")
            return Variable(
                excerpt,
                braced["name"],
                excerpt[start + quotes : start + quotes + len(inner)],
            )
        return Variable(excerpt, braced["name"])
    # $(MODEL) is a variable to make and to Kubernetes.
    name = text.lower().removeprefix("$env:") if "$env:" in text.lower() else text
    name = name.strip("$(){}%`")
    return Variable(excerpt, name if _NAME.fullmatch(name) else "")
