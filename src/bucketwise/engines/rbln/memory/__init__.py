"""Will it fit: what a model takes of each device before anybody compiles or serves."""
