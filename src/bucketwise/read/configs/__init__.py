"""What says how a model is served: profiles, model folders, rbln_config, lists of lengths."""
