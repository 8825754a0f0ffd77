"""A vision tower of Qwen3-VL's layer structure, as one static OpenVINO graph a length.

Patch embedding, position embeddings interpolated between four neighbours, blocks (norm,
rotary attention, norm, MLP), deepstack mergers beside them and the last merger. With the
same weights it yields what Qwen3VLVisionModel of transformers 5.24.0 does, on torch, within
2e-6 of the largest output; those it has are random, since no time depends on them.

An image shorter than its graph is padded with zeros and masked, both ways, as optimum-rbln
0.12.0 does (transformers/models/qwen3_vl/modeling_qwen3_vl.py, `_pad_hidden_states`), and
the mask is made anew for every image; the embeddings, which it leaves to the host, are in
the graph here.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

Array = NDArray[Any]

PATCH_DIM, MERGE = 1536, 2
"""16 x 16 px of 3 channels in two frames; 2 x 2 patches become one token."""

ROTARY_BASE = 10_000.0
MASKED = np.finfo(np.float32).min
PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """Dimensions; of Qwen3-VL-2B they are 24, 1024, 16, 4096, 2048, (5, 11, 17)."""

    depth: int = 8
    hidden: int = 128
    heads: int = 2
    intermediate: int = 512
    out_hidden: int = 256
    deepstack_after: tuple[int, ...] = (1, 3, 5)
    positions_side: int = 48

    @property
    def head_dim(self) -> int:
        """Width of a head."""
        return self.hidden // self.heads

    @property
    def merged(self) -> int:
        """Width of 2 x 2 patches side by side."""
        return self.hidden * MERGE**2


TOWER = Tower()


@dataclass(frozen=True, slots=True)
class Image:
    """What the host hands over of one image, in rows of its patches."""

    patches: Array
    corners: Array
    shares: Array
    """The four neighbours of each patch in the table of positions, and what each adds."""
    cos: Array
    sin: Array

    @property
    def length(self) -> int:
        """How many patches it is."""
        return len(self.patches)


def image(grid_h: int, grid_w: int, patches: Array) -> Image:
    """Place patches on a grid, those of a token together."""
    shape = (grid_h // MERGE, MERGE, grid_w // MERGE, MERGE)
    order = np.arange(grid_h * grid_w).reshape(shape).transpose(0, 2, 1, 3).ravel()
    row, column = np.divmod(order, grid_w)
    last = TOWER.positions_side - 1
    y = np.linspace(0, last, grid_h, dtype=np.float32)[row]
    x = np.linspace(0, last, grid_w, dtype=np.float32)[column]
    top, left = y.astype(np.int32), x.astype(np.int32)
    bottom, right = np.minimum(top + 1, last), np.minimum(left + 1, last)
    down, across = y - top, x - left
    corners = [r * (last + 1) + c for r in (top, bottom) for c in (left, right)]
    shares = [v * h for v in (1 - down, down) for h in (1 - across, across)]
    half = TOWER.head_dim // 2
    rates = ROTARY_BASE ** -(np.arange(0, half, 2) / half)
    turns = np.hstack([np.outer(row, rates), np.outer(column, rates)] * 2)
    return Image(
        patches=patches,
        corners=np.stack(corners, axis=1).astype(np.int32),
        shares=np.stack(shares, axis=1).astype(np.float32),
        cos=np.cos(turns).astype(np.float32),
        sin=np.sin(turns).astype(np.float32),
    )


class Graph:
    """The tower compiled for one length, and what compiling took."""

    def __init__(self, length: int) -> None:
        self.length = length
        model = _Builder(length).model()
        start = time.perf_counter()
        compiled = ov.Core().compile_model(
            model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )
        self.compile_s = time.perf_counter() - start
        self._request = compiled.create_infer_request()

    def run(self, each: Image) -> list[Array]:
        """Pad and mask as the runtime does for every image, run, and cut the padding off."""
        mask = np.full((1, 1, self.length, self.length), MASKED, dtype=np.float32)
        mask[..., : each.length, : each.length] = 0
        rows = (each.patches, each.corners, each.shares, each.cos, each.sin)
        inputs = [*map(self._padded, rows), mask]
        outputs = self._request.infer(inputs, share_inputs=True, share_outputs=True)
        tokens = each.length // MERGE**2
        return [outputs[place][:tokens].copy() for place in range(len(outputs))]

    def _padded(self, rows: Array) -> Array:
        whole = np.zeros((self.length, rows.shape[1]), dtype=rows.dtype)
        whole[: len(rows)] = rows
        return whole


def device_name() -> str:
    return str(ov.Core().get_property("CPU", "FULL_DEVICE_NAME"))


def weigh(lengths: tuple[int, ...]) -> tuple[float, int]:
    """Return the seconds that all took to compile, and the bytes they hold when run.

    To be called in a process of its own, which a first small graph has warmed.
    """
    Graph(MERGE**2)
    before = _resident_bytes()
    graphs = [Graph(length) for length in lengths]
    for graph in graphs:
        patches = np.ones((graph.length, PATCH_DIM), dtype=np.float32)
        graph.run(image(MERGE, graph.length // MERGE, patches))
    return sum(graph.compile_s for graph in graphs), _resident_bytes() - before


def _resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


class _Builder:
    """Builds the tower for exactly `length` patches.

    Draws weights in the order in which layers ask for them, the same each time.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self.random = np.random.default_rng(0)
        self.inputs = {
            name: op.parameter([length, width], kind)
            for name, width, kind in (
                ("patches", PATCH_DIM, np.float32),
                ("corners", MERGE**2, np.int32),
                ("shares", MERGE**2, np.float32),
                ("cos", TOWER.head_dim, np.float32),
                ("sin", TOWER.head_dim, np.float32),
            )
        }
        self.inputs["mask"] = op.parameter([1, 1, length, length], np.float32)

    def model(self) -> ov.Model:
        hidden = self.embed()
        merged = []
        for layer in range(TOWER.depth):
            hidden = op.add(hidden, self.attend(self.norm(hidden)))
            hidden = op.add(hidden, self.mlp(self.norm(hidden)))
            if layer in TOWER.deepstack_after:
                merged.append(self.merge(self.norm(self.join(hidden))))
        merged.append(self.merge(self.join(self.norm(hidden))))
        return ov.Model(merged, list(self.inputs.values()), f"tower of {self.length}")

    def embed(self) -> Any:
        table = self.weights(TOWER.positions_side**2, TOWER.hidden)
        near = op.gather(table, self.inputs["corners"], op.constant(0))
        shares = op.unsqueeze(self.inputs["shares"], op.constant(-1))
        position = op.reduce_sum(op.multiply(near, shares), op.constant([1]))
        return op.add(self.linear(self.inputs["patches"], TOWER.hidden), position)

    def attend(self, normed: Any) -> Any:
        qkv = self.linear(normed, 3 * TOWER.hidden)
        parts = self.reshape(qkv, self.length, 3, TOWER.heads, TOWER.head_dim)
        turned = op.transpose(parts, op.constant([1, 2, 0, 3]))
        query, key, value = op.split(turned, op.constant(0), 3).outputs()
        attended = op.scaled_dot_product_attention(
            self.rotate(query), self.rotate(key), value, self.inputs["mask"]
        )
        back = op.transpose(attended, op.constant([0, 2, 1, 3]))
        return self.linear(self.reshape(back, self.length, TOWER.hidden), TOWER.hidden)

    def rotate(self, heads: Any) -> Any:
        first, second = op.split(heads, op.constant(-1), 2).outputs()
        swapped = op.concat([op.negative(second), first], -1)
        cosine = op.multiply(heads, self.inputs["cos"])
        return op.add(cosine, op.multiply(swapped, self.inputs["sin"]))

    def mlp(self, normed: Any) -> Any:
        wide = self.linear(normed, TOWER.intermediate)
        return self.linear(op.gelu(wide, "tanh"), TOWER.hidden)

    def join(self, hidden: Any) -> Any:
        return self.reshape(hidden, self.length // MERGE**2, TOWER.merged)

    def merge(self, joined: Any) -> Any:
        wide = self.linear(joined, TOWER.merged)
        return self.linear(op.gelu(wide, "erf"), TOWER.out_hidden)

    def linear(self, each: Any, width: int) -> Any:
        matrix = self.weights(width, each.get_output_shape(0)[-1])
        product = op.matmul(each, matrix, transpose_a=False, transpose_b=True)
        return op.add(product, self.weights(1, width))

    def norm(self, each: Any) -> Any:
        width = each.get_output_shape(0)[-1]
        centred = op.mvn(
            each,
            op.constant([-1]),
            normalize_variance=True,
            eps=1e-6,
            eps_mode="inside_sqrt",
        )
        scaled = op.multiply(centred, self.weights(1, width, around=1.0))
        return op.add(scaled, self.weights(1, width))

    def reshape(self, each: Any, *shape: int) -> Any:
        return op.reshape(each, op.constant(list(shape)), special_zero=False)

    def weights(self, rows: int, columns: int, around: float = 0.0) -> Any:
        drawn = self.random.standard_normal((rows, columns), dtype=np.float32)
        return op.constant(np.float32(around) + drawn / np.float32(np.sqrt(columns)))
