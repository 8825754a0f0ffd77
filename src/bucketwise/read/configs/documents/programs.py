"""A command -> the configurations that it hands over."""

from __future__ import annotations

from bucketwise.nouns.document import Document
from bucketwise.read.configs.documents.compiler import compiled_by
from bucketwise.read.configs.documents.options import options_of
from bucketwise.read.configs.documents.releases import Release
from bucketwise.read.configs.documents.serving import served
from bucketwise.read.configs.documents.shell import SERVER, Command
from bucketwise.read.configs.documents.text import Text


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
    return compiled_by(command, text, release)
