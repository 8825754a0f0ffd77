"""What is judged, as vLLM would take it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bucketwise.engines.vllm.base_config import STEP_TOKENS
from bucketwise.engines.vllm.capture_sizes import Server
from bucketwise.engines.vllm.choosing import single_calls
from bucketwise.engines.vllm.encoder_graphs import AS_QWEN3_VL, Sharing
from bucketwise.engines.vllm.model_classes import sharing_of
from bucketwise.engines.vllm.releases import (
    BUDGETS,
    CAPTURE_SIZES,
    SWITCH,
    items_key,
)
from bucketwise.engines.vllm.replay import Call
from bucketwise.lint.case import LintCase
from bucketwise.nouns.document import LENGTHS_ALONE


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmCase(LintCase):
    """A compilation config with all that its judgement needs."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The compilation config."""
        return self.document.config

    @property
    def named(self) -> str:
        """The release, as messages name it."""
        return f"{self.engine.name} {self.release.name}"

    @property
    def is_on(self) -> bool:
        """Whether encoder graphs are switched on; a bare list says nothing else."""
        return self.document.form in LENGTHS_ALONE or _true(self.config.get(SWITCH))

    @property
    def budgets(self) -> tuple[int, ...]:
        """The budgets, ascending; () where there are none or some are no numbers."""
        return ascending(self.config.get(BUDGETS))

    @property
    def max_items(self) -> int:
        """The limit of images in one replay; 0 where vLLM chooses it."""
        return whole(self.config.get(items_key(self.version))) or 0

    @property
    def sharing(self) -> Sharing:
        """What the model's class makes of a budget."""
        return sharing_of(self.profile) if self.profile else AS_QWEN3_VL

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of the language model's graphs; () where vLLM chooses them."""
        value = self.config.get(CAPTURE_SIZES)
        flag = self.flag("cudagraph-capture-sizes")
        if value is None and flag:
            return ascending([int(each) for each in flag.split() if each.isdecimal()])
        return ascending(value)

    def flag(self, name: str) -> str | None:
        """Return what an option of the serve line is given; None where it is not."""
        serve = self.document.serve
        return None if serve is None else serve.flags.get(name)

    def number(self, name: str) -> int | None:
        """Return an option of the serve line that is a whole number."""
        value = self.flag(name) or ""
        return int(value) if value.isdecimal() else None

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return an option of the serve line that is JSON; {} where it is none."""
        try:
            value = json.loads(self.flag(name) or "{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def step_tokens(self) -> int:
        """Most tokens of a step; an H100's where the line does not tell."""
        return self.number("max-num-batched-tokens") or STEP_TOKENS

    @property
    def server(self) -> Server | None:
        """What decodes; None where the line does not tell how many requests."""
        requests = self.number("max-num-seqs")
        if not requests:
            return None
        drafts = whole(self.mapping("speculative-config").get("num_speculative_tokens"))
        return Server(
            max_num_seqs=requests,
            max_num_batched_tokens=self.step_tokens,
            query_len=1 + (drafts or 0),
            interactive=self.flag("performance-mode") == "interactivity",
            release=self.version,
        )

    @property
    def calls(self) -> tuple[Call, ...]:
        """The images and clips of the traffic, one a call; () without traffic."""
        if self.use is None:
            return ()
        counts = self.use.counts
        used = counts.accepted & (counts.sizes.count > 0)
        if not used.any():
            return ()
        tokens = counts.merged_patches * counts.grid_t
        return single_calls(tokens[used], counts.sizes.count[used])

    @property
    def most_tokens(self) -> int | None:
        """Merged tokens of the largest image that comes, or that limits let through."""
        if self.calls:
            return self.calls[-1].tokens[0]
        if self.profile is None or self.limits is None or self.profile.soft_tokens:
            return None
        return self.limits.max_pixels // self.profile.factor_px**2


def whole(value: object) -> int | None:
    """Return a whole number, as pydantic takes it: a text of digits is one, too."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else None


def ascending(value: object) -> tuple[int, ...]:
    """Return positive whole numbers of a list, ascending; () where some are none."""
    if not isinstance(value, (list, tuple)):
        return ()
    found = [whole(each) for each in value]
    known = sorted(each for each in found if each is not None and each > 0)
    return tuple(known) if len(known) == len(found) else ()


def _true(value: object) -> bool:
    """Return whether pydantic takes a value as true."""
    return value is True or str(value).lower() in ("true", "yes", "on", "1", "t", "y")
