"""The signed documents of a district: what every party must agree on, to the byte."""
