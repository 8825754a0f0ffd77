"""What is one engine's own: a folder each."""
