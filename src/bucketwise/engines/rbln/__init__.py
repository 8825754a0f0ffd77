"""What the RBLN SDK does, as data: names, defaults, units, limits, by version."""
