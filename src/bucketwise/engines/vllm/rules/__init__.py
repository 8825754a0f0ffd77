"""Rules about configurations of vLLM."""
