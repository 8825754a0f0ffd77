"""The sections of the report: an analysis in, finished text and drawings out."""
