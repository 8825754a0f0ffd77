"""What `quantization` may say: the same in every release that has it."""

from __future__ import annotations

from collections.abc import Mapping

PLAIN = "fp16"

QUANTIZED: Mapping[str, tuple[str, ...]] = {
    "format": ("rbln",),
    "weights": ("int4", "int8", "fp8", PLAIN),
    "activations": ("int8", "fp8", PLAIN),
    "kv_caches": ("fp8", PLAIN),
    "dynamic": (),
}
"""Settings and their values; () for any (optimum-rbln 0.12.0, transformers/utils/
rbln_quantization.py, RBLNQuantizationConfig)."""

BITS = ("weights", "activations")

OLD_PRECISION = "precision"
"""The older way to say both, with a warning; it takes `PRECISION` alone."""

PRECISION = "w4a16"
