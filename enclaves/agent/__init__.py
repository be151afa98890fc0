"""A department's enclave: consents in, decisions made here, one masked contribution out."""
