"""What to measure -> the script that compiles each graph alone and times its runtime."""

from __future__ import annotations

from typing import Any

from bucketwise.engines.measure_script import literal, measure_script
from bucketwise.engines.rbln.base_config import on_release
from bucketwise.engines.rbln.emit.context import (
    devices_in,
    settings_in,
    unsplit_releases,
)
from bucketwise.engines.rbln.model_classes import model_class
from bucketwise.engines.rbln.targets import RblnTarget
from bucketwise.nouns.measuring import ToMeasure

CONTEXT = 2_048
"""Tokens that a sequence holds while a decode step is timed: what attention reads grows
with them, so the script says to set one's own."""

_TIMED = (
    "ms is one run of a graph alone, called as the class that serves the model calls it, "
    "what it is given copied to the device and its answer back. The padding and the mask "
    "of the ViT, which the host makes before, are not in it. compile_s is the compiler's "
    "own time for the graph, graph_bytes what it says that the graph takes of all devices, "
    "peak_bytes the host's memory."
)
_COMPILED = (
    "Constants in capitals say what is compiled, as compile.py of a plan does: check "
    "devices and NPU. Graphs stay in the folder GRAPHS and are loaded while these are as "
    "they were."
)
_LANGUAGE_TIMED = (
    "A decode step is timed with CONTEXT tokens in each sequence, an assumption: set "
    "yours. Of a prefill every chunk is run."
)


