"""Paillier sums: weights that departments never see, and packed scores. The only room of phe and gmpy2."""
