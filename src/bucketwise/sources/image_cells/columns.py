"""Parquet with images in its cells: which columns hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bucketwise.sources.parquet import Column

_WORDS = re.compile(r"[^a-z0-9]+|(?<=[a-z])(?=[0-9])")
_IMAGE_WORDS = frozenset(
    {
        "image", "images", "img", "imgs", "photo", "photos", "picture", "pictures",
        "pic", "screenshot", "screenshots", "bytes", "imagebytes", "jpg", "jpeg",
        "png", "webp", "avif", "gif", "bmp", "tif", "tiff", "heic",
    }
)  # fmt: skip
_OTHER_WORDS = frozenset(
    {
        "audio", "video", "videos", "pdf", "sound", "speech", "voice", "wav", "mp3",
        "embedding", "embeddings", "emb", "feature", "features", "latent", "hash",
        "phash", "sha256", "md5", "tokens",
    }
)  # fmt: skip
"""Bytes of other kinds: the features Audio, Video and Pdf of Hugging Face datasets are
stored like its Image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageColumn:
    """A column of images.

    Attributes
    ----------
    path : tuple of str
        Its name, nested ones from the outermost.
    cell : str
        How SQL names it.
    has_path : bool
        Whether a cell is a struct of `bytes` and `path` (Hugging Face datasets 5.2.0,
        features/image.py, Image.pa_type); else it is the bytes.
    listed : bool
        Whether a cell is a list of such.
    """

    path: tuple[str, ...]
    cell: str
    has_path: bool
    listed: bool

    def elements(self, fields: str) -> str:
        """Return SQL for a list with a value for each image of a cell.

        Parameters
        ----------
        fields : str
            SQL of the value, in terms of {bytes} and {path}.
        """
        one = "x" if self.listed else self.cell
        value = fields.format(
            bytes=f"{one}.bytes" if self.has_path else one,
            path=f"{one}.path" if self.has_path else "NULL",
        )
        return (
            f"list_transform({self.cell}, lambda x: {value})"
            if self.listed
            else f"[{value}]"
        )


def find_image_columns(columns: Sequence[Column]) -> list[ImageColumn]:
    """Find the columns that hold the bytes of images, nested ones one level down.

    Parameters
    ----------
    columns : sequence of Column
        Those of the file.

    Returns
    -------
    list of ImageColumn
        In the order of the file; empty where there is none.
    """
    return [found for column in columns for found in _columns((), column)]


def _columns(outer: tuple[str, ...], column: Column) -> Iterator[ImageColumn]:
    path, kind = (*outer, column.name), column.kind
    listed = kind.id == "list"
    element = kind.children[0][1] if listed else kind
    inner = dict(element.children) if element.id == "struct" else {}
    words = {word for name in path for word in _WORDS.split(name.casefold())}
    if words & _OTHER_WORDS:
        return
    if _is_blob(inner.get("bytes")) and _is_text(inner.get("path")):
        yield ImageColumn(path=path, cell=column.sql, has_path=True, listed=listed)
    elif _is_blob(element) and words & _IMAGE_WORDS:
        yield ImageColumn(path=path, cell=column.sql, has_path=False, listed=listed)
    elif not outer:
        for field in column.fields:
            yield from _columns(path, field)


def _is_blob(kind: Any) -> bool:
    return kind is not None and kind.id == "blob"


def _is_text(kind: Any) -> bool:
    return kind is not None and kind.id == "varchar"
