"""vLLM: what it counts of a device's memory before it starts."""
