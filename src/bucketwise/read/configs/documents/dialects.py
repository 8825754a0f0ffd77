"""How shells write words: POSIX, PowerShell and cmd."""

from __future__ import annotations

import re
from typing import NamedTuple

from bucketwise.read.configs.documents.excerpt import HOLE


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


_HOLE = f"(?P<hole> {HOLE}+ )"
_COMMAND = r"(?P<command> \$\( (?: [^()]++ | \( [^()]*+ \) )*+ \) | ` [^`]*+ ` )"
_VARIABLE = r"(?P<variable> \$ (?: \w+ | [@*\#?$!-] | \{ [^{}]* \} ) )"


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
        r'\\ (?P<quoted> " )',
        r"' (?P<doubled> ' )",
        rf"(?P<plain> [^\\'{HOLE}]+ | . )",
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
