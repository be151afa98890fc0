"""A partner's question over governed SQL: from signed documents to the numbers every domain contributes."""
