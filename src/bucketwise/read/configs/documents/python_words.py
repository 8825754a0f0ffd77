"""Names as they stand in Python expressions."""

from __future__ import annotations

import ast

from bucketwise.read.configs.documents.names import CONFIG_SUFFIX


def dotted_name(node: ast.expr) -> str:
    """Return names joined by dots: "AutoProcessor.from_pretrained".

    Parameters
    ----------
    node : ast.expr
        What is called or set; "" where it does not end in a name.
    """
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        names.insert(0, node.id)
    return ".".join(names)


def is_config_class(name: str) -> bool:
    """Return whether a class holds a configuration of `optimum.rbln`."""
    return name.startswith("RBLN") and name.endswith(CONFIG_SUFFIX)
