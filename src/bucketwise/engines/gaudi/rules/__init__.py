"""Rules about settings of vllm-gaudi."""
