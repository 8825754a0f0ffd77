"""What a decode step costs, and what load was seen on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.decoder.options import DecoderOptions
from bucketwise.core.decoder.pricing import GPU_DEVICE, Deployment, Pricing
from bucketwise.core.decoder.step_cost import Hardware, prefill_ms, roofline
from bucketwise.core.decoder.timeline import sweep
from bucketwise.engines.rbln.devices import DEVICES, device_of
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.errors import UsageError
from bucketwise.nouns.activity import Activity, Evidence, Requests, RequestTokens
from bucketwise.nouns.profile import LmShape
from bucketwise.read.configs.profiles import built_in_profiles

ATOM = DEVICES["RBLN-CA"]


def shape_of(name: str) -> LmShape:
    shape = built_in_profiles()[name].lm
    assert shape is not None
    return shape


def on(n_devices: int, context_tokens: float = 1_000.0) -> Hardware:
    return Hardware(device=ATOM, n_devices=n_devices, context_tokens=context_tokens)


@pytest.mark.parametrize(
    "name", sorted(name for name, each in built_in_profiles().items() if each.lm)
)
def test_a_larger_graph_never_costs_less_and_never_more_than_in_proportion(
    name: str,
) -> None:
    costs = roofline(shape_of(name), on(8), 64).costs
    assert (np.diff(costs) > 0).all()
    assert (costs <= costs[0] * np.arange(1, 65) + 1e-9).all()


def test_one_sequence_waits_for_the_weights() -> None:
    # Qwen3-VL-2B: 1.72e9 parameters read once in 16 bits, from 8 x 256 GB/s.
    [cost_ms] = roofline(shape_of("qwen3-vl-2b"), on(8, 1.0), 1).costs
    assert cost_ms == pytest.approx(1.72e9 * 2 / (8 * 256e9) * 1e3, rel=0.01)


@given(st.floats(1, 1e5), st.floats(1, 1e5))
def test_a_longer_context_costs_more_for_every_slot(one: float, other: float) -> None:
    shape = shape_of("qwen3-vl-2b")
    short, long = (
        roofline(shape, on(8, tokens), 8).costs for tokens in sorted((one, other))
    )
    assert (np.diff(long) >= np.diff(short) - 1e-12).all()


def test_a_cache_is_not_split_finer_than_its_heads() -> None:
    shape = shape_of("qwen3-vl-2b")
    slot_ms = [
        float(np.diff(roofline(shape, on(n, 100_000.0), 2).costs)[0]) for n in (8, 16)
    ]
    assert slot_ms[1] > 0.9 * slot_ms[0]


def test_long_prompts_are_bound_by_arithmetic_and_short_ones_by_the_weights() -> None:
    shape = shape_of("qwen3-vl-2b")
    one, few, many, twice = prefill_ms(
        shape, on(8), np.array([1, 16, 4_096, 8_192])
    ).tolist()
    assert one == few
    assert twice > 2 * many


@pytest.mark.parametrize(
    ("npu", "name", "assumed"),
    [
        ("RBLN-CA25", "ATOM", False),
        ("RBLN-CR13", "Rebel100", False),
        (None, "ATOM", True),
    ],
)
def test_a_device_is_known_by_the_start_of_its_name(
    npu: str | None, name: str, assumed: bool
) -> None:
    device, is_assumed = device_of(npu)
    assert (device.name, is_assumed) == (name, assumed)


def seen(*active: int) -> Activity:
    """Return an activity that holds each number of sequences for a second."""
    starts = [float(at) for at, count in enumerate(active) for _ in range(count)]
    return sweep(
        Requests(
            start_s=np.array(starts),
            end_s=np.array(starts) + 1,
            replica=np.zeros(len(starts), dtype=np.int64),
        )
    )


def evidence(activity: Activity, engine: str = "unknown") -> Evidence:
    return Evidence(
        kind="requests",
        load=activity,
        samples=1,
        engine=engine,  # type: ignore[arg-type]
        tokens=RequestTokens.of(np.array([100]), np.array([10]), with_images=True),
    )


def pricing_for(
    found: Evidence, *, model: str = "qwen3-vl-2b", **asked: object
) -> Pricing:
    question = DecoderOptions(batch_size=4, **asked)  # type: ignore[arg-type]
    profile = built_in_profiles()[model]
    return Pricing.of(question, profile, Deployment(engine=RBLN, n_devices=8), found)


def test_steps_are_time_where_one_graph_ran() -> None:
    found = evidence(seen(1, 2, 4, 6))
    steps = pricing_for(found).seen_on(found).steps(seen(1, 2, 4, 6), 4)
    assert steps.tolist() == [1.0, 1.0, 0.0, 2.0]


def test_steps_are_fewer_where_they_were_slower() -> None:
    found = evidence(seen(1, 2, 4))
    asked = pricing_for(found, measured_with=(1, 4), step_cost={1: 10.0, 4: 40.0})
    steps = asked.seen_on(found).steps(seen(1, 2, 4), 4)
    # With graphs 1 and 4, two sequences ran on the graph of 4.
    assert steps.tolist() == pytest.approx([1 / 10, 1 / 40, 0.0, 1 / 40])


def test_a_log_that_names_a_gpu_is_weighed_by_a_gpu_s_steps() -> None:
    found = evidence(seen(1, 4), engine="gpu")
    asked = pricing_for(found)
    shape = shape_of("qwen3-vl-2b")
    costs = roofline(
        shape, Hardware(device=GPU_DEVICE, n_devices=1, context_tokens=105), 4
    )
    steps = asked.seen_on(found).steps(seen(1, 4), 4)
    ratio = float(costs.costs[0] / costs.costs[3])
    assert steps[3] / steps[0] == pytest.approx(ratio, rel=1e-3)
    assert asked.seen_on(found).name == "a GPU engine"


def test_what_the_user_says_of_the_measured_system_wins_over_its_log() -> None:
    found = evidence(seen(1, 4), engine="gpu")
    assert pricing_for(found, measured_with=(4,)).seen_on(found).name == "graphs 4"


def test_the_context_adds_visual_tokens_that_prompts_do_not_count() -> None:
    tokens = RequestTokens.of(np.array([100]), np.array([10]), with_images=False)
    found = Evidence(kind="requests", load=seen(1), samples=1, tokens=tokens)
    question = DecoderOptions(batch_size=4)
    profile = built_in_profiles()["qwen3-vl-2b"]
    pricing = Pricing.of(
        question, profile, Deployment(engine=RBLN, mean_visual=500), found
    )
    assert pricing.context_tokens == 100 + 10 / 2 + 500


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"batch_size": 0}, "batch-size: expected .*, got 0"),
        ({"batch_size": 8, "k_range": (3, 2)}, "decoder-graphs: expected .*, got 3-2"),
        (
            {"batch_size": 8, "step_cost": "guess"},
            "step-cost: expected .*, got 'guess'",
        ),
        ({"batch_size": 8, "measured_with": ()}, "measured-with"),
        (
            {"batch_size": 8, "measured_with": "tpu"},
            "measured-with: expected .*, got 'tpu'",
        ),
    ],
)
def test_a_question_that_cannot_be_is_refused(
    asked: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        DecoderOptions(**asked)  # type: ignore[arg-type]
