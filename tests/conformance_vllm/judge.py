"""Holds what bucketwise says against the classes of an unpacked vLLM; no GPU is needed.

Run by `run.py` where pydantic is installed: the wheel's folder, then what `emit.py` wrote.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.conformance_vllm.stand_in import stand_in_for


def manager_of(comp: dict[str, Any], span: list[int] | None = None) -> Any:
    """Return vLLM's manager for a configuration, its graphs captured by name alone."""
    from vllm.v1.worker.encoder_cudagraph import (  # type: ignore[import-not-found]
        EncoderCudaGraphManager,
    )

    told = {
        "encoder_cudagraph_token_budgets": [],
        "encoder_cudagraph_max_vision_items_per_batch": 0,
        "encoder_cudagraph_max_frames_per_batch": None,
    }
    path = SimpleNamespace(min_token_budget=None, allow_zero_tokens=False)
    config = SimpleNamespace(
        capture_axes=(),
        paths={"default": path},
        max_frames_per_video=1,
        modalities=["image"],
        padding_logics={},
    )
    media = SimpleNamespace(
        get_limit_per_prompt=lambda _: 0, mm_encoder_tp_mode="weights"
    )
    model = SimpleNamespace(
        get_encoder_cudagraph_config=lambda: config,
        get_encoder_cudagraph_budget_range=lambda _: tuple(span or (64, 8_192)),
        get_encoder_cudagraph_item_specs=lambda given: [
            SimpleNamespace(
                output_tokens=each,
                input_size=4 * each,
                get_path_output_tokens=lambda _, each=each: each,
            )
            for each in given["tokens"]
        ],
        select_encoder_cudagraph_items=lambda given, indices: {
            "tokens": [given["tokens"][each] for each in indices],
            "indices": indices,
        },
        prepare_encoder_cudagraph_replay_buffers=lambda *_: SimpleNamespace(values={}),
        encoder_eager_forward=lambda *_, **__: None,
        postprocess_encoder_output=lambda _, indices, __, outputs, **___: (
            outputs.update(dict.fromkeys(indices))
        ),
    )
    manager = EncoderCudaGraphManager(
        SimpleNamespace(
            compilation_config=SimpleNamespace(**told | comp),
            model_config=SimpleNamespace(multimodal_config=media),
            parallel_config=SimpleNamespace(tensor_parallel_size=1),
        ),
        None,
        None,
        model,
    )
    graph = SimpleNamespace(replay=lambda: None)
    manager.budget_graphs = {
        "default": {
            budget: SimpleNamespace(input_buffers={}, graph=graph, output_buffer=budget)
            for budget in manager.token_budgets
        }
    }
    return manager


def configuration(config: dict[str, Any]) -> Any:
    """Return what the wheel's config class, and then its manager, make of one."""
    from vllm.config.compilation import (  # type: ignore[import-not-found]
        CompilationConfig,
    )

    taken = CompilationConfig(**config)
    manager = manager_of(
        {
            key: value
            for key, value in vars(taken).items()
            if key.startswith("encoder_cudagraph")
        }
    )
    return {
        "cudagraph_mm_encoder": taken.cudagraph_mm_encoder,
        "encoder_cudagraph_token_budgets": manager.token_budgets,
        "encoder_cudagraph_max_vision_items_per_batch": manager.max_batch_size,
    }, config


def measure(told: dict[str, Any]) -> Any:
    """Return what a script of measurements asks for that the wheel does not have.

    The engine itself runs nowhere here: names are looked up in its sources.
    """
    wheel = Path(sys.argv[1]) / "vllm"
    llm = _names(wheel / "entrypoints" / "llm.py", "LLM")
    known = {
        "LLM": llm | _names(wheel / "engine" / "arg_utils.py", "EngineArgs"),
        "server": llm | _names(wheel / "engine" / "arg_utils.py", "EngineArgs"),
        "SamplingParams": _names(wheel / "sampling_params.py", "SamplingParams"),
        **dict.fromkeys(("chat", "generate", "collective_rpc"), llm),
    }
    script = ast.parse(told["script"])
    lacking = [
        f"{_name(each)}({word.arg})"
        for each in ast.walk(script)
        if isinstance(each, ast.Call) and _name(each) in known
        for word in each.keywords
        if word.arg and word.arg not in known[_name(each)]
    ]
    lacking += [
        each for each in ("chat", "generate", "collective_rpc") if each not in llm
    ]
    worker = _names(wheel / "v1" / "worker" / "gpu_worker.py", "Worker")
    times = _names(wheel / "v1" / "worker" / "utils.py", "EncoderTimingStats")
    words = _strings(script)
    lacking += {"get_encoder_timing_stats"} - (words & worker)
    lacking += {"encoder_forward_secs"} - (words & times)
    parts = _strings(wheel / "renderers" / "chat_utils" / "chat_message.py")
    lacking += {"image_pil"} - (words & parts)
    return lacking, []


