"""What optimum-rbln and vllm-rbln make of a configuration: a file for each subject."""
