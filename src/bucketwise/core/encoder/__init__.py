"""Plans for text encoders: token counts in, the lengths to compile out."""
