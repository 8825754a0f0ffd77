"""What is wrong, wasteful or good to know in configurations for AWS Neuron."""
