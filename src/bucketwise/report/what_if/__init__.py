"""What if other lengths were compiled: what the page's own arithmetic works on.

`panel_data.py` says what stands in the page, `histogram.py` which sizes, `patterns.py`
turns emitted files into texts with places to fill. `report/scripts` compute and draw;
`arithmetic.js` repeats what the core does and `fit.js` how an engine adds up memory, from
the numbers it hands over; tests drive both, and the options that stand under the panel.
"""
