"""AWS Neuron: NxD Inference, and the plugin vLLM Neuron, as engines."""
