"""What configurations of RBLN call things, for those who read them."""

from __future__ import annotations

import re

from bucketwise.engines.rbln.keys import (
    AT_LOAD,
    BUCKETS,
    DEVICES,
    KEYS,
    OLD_BUCKETS,
    OLD_DEVICES,
)
from bucketwise.engines.rbln.model_classes import MODEL_CLASSES, SUBMODULES
from bucketwise.engines.rbln.nesting import nesting_family
from bucketwise.engines.rbln.targets import SDK
from bucketwise.nouns.vocabulary import Compiler, Vocabulary

_VERSION = r"(\d{1,4}(?:\.\d{1,4})+(?:\.post\d{1,4})?)"

# optimum-rbln 0.12.0, cli.py, main.
_COMPILER = Compiler(
    name="optimum-rbln-cli",
    module="optimum.rbln.cli",
    options={
        "model-id": True, "output-dir": True, "class": True, "show-rbln-config": False,
        "get-kvcache-num-blocks": False, "set-kvcache-num-blocks": True,
        "set-memory-budget": True, "list-classes": False, "examples": False,
        "version": False, "no-style": False, "hf-token": True, "hf-revision": True,
        "hf-cache-dir": True, "hf-force-download": False, "hf-local-files-only": False,
    },
    without_compile=frozenset({
        "show-rbln-config", "get-kvcache-num-blocks", "set-kvcache-num-blocks",
        "set-memory-budget", "list-classes", "examples", "version",
    }),
    unasked={"create_runtimes": False},
)  # fmt: skip

WORDS = Vocabulary(
    sdk=SDK,
    commands="vllm serve or optimum-rbln-cli",
    examples="visual, max_seq_len, batch_size",
    keyword="rbln_config",
    prefix="rbln_",
    class_prefix="RBLN",
    compiler=_COMPILER,
    server_keyword="additional_config",
    hints=re.compile(
        r"(?i:rbln_config)\s*=|\.from_pretrained\s*\(|RBLN\w{1,100}Config\s*\("
        r"|additional_config\s*="
    ),
    mentions=re.compile(r"rbln|from_pretrained|additional_config"),
    settings=frozenset(key.name for key in KEYS) | frozenset(SUBMODULES),
    at_load=AT_LOAD,
    classes={known.name: family for family, known in MODEL_CLASSES.items()},
    lengths=("visual", BUCKETS),
    lengths_note=f" ({OLD_BUCKETS} up to 0.10.3)",
    file="rbln_config.json",
    levels=("visual", "vlm"),
    # optimum-rbln 0.12.0, configuration_utils.py, _prepare_for_serialization, and
    # transformers/models/decoderonly/configuration_decoderonly.py.
    saved=frozenset(
        {
            *("_compile_cfgs", "_meta", "_requires_batch_sort", "cache_metas"),
            *("cls_name", "dtype", "kvcache_metas", "optimum_rbln_version"),
        }
    ),
    graphs="_compile_cfgs",
    compiled_by="optimum_rbln_version",
    class_key="cls_name",
    kept_by_graph=(DEVICES, OLD_DEVICES),
    # vllm-rbln 0.12.0, config.py.
    wrappers=("rbln_config", "optimum_overrides"),
    options={
        "additional-config": ("optimum_overrides", "rbln_config"),
        "rbln-optimum-overrides": (),
        "rbln-config": (),
    },
    signs=re.compile(r"(?i:rbln)"),
    pin=re.compile(rf"(?:optimum|vllm)[-_]rbln(?:\[[\w,-]*\])?\s*==\s*{_VERSION}"),
    image=re.compile(rf"(?:optimum|vllm)[-_]rbln:(?:\$\{{\w+:?-)?v?{_VERSION}\b"),
    release=re.compile(rf"(?:optimum(?:-rbln)?|vllm-rbln)-{_VERSION}"),
    family_in=nesting_family,
)
