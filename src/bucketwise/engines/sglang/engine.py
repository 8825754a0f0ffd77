"""SGLang as an engine: decode graphs alone, for its ViT graphs have no list."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence

from bucketwise.core.plan import Plan, sizes_to_set
from bucketwise.engines.decode_only import GivenBase, decode_engine
from bucketwise.engines.sglang.graphs import OWN_MOST, own_sizes
from bucketwise.engines.sglang.releases import (
    CATALOGUE,
    CONFIG,
    DECODE_SIZES,
    OLD_DECODE_SIZES,
    REQUESTS,
    SDK,
    sizes_key,
)
from bucketwise.engines.sglang.rules import RULES
from bucketwise.lint.case import LintCase, judge
from bucketwise.nouns.engine import Lint, Target
from bucketwise.nouns.vocabulary import Compiler, Vocabulary

NO_LENGTHS = (
    "SGLang takes no list of ViT lengths: with SGLANG_VIT_ENABLE_CUDA_GRAPH=1 it makes a "
    "graph of each exact length at its first use, so there is none to choose."
)

WORDS = Vocabulary(
    sdk=SDK,
    commands="python -m sglang.launch_server",
    # server_args.py; --config is merged before the line's own options.
    compiler=Compiler(
        name="sglang",
        module="sglang.launch_server",
        model="model-path",
        serves=True,
        lists=frozenset({DECODE_SIZES, OLD_DECODE_SIZES, "cuda-graph-bs-prefill"}),
        files={"config": False},
    ),
    settings=frozenset(
        {"decode", "prefill", CONFIG, DECODE_SIZES, OLD_DECODE_SIZES, REQUESTS}
    ),
    signs=re.compile(
        r"\bsglang(?:\.launch_server|\s+serve)\b|cuda-graph-(?:bs|config)\b"
    ),
    pin=re.compile(r"\bsglang(?:\[[\w,-]*\])?\s*==\s*(\d+(?:\.\d+)+)"),
    image=re.compile(r"lmsysorg/sglang:v?(\d+(?:\.\d+)+)"),
    release=re.compile(r"\bsglang-(\d+(?:\.\d+)+)"),
)


def emit(plan: Plan, base: GivenBase, targets: Sequence[Target]) -> dict[str, str]:
    """Return serve.sh and the same options as YAML, where sizes are to be set."""
    sizes = sizes_to_set(plan.decoder)
    if not sizes or plan.decoder is None:
        return {}
    found = {}
    for target in targets:
        options = {
            **base.mapping,
            "model-path": plan.model.hf_id,
            sizes_key(target.parsed): list(sizes),
        }
        if plan.provenance.options.get("batch_size"):
            options[REQUESTS] = plan.decoder.batch_size
        found[f"{target.folder}/config.yaml"] = _yaml(options)
        found[f"{target.folder}/serve.sh"] = _script(options, target)
    return found


def _yaml(options: dict[str, object]) -> str:
    # JSON values are YAML ones.
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in options.items())


def _script(options: dict[str, object], target: Target) -> str:
    flags = [f"--{key} {_words(value)}" for key, value in options.items()]
    return (
        f"#!/usr/bin/env bash\n# For {target.covers}; config.yaml says the same "
        "(--config config.yaml).\n\nset -euo pipefail\n\n"
        + " \\\n  ".join(["exec python3 -m sglang.launch_server", *flags, '"$@"'])
        + "\n"
    )


def _words(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    text = value if isinstance(value, (str, int)) else json.dumps(value)
    return shlex.quote(str(text))


SGLANG = decode_engine(
    CATALOGUE,
    "SGLang",
    proof="run, its own functions chose sizes as they are priced; no server was started",
    own_batch_size=OWN_MOST,
    decoder_keys=(DECODE_SIZES, REQUESTS),
    context_key="context-length",
    captures=True,
    usual_graphs=own_sizes,
    emit=emit,
    emitted=re.compile(r"sglang-[\d.]+/(?:config\.yaml|serve\.sh)"),
    lint=Lint(rules=lambda: RULES, case=LintCase, judge=judge),
    vocabulary=WORDS,
    no_lengths=NO_LENGTHS,
)
