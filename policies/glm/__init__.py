"""Generalized linear models over data that nobody holds in one place: mathematics and the rules of a run. See README.md."""
