"""What a noisy release costs in privacy, and who may still afford it: arithmetic only. See README.md."""
