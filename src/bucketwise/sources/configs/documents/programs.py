"""A command -> the configurations that it hands over."""

from __future__ import annotations

from bucketwise.lint.subject import Document
from bucketwise.sources.configs.documents.names import family_of
from bucketwise.sources.configs.documents.options import (
    compiler_pairs,
    compiler_settings,
    options_of,
    own_option,
)
from bucketwise.sources.configs.documents.releases import Release
from bucketwise.sources.configs.documents.serving import served
from bucketwise.sources.configs.documents.shell import SERVER, Command
from bucketwise.sources.configs.documents.text import Text

_WITHOUT_COMPILE = frozenset(
    {
        "show-rbln-config",
        "get-kvcache-num-blocks",
        "set-kvcache-num-blocks",
        "set-memory-budget",
        "list-classes",
        "examples",
        "version",
    }
)
"""Options with which optimum-rbln-cli does something else (0.12.0, cli.py, main)."""


def command_documents(
    command: Command, text: Text, release: Release
) -> tuple[Document, ...]:
    """Return the configurations of a command; an empty one for a server without.

    Parameters
    ----------
    command : Command
        The command.
    text : Text
        Where it was read.
    release : Release
        The one the text is for.

    Raises
    ------
    ConfigError
        When an option that needs JSON holds none.
    """
    if command.program == SERVER:
        return served(options_of(command), text, release)
    pairs = compiler_pairs(command.words)
    own = {
        own_option(pair.name.text): pair.told.text if pair.told else ""
        for pair in pairs
    }
    if _WITHOUT_COMPILE & set(own):
        return ()
    settings = compiler_settings(pairs, command.at)
    class_name = own.get("class", "")
    return (
        Document(
            config=settings.value,
            form="compile",
            source=text.name,
            places=settings.places,
            class_name=class_name,
            family=family_of(class_name),
            version=release.version,
            version_source=release.source,
            model=own.get("model-id", ""),
        ),
    )