def measure_text(asked: ToMeasure) -> str:
    """Return measure.py for one dialect."""
    target: RblnTarget = asked.target
    kind = model_class(asked.profile.family)
    base = on_release(asked.base, kind, target.parsed).mapping
    devices = devices_in(base)
    # The ViT is compiled by itself: nothing stands above it to take an NPU from.
    above = {"npu": base["npu"]} if base.get("npu") else {}
    whole = settings_in(target, base, (min(asked.lengths),), asked.profile.family)
    run = {"create_runtimes": True}
    whole |= {"visual": whole["visual"] | devices["visual"] | run}
    whole |= {"device": devices["device"]} | run
    visual: dict[str, Any] = above | whole["visual"]
    del visual[target.bucket_key]
    constants: dict[str, Any] = {
        "GRAPHS": f"graphs-{target.compiled_folder(asked.profile.name)}",
        "LENGTHS_KEY": target.bucket_key,
        "VISUAL": visual,
    }
    if asked.batch_sizes:
        constants |= {
            "WHOLE": whole,
            "DEVICES": devices,
            "CONTEXT": min(CONTEXT, (base.get("max_seq_len") or 2 * CONTEXT) // 2),
            "LEAST_BATCH": min(asked.batch_sizes),
        }
    remarks = [_TIMED, _COMPILED]
    if asked.batch_sizes:
        remarks.append(_LANGUAGE_TIMED)
    body = _VIT + (_LANGUAGE if asked.batch_sizes else "")
    if unsplit := unsplit_releases(target, base, asked.profile.family):
        # The whole model drops the number of devices; the ViT by itself would take it.
        levels = [f'VISUAL["{target.devices_key}"] = 1', 'VISUAL["device"] = [0]']
        if asked.batch_sizes:
            levels += [
                f'{each}["visual"]["device"] = [0]' for each in ("WHOLE", "DEVICES")
            ]
        body = (
            f"\nif importlib.metadata.version(ENGINE) in {literal([*unsplit])}:\n"
            "    # Compiled for one device, whatever is asked.\n"
            + "".join(f"    {each}\n" for each in levels)
            + body
        )
    return measure_script(
        asked,
        remarks,
        ("importlib.metadata", "re"),
        constants,
        body.replace("CLASS_NAME", kind.name).replace("TOWER_NAME", kind.tower),
    )


_VIT = '''

def vit(patches):
    """Compile or load the ViT alone, for one length."""
    from optimum import rbln
    from transformers import AutoConfig

    folder = Path(GRAPHS) / f"vit-{patches}"
    config = AutoConfig.from_pretrained(MODEL_ID)

    def compiled():
        whole = rbln.CLASS_NAME.get_pytorch_model(MODEL_ID)
        towers = {name.split(".")[-1]: each for name, each in whole.named_modules()}
        return rbln.TOWER_NAME.from_model(
            towers["visual"],
            rbln_config={LENGTHS_KEY: [patches], **VISUAL},
            model_save_dir=str(folder),
        )

    def loaded():
        return rbln.TOWER_NAME.from_pretrained(
            str(folder),
            export=False,
            config=getattr(config, "vlm_config", config).vision_config,
            rbln_config={"device": VISUAL["device"]},
        )

    tower, kept = graphs_of(folder, VISUAL, compiled, loaded)
    inputs = inputs_of(tower, 0)
    return (
        lambda: seconds_of(tower.model[0], *inputs),
        lambda: told_of(tower, 0, kept, -1),
    )


def graphs_of(folder, settings, compiled, loaded):
    """Return a model and what compiling it took, each of its graphs in their order."""
    import rebel

    file = folder / "compiling.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if kept.get("settings") == settings:
        return loaded(), kept
    folder.mkdir(parents=True, exist_ok=True)
    compile_one, seconds = rebel.compile_from_torch, []

    def timed(*given, **named):
        started = time.perf_counter()
        graph = compile_one(*given, **named)
        seconds.append(time.perf_counter() - started)
        return graph

    rebel.compile_from_torch = timed
    model = compiled()
    kept = {"settings": settings, "seconds": seconds, "peak_bytes": host_peak()}
    file.write_text(json.dumps(kept), encoding="utf-8")
    return model, kept


def inputs_of(model, index, **values):
    """Return what a graph is called with, in the order of its runtime.

    Caches, which stay on the devices, are none of it.
    """
    import torch

    info = model.rbln_config.compile_cfgs[index].input_info
    found = {}
    for name, shape, dtype in info if isinstance(info[0][0], str) else info[0]:
        dtype = getattr(torch, dtype)
        if name in values:
            found[name] = values[name].reshape(shape).to(dtype)
        elif name.endswith(("mask", "masks")):
            found[name] = torch.ones(shape, dtype=dtype)
        elif not re.fullmatch(r".*(key_values|state)_\\d+", name):
            found[name] = torch.rand(shape).to(dtype)
    names = getattr(model.model[index], "_index_to_input_name", dict(enumerate(found)))
    return [found[names[place]] for place in range(len(names))]


def told_of(model, index, kept, compiled):
    """Return what is known of a graph beside its time."""
    import rebel

    graph, told = model.compiled_models[index], {}
    for name in ("get_alloc_per_node_by_key", "get_alloc_per_chiplet_by_key"):
        told = told or getattr(graph, name, dict)()
    return {
        "compile_s": kept["seconds"][compiled],
        "graph_bytes": sum_of(list(told.values())) or "",
        "peak_bytes": kept["peak_bytes"],
        "device": rebel.get_npu_name(0),
        "release": importlib.metadata.version(ENGINE),
    }


def sum_of(nested):
    """Return the sum of numbers in lists of lists."""
    return sum(map(sum_of, nested)) if isinstance(nested, list) else nested
'''

_LANGUAGE = '''

def language_model(batch):
    """Compile or load the whole model, its decoder for one batch size."""
    from optimum import rbln

    folder = Path(GRAPHS) / f"decoder-{batch}"
    sizes = {"batch_size": batch, "decoder_batch_sizes": [batch]}

    def compiled():
        return rbln.CLASS_NAME.from_pretrained(
            MODEL_ID,
            export=True,
            rbln_config={**WHOLE, **sizes},
            model_save_dir=str(folder),
        )

    def loaded():
        return rbln.CLASS_NAME.from_pretrained(
            str(folder), export=False, rbln_config=DEVICES
        )

    return graphs_of(folder, WHOLE, compiled, loaded)


def decoder(batch):
    """Time one decode step of so many sequences."""
    import torch

    model, kept = language_model(batch)
    config = model.rbln_config
    blocks = config.max_seq_len // config.kvcache_block_size
    inputs = inputs_of(
        model,
        1,
        cache_position=torch.full((batch,), CONTEXT),
        block_tables=torch.arange(batch * blocks) % config.kvcache_num_blocks,
        local_block_tables=torch.arange(batch),
        position_ids=torch.full((batch,), CONTEXT),
    )
    return (
        lambda: seconds_of(model.model[1], *inputs),
        lambda: told_of(model, 1, kept, -1),
    )


def prefill(tokens):
    """Time the chunks of one prompt."""
    import torch

    model, kept = language_model(LEAST_BATCH)
    config = model.rbln_config
    chunk = config.prefill_chunk_size
    blocks = config.max_seq_len // config.kvcache_block_size
    chunks = [
        inputs_of(
            model,
            0,
            cache_position=torch.arange(start, start + chunk),
            block_tables=torch.arange(blocks) % config.kvcache_num_blocks,
            local_block_tables=torch.zeros(1),
            query_position=torch.tensor(chunk - 1),
            batch_idx=torch.tensor(0),
            position_ids=torch.arange(start, start + chunk),
        )
        for start in range(0, tokens, chunk)
    ]

    def run():
        for inputs in chunks:
            model.model[0](*inputs)

    return lambda: seconds_of(run), lambda: told_of(model, 0, kept, -2)
'''
