"""Which decoder_batch_sizes: from what a decoder carried to the graphs to compile."""
