"""Figures: a file for each, with what it plots as plain numbers and how it is drawn.

Drawing is done by matplotlib, which `paper.py` holds and `svg.py` alone asks for: making
the numbers, words and tables loads nothing of it.
"""
