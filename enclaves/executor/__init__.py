"""Heavy jobs of one domain, fanned out over the partitions of its data: one interface, a local pool and a Ray cluster."""
