"""Where noise is drawn: exact, on integers, from the operating system's randomness. See README.md."""
