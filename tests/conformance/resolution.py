"""The real way of a configuration up to the compiler, without weights."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.conformance.checkpoints import model_config
from tests.conformance.families import FAMILIES
from tests.conformance.sdk import config_class, model_class, rbln, torch, tower_class


def build(family_name: str, config: dict[str, Any]) -> Any:
    """Return the configuration object, its `visual` checked too.

    Without `cls_name` the SDK keeps `visual` as a dict that nothing looks at until the
    ViT is exported.
    """
    family = FAMILIES[family_name]
    named = dict(config)
    level = family.level(named) if family.within in (*named, "") else {}
    if isinstance(level.get("visual"), dict):
        visual = level["visual"] | {"cls_name": f"{family.tower}Config"}
        level = level | {"visual": visual}
    if family.within:
        kind = f"{family.language_model}Config"
        level = named | {family.within: level | {"cls_name": kind}}
    return config_class(family)(**level)


def resolve(family_name: str, config: dict[str, Any]) -> Any:
    """Return the language model's configuration as exporting completes it.

    With defaults, limits and shapes.
    """
    family, model = FAMILIES[family_name], _model_config(family_name)
    built = family.level(build(family_name, config))
    kind = model_class(family)
    if family.within:
        kind, model = getattr(rbln, family.language_model), model.vlm_config
    # Where nothing is said of the ViT, exporting makes its configuration later.
    if isinstance(built.visual, rbln.RBLNModelConfig):
        _complete(tower_class(family), model.vision_config, built.visual)
    _complete(kind, model, built)
    return built


def _complete(kind: Any, model: Any, settings: Any) -> None:
    settings.dtype = torch.float32
    kind._update_rbln_config(  # noqa: SLF001 - what from_pretrained calls
        preprocessors=None, model=None, model_config=model, rbln_config=settings
    )


_model_config = cache(model_config)
