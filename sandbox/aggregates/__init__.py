"""Sealed tables on their way to the recipient, and the reading of statements for whoever asks."""
