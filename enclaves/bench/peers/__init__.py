"""Other systems' own code, timed by an interpreter of their own: their pins clash with the project's.

Each script imports nothing of domicile, is run as a file by the interpreter of `make bench`'s second environment
(`locks/peers.txt`), takes its sizes as arguments and prints one JSON object. `enclaves.bench.peer` starts them.
"""
