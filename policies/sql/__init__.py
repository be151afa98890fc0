"""Governed SQL: what a partner may ask, read from DuckDB's own parse tree into a closed model, rebuilt from that model."""
