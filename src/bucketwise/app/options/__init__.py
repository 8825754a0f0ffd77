"""The options of each command: each said once, for Python and the command line alike."""
