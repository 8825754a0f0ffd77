"""What is TensorRT-LLM's alone."""
