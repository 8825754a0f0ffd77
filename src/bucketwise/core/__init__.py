"""What is computed, from values to values: no file, no page, no clock."""
