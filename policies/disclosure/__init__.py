"""Which cells of an answer may leave, decided twice: in the domain before masking, at the gate on the sums."""
