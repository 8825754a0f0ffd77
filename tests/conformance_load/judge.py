"""Tells what a load tool's own parser finds in a file, as JSON; run where it is installed.

The tool, the file and, for vLLM, the folder of its unpacked wheel.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Found = tuple[list[str], int | None, float | None]
"""Pictures of a request, tokens it asks for, seconds at which it is sent."""


def guidellm(path: str) -> Iterator[Found]:
    """Yield the body of each request, as it is sent."""
    from guidellm.backends.openai.request_handlers import (  # type: ignore[import-not-found]
        ChatCompletionsRequestHandler,
    )
    from guidellm.data.deserializers import (  # type: ignore[import-not-found]
        DatasetDeserializerFactory,
    )
    from guidellm.data.finalizers import (  # type: ignore[import-not-found]
        FinalizerRegistry,
    )
    from guidellm.data.loaders.torch import (  # type: ignore[import-not-found]
        DatasetsIterator,
    )
    from guidellm.data.preprocessors import (  # type: ignore[import-not-found]
        PreprocessorRegistry,
    )
    from guidellm.schemas.data.deserializers import (  # type: ignore[import-not-found]
        FileDataArgs,
    )
    from guidellm.schemas.data.finalizers import (  # type: ignore[import-not-found]
        GenerativeRequestFinalizerArgs,
    )
    from guidellm.schemas.data.preprocessors import (  # type: ignore[import-not-found]
        GenerativeColumnMapperArgs,
        MediaEncoderArgs,
    )

    data = DatasetDeserializerFactory.deserialize(
        config=FileDataArgs(kind="json_file", path=Path(path)),
        processor_factory=None,
        random_seed=0,
    )
    steps = (GenerativeColumnMapperArgs(), MediaEncoderArgs())
    graphs = DatasetsIterator(
        [data],
        0,
        [PreprocessorRegistry.create(config=each) for each in steps],
        FinalizerRegistry.create(config=GenerativeRequestFinalizerArgs()),
    )
    for graph in graphs:
        [node] = graph.nodes.values()
        body = ChatCompletionsRequestHandler().format(node.request).body
        [message] = body["messages"]
        yield (
            _urls(message["content"]),
            body.get("max_completion_tokens"),
            node.settings and node.settings.relative_timestamp,
        )


def aiperf(path: str) -> Iterator[Found]:
    """Yield the turns of its loader of single turns."""
    from aiperf.dataset.loader.single_turn import (  # type: ignore[import-not-found]
        SingleTurnDatasetLoader,
    )

    loader = SingleTurnDatasetLoader(filename=path)
    for conversation in loader.convert_to_conversations(loader.load_dataset()):
        [turn] = conversation.turns
        pictures = [each for image in turn.images for each in image.contents]
        at_ms = turn.timestamp
        yield pictures, turn.max_tokens, None if at_ms is None else at_ms / 1_000


def vllm(path: str, wheel: str) -> Iterator[Found]:
    """Yield the samples of its dataset of images, on stand-ins of all else."""
    import pandas as pd  # noqa: F401 - before the stand-in of the numpy that it needs

    from tests.conformance_vllm.stand_in import stand_in_for

    sys.modules["pybase64"] = base64
    stand_in_for(Path(wheel), frozenset({"vllm.benchmarks.datasets.datasets"}))
    from vllm.benchmarks.datasets.datasets import (  # type: ignore[import-not-found]
        CustomImageDataset,
    )

    read = CustomImageDataset(dataset_path=path, disable_shuffle=True)
    for each in read.sample(tokenizer=None, num_requests=0):
        held = each.multi_modal_data
        yield _urls(held if isinstance(held, list) else [held]), None, None


def _urls(content: list[dict[str, Any]]) -> list[str]:
    return [each["image_url"]["url"] for each in content if each["type"] == "image_url"]


if __name__ == "__main__":
    tool, *given = sys.argv[1:]
    print(json.dumps([*globals()[tool](*given)]))
