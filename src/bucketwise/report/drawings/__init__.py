"""An analysis -> drawings: what each figure plots, says and has behind it."""
