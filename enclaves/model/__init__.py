"""What a domain's part of a model makes of its columns: weights or an ONNX graph in, integer partials out."""
