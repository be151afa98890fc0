"""Entity alignment: the same person found in several departments without anyone being named (protocols.md section 5)."""
