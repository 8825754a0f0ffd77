"""What the operating system is asked for: whole files, interruption, isolation."""
