"""vllm-gaudi: vLLM on Intel Gaudi, which compiles a graph for every shape it meets."""
