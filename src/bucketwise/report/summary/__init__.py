"""The decision on one page: one value, written as Markdown and as paper."""
