"""Wells: one interface, one module per kind of source; everything is read through pyarrow and checked."""
