"""From DuckDB's parse tree to the closed query model, noting every reason on the way."""
