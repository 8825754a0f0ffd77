"""Text encoders, small: their config.json, the texts, and the plans that are emitted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.conformance.releases import Release, Version

TEXTS = """\
tokens,count
10,40
33,30
64,20
100,9
128,2
400,1
"""

POSITIONS = 130
"""RoBERTa and its kin use two fewer; the longest text of `TEXTS` is cut."""

_PLAIN = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": POSITIONS,
    "vocab_size": 100,
}
_SEQ2SEQ = {
    "d_model": 32,
    "encoder_layers": 3,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 80,
    "max_position_embeddings": POSITIONS,
    "vocab_size": 100,
}
_T5 = {
    "d_model": 32,
    "d_kv": 24,
    "d_ff": 48,
    "num_layers": 3,
    "num_heads": 2,
    "n_positions": POSITIONS,
    "vocab_size": 100,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEncoder:
    """One architecture.

    Attributes
    ----------
    family : str
        Its `model_type`.
    config_class : str
        The class of its configuration in transformers.
    config : dict
        Its dimensions.
    since : tuple of int
        The release its class came with.
    reserved : int
        Positions that serve no token.
    """

    family: str
    config_class: str
    config: dict[str, Any] = field(default_factory=lambda: dict(_PLAIN))
    since: Version = (0, 10, 2)
    reserved: int = 0

    def served_by(self, release: Release) -> bool:
        """Return whether a release has its class."""
        return release.parsed >= self.since


ARCHITECTURES: dict[str, TextEncoder] = {
    "BertModel": TextEncoder(family="bert", config_class="BertConfig"),
    "BertForMaskedLM": TextEncoder(family="bert", config_class="BertConfig"),
    "BertForQuestionAnswering": TextEncoder(family="bert", config_class="BertConfig"),
    "RobertaForMaskedLM": TextEncoder(
        family="roberta", config_class="RobertaConfig", reserved=2
    ),
    "RobertaForSequenceClassification": TextEncoder(
        family="roberta", config_class="RobertaConfig", reserved=2
    ),
    "XLMRobertaModel": TextEncoder(
        family="xlm-roberta", config_class="XLMRobertaConfig", reserved=2
    ),
    "XLMRobertaForSequenceClassification": TextEncoder(
        family="xlm-roberta", config_class="XLMRobertaConfig", reserved=2
    ),
    "DistilBertForQuestionAnswering": TextEncoder(
        family="distilbert",
        config_class="DistilBertConfig",
        config={
            "dim": 32,
            "n_layers": 3,
            "n_heads": 2,
            "hidden_dim": 48,
            "max_position_embeddings": POSITIONS,
            "vocab_size": 100,
        },
    ),
    "ModernBertForMaskedLM": TextEncoder(
        family="modernbert",
        config_class="ModernBertConfig",
        config=_PLAIN
        | {
            "pad_token_id": 0,
            "bos_token_id": 1,
            "cls_token_id": 1,
            "eos_token_id": 2,
            "sep_token_id": 2,
        },
        since=(0, 11, 2),
    ),
    "T5EncoderModel": TextEncoder(family="t5", config_class="T5Config", config=_T5),
    "BartModel": TextEncoder(
        family="bart", config_class="BartConfig", config=dict(_SEQ2SEQ)
    ),
    "PegasusModel": TextEncoder(
        family="pegasus", config_class="PegasusConfig", config=dict(_SEQ2SEQ)
    ),
}

PLANS = {"several": (), "one": ("--buckets", "1")}
"""Name -> options."""
