"""What the RBLN SDK does, as data: names, units, limits, by version."""