def _name(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _strings(source: Path | ast.Module) -> set[str]:
    tree = ast.parse(source.read_text("utf-8")) if isinstance(source, Path) else source
    constants = (each for each in ast.walk(tree) if isinstance(each, ast.Constant))
    return {each.value for each in constants if isinstance(each.value, str)}


def _names(file: Path, kind: str) -> set[str]:
    """Return the fields, the methods and their parameters of a class in a file."""
    [found] = [
        each
        for each in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(each, ast.ClassDef) and each.name == kind
    ]
    names = set()
    for each in ast.walk(found):
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            names.add(each.target.id)
        elif isinstance(each, ast.FunctionDef):
            names.add(each.name)
            names |= {one.arg for one in (*each.args.args, *each.args.kwonlyargs)}
    return names


def call(told: dict[str, Any]) -> Any:
    """Return how the manager packs one call."""
    manager = manager_of(
        {
            "encoder_cudagraph_token_budgets": told["budgets"],
            "encoder_cudagraph_max_vision_items_per_batch": told["max_items"],
        }
    )
    batches: list[Any] = []
    ran = manager._run_budget_graph

    def run(given: Any, budget: int, **more: Any) -> Any:
        batches.append([list(given["indices"]), budget])
        return ran(given, budget, **more)

    manager._run_budget_graph = run
    manager.model.encoder_eager_forward = lambda given, **_: batches.append(
        [list(given["indices"]), None]
    )
    manager.execute({"tokens": told["tokens"]})
    return (
        [batches, manager.graph_hits, manager.graph_misses],
        [told["batches"], told["hits"], told["misses"]],
    )


def row(told: dict[str, Any]) -> Any:
    """Return the merged rows that Qwen3-VL captures for a budget."""
    from vllm.model_executor.models.qwen3_vl import (  # type: ignore[import-not-found]
        Qwen3VLForConditionalGeneration as Model,
    )

    grids: list[Any] = []

    def prepared(grid: list[Any], **_: Any) -> dict[str, Any]:
        grids.extend(grid)
        return {}

    visual = SimpleNamespace(
        spatial_merge_size=2,
        patch_embed=SimpleNamespace(
            proj=SimpleNamespace(in_channels=3), patch_size=16, temporal_patch_size=2
        ),
        input_norm=SimpleNamespace(input_dtype=None),
        prepare_encoder_metadata=prepared,
    )
    Model.prepare_encoder_cudagraph_capture_inputs(
        SimpleNamespace(visual=visual),
        told["budget"],
        told["max_items"],
        told["max_frames"],
        None,
        None,
    )
    return sum(t * h * w for t, h, w in grids) // 4, told["rows"]


def default(told: dict[str, Any]) -> Any:
    """Return what the manager infers."""
    manager = manager_of(
        {"encoder_cudagraph_token_budgets": told["asked"]}, told["range"]
    )
    return (
        [manager.token_budgets, manager.max_batch_size],
        [told["budgets"], told["max_items"]],
    )


def size(told: dict[str, Any]) -> Any:
    """Return the sizes that vLLM sets for a server."""
    from vllm.config.vllm import VllmConfig  # type: ignore[import-not-found]

    compilation = SimpleNamespace(
        cudagraph_mode="FULL_AND_PIECEWISE",
        cudagraph_capture_sizes=told["asked"],
        max_cudagraph_capture_size=None,
        compile_sizes=None,
        post_init_cudagraph_sizes=lambda: None,
    )
    VllmConfig._set_cudagraph_sizes(
        SimpleNamespace(
            model_config=SimpleNamespace(enforce_eager=False),
            compilation_config=compilation,
            scheduler_config=SimpleNamespace(
                max_num_seqs=told["max_num_seqs"],
                max_num_batched_tokens=told["max_num_batched_tokens"],
            ),
            uniform_decode_query_len=told["query_len"],
            performance_mode="interactivity" if told["interactive"] else "balanced",
            speculative_config=None,
        )
    )
    return compilation.cudagraph_capture_sizes, told["sizes"]


JUDGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "configurations": configuration,
    "measures": measure,
    "calls": call,
    "chosen": call,
    "rows": row,
    "defaults": default,
    "sizes": size,
}


def main(wheel: str, told: str) -> int:
    """Judge everything; return the exit status."""
    stand_in_for(Path(wheel))
    failed = 0
    for name, cases in json.loads(Path(told).read_text(encoding="utf-8")).items():
        differing = [
            (case, *pair)
            for case in cases
            if (pair := JUDGES[name](case))[0] != pair[1]
        ]
        failed += len(differing)
        print(f"{name}: {len(cases) - len(differing)} of {len(cases)} as vLLM has it")
        for case, theirs, ours in differing[:3]:
            print(f"  {str(case)[:2_000]}\n    vLLM: {theirs}\n    here: {ours}")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
