"""Figures of the department's side, each beside its baseline in the same run."""
