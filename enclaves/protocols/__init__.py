"""Cryptographic protocols: secure aggregation, BFV and sealing. No connectors, no documents, no clock."""
