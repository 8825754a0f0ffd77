"""Every command as a function on plain values; the command line only calls these."""

from __future__ import annotations

from bucketwise.analysis import Analysis
from bucketwise.api.built_in import models, newest, targets
from bucketwise.api.comparing import (
    check_comparison_name,
    compare,
    write_comparison,
)
from bucketwise.api.counting import count, count_rows, explain
from bucketwise.api.given_plans import read_plans
from bucketwise.api.linting import lint_config
from bucketwise.api.memory import VllmFit, vllm_fit, vllm_lines
from bucketwise.api.pages import check_formats
from bucketwise.api.planning import analyze, plan_changes, write_plan
from bucketwise.api.preprocessing import VideoOptions, preprocessing_of
from bucketwise.output import check_folder, default_folder
from bucketwise.sources import (
    read_evidence,
    read_inputs,
    read_traffic,
    write_histogram,
)
from bucketwise.sources.configs.profiles import find_profile

__all__ = [
    "Analysis",
    "VideoOptions",
    "VllmFit",
    "analyze",
    "check_comparison_name",
    "check_folder",
    "check_formats",
    "compare",
    "count",
    "count_rows",
    "default_folder",
    "explain",
    "find_profile",
    "lint_config",
    "models",
    "newest",
    "plan_changes",
    "preprocessing_of",
    "read_evidence",
    "read_inputs",
    "read_plans",
    "read_traffic",
    "targets",
    "vllm_fit",
    "vllm_lines",
    "write_comparison",
    "write_histogram",
    "write_plan",
]
