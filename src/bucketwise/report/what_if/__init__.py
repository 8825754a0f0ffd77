"""What if other lengths were compiled: what the page's own arithmetic works on.

`panel_data.py` says what stands in the page, `histogram.py` which sizes, `patterns.py`
turns emitted files into texts with places to fill. `report/scripts` compute and draw;
`arithmetic.js` repeats what the core does, and tests drive both.
"""
