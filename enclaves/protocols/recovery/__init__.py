"""Masked sums of 4 to 50 parties that still open when some of them are gone."""
