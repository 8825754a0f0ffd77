"""Two plans: what changed, and whether data or method changed it."""

from __future__ import annotations

from typing import Any

from bucketwise.core.plan_diff import plan_changes


def plan_of(
    sha256: str = "a", version: str = "1", k: int = 2, **options: int
) -> dict[str, Any]:
    return {
        "visual": {
            "vit_max_seq_lens": list(range(1, k + 1)),
            "processor": {"max_pixels": 9},
        },
        "traffic": {"images": 5},
        "provenance": {
            "bucketwise": version,
            "options": options,
            "inputs": [{"sha256": sha256}],
        },
    }


def test_equal_plans_say_so_and_nothing_else() -> None:
    assert plan_changes(plan_of(), plan_of()) == (
        "Against the plan that stood here: same traffic, same method.",
    )


def test_data_and_method_are_told_apart() -> None:
    assert "the traffic changed" in plan_changes(plan_of(), plan_of("b"))[0]
    assert "options changed" in plan_changes(plan_of(), plan_of(align=8))[0]
    both = plan_changes(plan_of(), plan_of("b", "2", 3))
    assert "the traffic and the version of bucketwise changed" in both[0]
    assert both[1] == "  buckets: [1, 2] -> [1, 2, 3]"


def test_decoder_graphs_that_change_come_or_go_are_told() -> None:
    two = plan_of() | {"decoder": {"decoder_batch_sizes": [4, 8]}}
    three = plan_of() | {"decoder": {"decoder_batch_sizes": [2, 5, 8]}}
    none = plan_of() | {"decoder": None}
    told = "  decoder_batch_sizes: "
    assert plan_changes(two, three)[1:] == (f"{told}[4, 8] -> [2, 5, 8]",)
    assert plan_changes(none, two)[1:] == (f"{told}none -> [4, 8]",)
    assert plan_changes(two, plan_of())[1:] == (f"{told}[4, 8] -> none",)
    assert plan_changes(none, plan_of())[1:] == ()


def test_a_plan_with_holes_is_compared_as_far_as_it_goes() -> None:
    assert "changed" in plan_changes({"provenance": None}, plan_of())[0]
