"""Every command as a function on plain values; the command line only calls these.

Each stands in a module of its own: a command imports what it calls, and no more.
"""
