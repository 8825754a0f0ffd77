"""Tables of sizes or of visual tokens: rows to the cells of a histogram."""
