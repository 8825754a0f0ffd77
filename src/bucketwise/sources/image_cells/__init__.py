"""Parquet with images in its cells: their headers alone."""
