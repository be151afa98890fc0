"""What enclaves and gate alike verify of a run: the wire they talk over, papers, plan, bundles, transcripts, slots."""
