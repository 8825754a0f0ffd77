"""What configurations of vLLM call things, for those who read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bucketwise.core.buckets import MAX_LENGTH
from bucketwise.engines.vllm.base_config import STEP_TOKENS
from bucketwise.engines.vllm.encoder_graphs import DEFAULT_TOKENS, doubling
from bucketwise.engines.vllm.releases import (
    BUDGETS,
    CAPTURE_SIZES,
    FRAMES,
    ITEMS,
    MAX_CAPTURE_SIZE,
    OLD_ITEMS,
    SWITCH,
)
from bucketwise.engines.vllm.targets import SDK
from bucketwise.errors import ConfigError
from bucketwise.nouns.document import LENGTHS_ALONE, Document
from bucketwise.nouns.vocabulary import Vocabulary

KEYWORD = "compilation_config"

STEP_FLAG = "max-num-batched-tokens"

PATCHES_PER_MERGED = 4
"""Of every family that lists are planned for."""

OTHER_SETTINGS = frozenset(
    {
        *("backend", "cache_dir", "compile_mm_encoder", "compile_ranges_endpoints"),
        *("compile_sizes", "cudagraph_copy_inputs", "cudagraph_mode", "custom_ops"),
        *("cudagraph_num_of_warmups", "cudagraph_specialize_lora", "debug_dump_path"),
        *("dynamic_shapes_config", "inductor_compile_config", "inductor_passes"),
        *("level", "mode", "pass_config", "splitting_ops", "use_inductor"),
        *("use_inductor_graph_partition",),
    }
)
"""Other fields of CompilationConfig (0.33.0, config/compilation.py)."""

_VERSION = r"(\d{1,4}(?:\.\d{1,4})+(?:\.post\d{1,4})?)"


def lengths_in(document: Document) -> tuple[int, ...] | None:
    """Return the budgets of a configuration as ViT patches; None where it has none.

    Numbers that stand alone are left as they are given. Where the switch stands without
    a list, vLLM's own list is what runs.
    """
    value = document.config.get(BUDGETS)
    if not value and document.config.get(SWITCH) is True:
        least = max(DEFAULT_TOKENS, _whole(document.config.get(ITEMS)))
        value = doubling(least, _call_tokens(document))
    if not value:
        return None
    budgets = value if isinstance(value, (list, tuple)) else [value]
    scale = 1 if document.form in LENGTHS_ALONE else PATCHES_PER_MERGED
    if any(type(each) is not int or not 0 < each <= MAX_LENGTH for each in budgets):
        message = (
            f"{document.place((BUDGETS,))}: {BUDGETS}: expected whole numbers from 1 to "
            f"{MAX_LENGTH}, got {value!r}; bucketwise lint tells more"
        )
        raise ConfigError(message)
    return tuple(sorted({each * scale for each in budgets}))


def _call_tokens(document: Document) -> int:
    """Return the most merged tokens that a call holds."""
    flags = document.serve.flags if document.serve else {}
    told = (_whole(flags.get(name)) for name in (STEP_FLAG, "max-model-len"))
    return min(each or STEP_TOKENS for each in told)


def _whole(value: Any) -> int:
    """Return a number that is given, as text or not; 0 for none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004


def as_base(document: Document) -> Mapping[str, Any] | None:
    """Return what a configuration holds beside lists; None where that is nothing."""
    lists = {SWITCH, BUDGETS, ITEMS, OLD_ITEMS, FRAMES, CAPTURE_SIZES, MAX_CAPTURE_SIZE}
    kept = {key: value for key, value in document.config.items() if key not in lists}
    return kept or None


WORDS = Vocabulary(
    sdk=SDK,
    keyword=KEYWORD,
    settings=OTHER_SETTINGS
    | {SWITCH, BUDGETS, ITEMS, OLD_ITEMS, FRAMES, CAPTURE_SIZES, MAX_CAPTURE_SIZE},
    lengths=(BUDGETS,),
    examples=f"{BUDGETS}, {CAPTURE_SIZES}",
    options={"compilation-config": ()},
    signs=re.compile(
        r"encoder_cudagraph_|cudagraph_mm_encoder|cudagraph[-_]capture[-_]sizes"
    ),
    pin=re.compile(rf"\bvllm(?:\[[\w,-]*\])?\s*==\s*{_VERSION}"),
    image=re.compile(rf"vllm-openai:(?:\$\{{\w+:?-)?v?{_VERSION}\b"),
    release=re.compile(rf"\bvllm-{_VERSION}"),
    lengths_in=lengths_in,
    as_base=as_base,
)
