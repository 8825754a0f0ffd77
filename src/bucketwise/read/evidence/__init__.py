"""What tells a decoder's load, read from tables, logs and metrics: one reader a file."""
