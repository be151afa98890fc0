"""What a worker computes in a training run, and what the gate solves. See README.md."""
