"""What is FuriosaAI's alone."""
