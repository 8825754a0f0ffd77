"""Image files, folders and shards: headers only, never a decode."""
