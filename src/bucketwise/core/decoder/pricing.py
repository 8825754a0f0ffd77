"""Which cost a step has, here and on the system that the load was seen on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bucketwise.core.buckets import Buckets
from bucketwise.core.decoder.options import DecoderOptions
from bucketwise.core.decoder.sizing import BATCH_SIZES
from bucketwise.core.decoder.step_cost import (
    MS,
    Hardware,
    StepCurve,
    measured,
    measured_steps,
    prefill_ms,
    roofline,
    slot_costs,
)
from bucketwise.core.plan import Assumption
from bucketwise.errors import UsageError
from bucketwise.nouns.activity import Activity, Evidence
from bucketwise.nouns.engine import Device, Engine
from bucketwise.nouns.measured_cost import MeasuredCost
from bucketwise.nouns.profile import LmShape, ModelProfile
from bucketwise.nouns.traffic import FloatArray, IntArray

GPU_DEVICE = Device(
    name="a GPU (A100 80 GB)",
    dram_bytes_per_s=2.039e12,
    flop_per_s=312e12,
    source="NVIDIA A100 80GB data sheet (SXM)",
)
"""Stands for the GPU engine that evidence was measured on; only the ratio of its peaks
matters, and it differs little between generations."""

MAX_SEEN = 4_096
"""Past so many sequences the step time of a measured GPU engine is held constant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What the decoder will run on, and what its sequences hold beside text."""

    engine: Engine
    npu: str | None = None
    """Name of the NPU; None where nobody named it."""
    n_devices: int = 1
    """Devices that share the language model."""
    partition: int | None = None
    """`kvcache_partition_len`; None without flash attention."""
    mean_visual: int = 0
    high_visual: int = 0
    """Visual tokens of an image of the traffic, in the mean and at p99.9."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenOn:
    """What a step took on the system that the load was seen on.

    Arrays have the shape (n,).
    """

    name: str
    """That system in words."""
    step_time: FloatArray
    """By the sequences that ran, from 0; any unit; the last holds for all above."""
    source: str
    """How that is known."""

    def steps(self, activity: Activity, batch_size: int) -> FloatArray:
        """Return time as steps: what lasted long at slow steps was few of them.

        One number for each of 1, 2, ..., `batch_size` active sequences, in proportion.
        """
        took = self.step_time[np.minimum(activity.running, self.step_time.size - 1)]
        active = np.minimum(activity.running, batch_size)
        weights = activity.seconds / took
        steps = np.bincount(active, weights=weights, minlength=batch_size + 1)
        return steps[1:].astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """How steps are priced for one question about one model on one deployment."""

    question: DecoderOptions
    profile: ModelProfile
    deployment: Deployment
    context_tokens: float

    @classmethod
    def of(
        cls,
        question: DecoderOptions,
        profile: ModelProfile,
        deployment: Deployment,
        evidence: Evidence,
    ) -> Pricing:
        """Take the context of a sequence from the requests, or from the images."""
        tokens, context = evidence.tokens, float(deployment.mean_visual)
        if tokens is not None:
            context = tokens.decode_context + (0 if tokens.with_images else context)
        return cls(
            question=question,
            profile=profile,
            deployment=deployment,
            context_tokens=max(context, 1.0),
        )

    @property
    def hardware(self) -> Hardware:
        """What will run the language model."""
        device, _ = self.deployment.engine.device_of(self.deployment.npu)
        return Hardware(
            device=device,
            n_devices=self.deployment.n_devices,
            context_tokens=self.context_tokens,
        )

    @property
    def largest(self) -> int:
        """The largest batch size that is looked at."""
        asked = self.question.measured_with
        seen = asked if isinstance(asked, tuple) else ()
        return max(self.question.batch_size, *BATCH_SIZES, *seen)

    def curve(self) -> StepCurve:
        """Return what the graphs are chosen by."""
        if self.question.step_cost == "slots":
            return slot_costs(self.largest)
        return self.clock()

    def clock(self) -> StepCurve:
        """Return milliseconds of a step of each graph."""
        asked = self.question.step_cost
        if isinstance(asked, Mapping):
            return measured(asked, self.largest)
        if isinstance(asked, MeasuredCost):
            return measured_steps(asked, self.largest)
        return roofline(self._shape(), self.hardware, self.largest)

    def prefill_s(self, prompt: IntArray) -> FloatArray:
        """Return the seconds each prompt takes: measured, else those of the roofline.

        Measured steps are slower than the roofline; the prompts are taken to be so by
        the same factor.
        """
        if self.question.prefill is not None:
            return self.question.prefill.at(prompt) / MS
        shape, batch = self._shape(), self.question.batch_size
        ideal = roofline(shape, self.hardware, batch).costs[-1]
        slower = float(self.clock().costs[batch - 1] / ideal)
        return prefill_ms(shape, self.hardware, prompt) * slower / MS

    def seen_on(self, evidence: Evidence) -> SeenOn:
        """Return what a step took where the load was seen."""
        asked = self.question.measured_with
        if isinstance(asked, str):
            return self._seen_on_gpu("--measured-with")
        if asked is None and evidence.engine == "gpu":
            return self._seen_on_gpu("the log names a GPU")
        if asked is None:
            known = evidence.engine == "rbln"
            source = "the log names RBLN" if known else "not told: --measured-with"
            return SeenOn(
                name="one graph",
                step_time=np.ones(1),
                source=f"{source}; one graph takes the same time for every step",
            )
        sizes = tuple(sorted(set(asked)))
        curve = self.curve()
        active = np.arange(1, sizes[-1] + 1)
        ran_on = np.array(sizes)[Buckets(sizes).assign(active)]
        return SeenOn(
            name=f"graphs {', '.join(map(str, sizes))}",
            step_time=np.concatenate([[1.0], curve.at(ran_on)]),
            source="--measured-with; steps priced as those of the proposal",
        )

    def assumptions(self, curve: StepCurve) -> tuple[Assumption, ...]:
        """Return what the price of a step rests on."""
        batch = self.question.batch_size
        least, most = curve.costs[0], curve.costs[batch - 1]
        ends = f"{least:.4g} to {most:.4g} {curve.unit} for 1 to {batch} slots"
        if batch == 1:
            ends = f"{most:.4g} {curve.unit} for one slot"
        return (
            Assumption(
                name="cost of a decode step",
                value=f"{ends} ({curve.kind})",
                status=curve.status,
                source=curve.source,
            ),
        )

    def _seen_on_gpu(self, source: str) -> SeenOn:
        hardware = Hardware(
            device=GPU_DEVICE, n_devices=1, context_tokens=self.context_tokens
        )
        curve = roofline(self._shape(), hardware, MAX_SEEN)
        return SeenOn(
            name="a GPU engine",
            step_time=np.concatenate([[1.0], curve.costs]),
            source=f"{source}; {curve.source}",
        )

    def _shape(self) -> LmShape:
        if self.profile.lm is None:
            message = (
                f"{self.profile.name}: the shape of its language model is not known, "
                "so that a step cannot be priced; type --step-cost slots, or measured "
                "ones such as --step-cost 1=12.5,8=20"
            )
            raise UsageError(message)
        return self.profile.lm
