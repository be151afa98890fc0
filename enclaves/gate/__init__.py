"""The release gate: adds what the enclaves contributed, bands, seals to the recipient, and hands over last of all."""
