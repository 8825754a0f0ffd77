"""The emitted scripts run, from a checkpoint to a loaded model, but for the compiler."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conformance.emitted import Emitted, emitted_for
from tests.conformance.sdk import RELEASE, rebel

Image: Any = import_module("PIL.Image")

HOST = ["RBLN-CA25"] * 16

# Each base and each decoder once a family: a run takes about a second.
RUN = {
    "vit.no_decoder.published",
    "vit.pattern.published",
    "vit.one_graph.old_names",
    "vit.no_decoder.new_names",
}
EMITTED = [
    each for each in emitted_for(RELEASE) if each.name.split(".", maxsplit=1)[1] in RUN
]


def module_of(script: Path) -> ModuleType:
    """Import a script without running it."""
    name = script.stem.replace(".", "_")
    spec = importlib.util.spec_from_file_location(name, script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A compile script that ran.

    Attributes
    ----------
    emitted : Emitted
        What it belongs to.
    folder : Path
        What it made.
    tower, prefill, decoders : object
        What the compiler was asked for.
    """

    emitted: Emitted
    folder: Path
    tower: Any
    prefill: Any
    decoders: list[Any]


@pytest.fixture(scope="module", params=EMITTED, ids=lambda each: each.name)
def run(
    request: pytest.FixtureRequest,
    checkpoints: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    """Run the compile script on a host with NPUs."""
    emitted: Emitted = request.param
    folder = tmp_path_factory.mktemp("run") / "compiled"
    script: Any = module_of(emitted.compile_script)
    rebel.COMPILED.clear()
    rebel.NPUS[:] = HOST
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(script, "MODEL_ID", str(checkpoints[emitted.family_name]))
        patched.setattr(sys, "argv", [str(emitted.compile_script), str(folder)])
        script.main()
    tower, prefill, *decoders = rebel.COMPILED
    return Run(
        emitted=emitted,
        folder=folder,
        tower=tower,
        prefill=prefill,
        decoders=decoders,
    )


@pytest.fixture
def loader(run: Run) -> Any:
    """The load script, on the same host."""
    rebel.NPUS[:] = HOST
    return module_of(run.emitted.load_script)


def test_the_compiler_is_asked_for_the_plans_graphs(run: Run) -> None:
    assert (run.folder / "rbln_config.json").is_file()
    config = run.emitted.config
    assert rows(run.tower.input_info) == run.emitted.lengths
    assert run.prefill.input_info[0][1][0] == 1
    if not run.emitted.family.generates:
        assert not run.decoders
        return
    sizes = config.get("decoder_batch_sizes", [config["batch_size"]])
    assert [graph.input_info[0][1][0] for graph in run.decoders] == sorted(
        sizes, reverse=True
    )


def test_each_level_is_compiled_for_its_devices(run: Run) -> None:
    config = run.emitted.level
    key = "tensor_parallel_size" if "tensor_parallel_size" in config else "num_devices"
    assert (run.tower.devices or 1) == run.emitted.visual_devices(RELEASE)
    assert {graph.devices for graph in (run.prefill, *run.decoders)} == {config[key]}


def test_each_level_is_compiled_for_the_same_npu(run: Run) -> None:
    npu = run.emitted.level.get("npu")
    assert {graph.npu for graph in (run.prefill, *run.decoders)} == {npu}
    assert run.tower.npu == npu


def test_the_load_script_puts_each_level_on_its_devices(run: Run, loader: Any) -> None:
    family = run.emitted.family
    devices = family.level(loader.DEVICES)
    loaded, _ = loader.load(str(run.folder))
    model = family.level(loaded)
    assert [each.options["device"] for each in model.model] == [devices["device"]] * (
        1 + len(run.decoders)
    )
    tower = model.visual.model[0]
    assert tower.options["device"] == devices["visual"]["device"]
    assert len(tower.options["device"]) == (run.tower.devices or 1)


def test_both_limits_stand_on_the_loaded_processor(run: Run, loader: Any) -> None:
    _, processor = loader.load(str(run.folder))
    size = processor.image_processor.size
    assert size["shortest_edge"] == loader.MIN_PIXELS
    assert size["longest_edge"] == loader.MAX_PIXELS
    if run.emitted.name.endswith("vit.no_decoder.published"):
        # Once a family: turning fifteen million pixels into patches takes a second.
        assert_limits_hold(processor.image_processor, loader)


def assert_limits_hold(images: Any, loader: Any) -> None:
    """Have the processor take an image above both limits and one below."""
    for width_px, height_px in ((5_000, 3_400), (30, 40)):
        image = Image.new("RGB", (width_px, height_px))
        grid = images(images=[image], return_tensors="pt")["image_grid_thw"][0]
        pixels = int(grid.prod()) * images.patch_size**2
        assert loader.MIN_PIXELS <= pixels <= loader.MAX_PIXELS


def rows(input_info: list[Any]) -> list[int]:
    """Return the lengths of a tower's graphs, ascending."""
    return sorted(info[0][1][0] for info in input_info)
