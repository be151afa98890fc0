"""Short-lived confined children: one order in, one masked or encrypted vector out. A worker decides nothing."""
