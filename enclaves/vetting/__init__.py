"""What a domain measures of its part of a model for vetting, already under the disclosure rule."""
