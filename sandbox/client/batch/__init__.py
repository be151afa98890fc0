"""Scoring many consents as one job that can be interrupted anywhere: slices, a journal, rows appended to a file."""
