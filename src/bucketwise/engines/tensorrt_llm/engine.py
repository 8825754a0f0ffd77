"""TensorRT-LLM as an engine: decode graphs alone, for few models have others."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence

from bucketwise.core.plan import Plan, sizes_to_set
from bucketwise.engines.catalogue import Catalogue
from bucketwise.engines.decode_only import GivenBase, decode_engine
from bucketwise.engines.tensorrt_llm.graphs import OWN_MOST, own_sizes
from bucketwise.engines.tensorrt_llm.rules import GRAPHS, MOST, RULES, VISION
from bucketwise.lint.case import LintCase, judge
from bucketwise.nouns.engine import Lint, Target
from bucketwise.nouns.vocabulary import Compiler, Vocabulary
from bucketwise.words.text import one_line

SDK = "tensorrt-llm"

CATALOGUE = Catalogue(
    (
        Target(
            sdk=SDK,
            version="1.2.1",
            covers="tensorrt-llm 1.2",
            releases=((1, 2, 0), (1, 2, 1)),
        ),
    )
)

NO_LENGTHS = (
    "TensorRT-LLM 1.2 takes no list of ViT lengths; the pairs of tokens and images that "
    "later candidates take are for few models, and none of these."
)

WORDS = Vocabulary(
    sdk=SDK,
    commands="trtllm-serve",
    # llm_args.py, update_llm_args_with_extra_dict: the file overtakes the line.
    compiler=Compiler(
        name="trtllm-serve",
        model="",
        serves=True,
        files={"extra_llm_api_options": True, "config": True},
    ),
    settings=frozenset({GRAPHS, MOST, VISION[0]}),
    signs=re.compile(r"\btrtllm-serve\b|\bcuda_graph_config\b|\bencoder_cuda_graph\b"),
    pin=re.compile(r"\btensorrt[-_]llm\s*==\s*(\d+(?:\.\d+)+)"),
    image=re.compile(r"tensorrt-llm/release:v?(\d+(?:\.\d+)+)"),
    release=re.compile(r"\btensorrt-llm-(\d+(?:\.\d+)+)"),
)


def emit(plan: Plan, base: GivenBase, targets: Sequence[Target]) -> dict[str, str]:
    """Return the options as YAML, where sizes are to be set."""
    sizes = sizes_to_set(plan.decoder)
    if not sizes or plan.decoder is None:
        return {}
    options = {**base.mapping}
    if plan.provenance.options.get("batch_size"):
        options[MOST] = plan.decoder.batch_size
    options[GRAPHS] = {"batch_sizes": list(sizes), "enable_padding": True}
    # JSON values are YAML ones.
    rows = "".join(f"{key}: {json.dumps(value)}\n" for key, value in options.items())
    model = shlex.quote(one_line(plan.model.hf_id))
    return {
        f"{target.folder}/config.yaml": f"# For {target.covers}:\n"
        f"# trtllm-serve {model} --extra_llm_api_options config.yaml\n{rows}"
        for target in targets
    }


TENSORRT_LLM = decode_engine(
    CATALOGUE,
    "TensorRT-LLM",
    proof="read, not run",
    own_batch_size=OWN_MOST,
    decoder_keys=(f"{GRAPHS}.batch_sizes", MOST),
    captures=True,
    usual_graphs=own_sizes,
    emit=emit,
    emitted=re.compile(r"tensorrt-llm-[\d.]+/config\.yaml"),
    lint=Lint(rules=lambda: RULES, case=LintCase, judge=judge),
    vocabulary=WORDS,
    no_lengths=NO_LENGTHS,
)
