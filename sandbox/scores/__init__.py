"""Sealed scores: kept as the gate sealed them, handed to the recipient one consent at a time."""
