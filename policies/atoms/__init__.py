"""Differencing over the whole history of a person universe: the atom rule (protocols.md §6.3)."""
