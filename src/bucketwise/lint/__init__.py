"""Lint, whatever the engine: a rule, a finding, a fix, and how they are told."""
