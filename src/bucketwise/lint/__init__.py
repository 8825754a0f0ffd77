"""Will this configuration work: one rule a function, all of them in one table."""

from __future__ import annotations

from bucketwise.lint.rule import Reported, Rule, judge

__all__ = ["Reported", "Rule", "judge"]
