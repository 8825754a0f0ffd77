"""Rules about the graphs in the options of TensorRT-LLM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bucketwise.engines.tensorrt_llm.graphs import (
    bucket_faults,
    captured,
    faults_of,
    in_order,
    selected,
)
from bucketwise.lint.case import LintCase
from bucketwise.lint.finding import Finding, Fix, Rule
from bucketwise.words.numbers import literal

GRAPHS, MOST = "cuda_graph_config", "max_batch_size"
VISION = ("multimodal_config", "encoder_cuda_graph", "image")
_ARGS = "llm_args.py, CudaGraphConfig"


def refused_graphs(case: LintCase) -> Iterator[Finding]:
    """A cuda_graph_config that is refused."""
    for key, said in faults_of(_graphs(case)).items():
        yield Finding(
            severity="error",
            path=(GRAPHS, key),
            found=key,
            why=f"TensorRT-LLM refuses it: {said} ({_ARGS})",
            right="batch_sizes and enable_padding; max_batch_size left out",
            raises="ValidationError: 1 validation error",
            fixes=(Fix(path=(GRAPHS, key), action="remove"),),
        )


def not_padded(case: LintCase) -> Iterator[Finding]:
    """Sizes without padding: a batch between two of them runs without a graph."""
    config = _graphs(case)
    sizes = config.get("batch_sizes")
    if not sizes or config.get("enable_padding"):
        return
    if [*sorted(sizes)] == [*range(1, max(sizes) + 1)]:
        return
    path = (GRAPHS, "enable_padding")
    yield Finding(
        severity="warning",
        path=path if "enable_padding" in config else (GRAPHS, "batch_sizes"),
        found=f"{literal(sizes)} without padding",
        why=f"only a batch of exactly one of these sizes is replayed ({_ARGS})",
        right="enable_padding: true",
        fixes=(Fix(path=path, action="set", value=True),),
    )


def repeated_size(case: LintCase) -> Iterator[Finding]:
    """A size that stands twice: it stays twice."""
    sizes = captured(_graphs(case)) if _graphs(case).get("batch_sizes") else ()
    once = sorted({*sizes})
    if len(once) < len(sizes):
        path = (GRAPHS, "batch_sizes")
        yield Finding(
            severity="info",
            path=path,
            found=literal(sizes),
            why=f"nothing removes the second ({_ARGS})",
            right=literal(once),
            fixes=(Fix(path=path, action="set", value=once),),
        )


def last_below_batch(case: LintCase) -> Iterator[Finding]:
    """A last size below max_batch_size: the busiest steps run without a graph."""
    most, config = case.document.config.get(MOST), _graphs(case)
    if GRAPHS not in case.document.config or type(most) is not int:
        return
    if faults_of(config) or captured(config)[-1] >= most:
        return
    last = captured(config)[-1]
    yield Finding(
        severity="warning",
        path=(GRAPHS,),
        found=f"a last size of {last} with {MOST} {most}",
        why="above the last size nothing is replayed",
        right=f"{most} among batch_sizes",
    )


def refused_buckets(case: LintCase) -> Iterator[Finding]:
    """Pairs of tokens and images that are refused."""
    vision = _vision(case)
    for said in bucket_faults(vision["buckets"]) if "buckets" in vision else ():
        yield Finding(
            severity="error",
            path=(*VISION, "buckets"),
            found=repr(vision["buckets"]),
            why=f"TensorRT-LLM refuses it: {said} "
            "(llm_args.py, MultimodalEncoderCudaGraphConfig)",
            right="pairs such as [[1024, 1], [4096, 4]]",
            raises="ValidationError: 1 validation error",
        )


def no_bucket_for_one_image(case: LintCase) -> Iterator[Finding]:
    """Pairs none of which is for one image: their number must match exactly."""
    vision = _vision(case)
    if "buckets" not in vision or bucket_faults(vision["buckets"]):
        return
    pairs = in_order(vision["buckets"])
    if selected(pairs, 1, 1, padded=True) is None:
        yield Finding(
            severity="warning",
            path=(*VISION, "buckets"),
            found=repr([list(each) for each in pairs]),
            why="a graph takes as many images as its pair says, so every call of one image "
            "runs without a graph (multimodal_encoder_graph.py)",
            right=f"a pair such as [{pairs[-1][0]}, 1] beside them",
        )


def _graphs(case: LintCase) -> Mapping[str, Any]:
    value = case.document.config.get(GRAPHS)
    return value if isinstance(value, Mapping) else {}


def _vision(case: LintCase) -> Mapping[str, Any]:
    value: Any = case.document.config
    for key in VISION:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


RULES = tuple(
    Rule(f"tensorrt-llm/{check.__name__.replace('_', '-')}", check)
    for check in (
        refused_graphs,
        not_padded,
        repeated_size,
        last_below_batch,
        refused_buckets,
        no_bucket_for_one_image,
    )
)
"""In the order reports tell them."""
