"""Flower's SecAgg+ client: its step that masks one update, as shipped (flwr 1.42, `_collect_masked_vectors`).

Usage: flower_step.py PARTIES VALUES REPEATS. Keys, shares and ciphertexts are made before the clock starts, with Flower's own
functions.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time

import numpy as np
from flwr.common import ndarrays_to_parameters
from flwr.common.secure_aggregation.crypto.symmetric_encryption import encrypt, generate_shared_key
from flwr.common.secure_aggregation.secaggplus_constants import Key
from flwr.common.secure_aggregation.secaggplus_utils import share_keys_plaintext_concat
from flwr.supercore.primitives.asymmetric import generate_key_pairs, private_key_to_bytes, public_key_to_bytes

# The package gives the module's name to a function of it.
mod = importlib.import_module("flwr.client.mod.secure_aggregation.secaggplus_mod")


def main(parties: int, values: int, repeats: int) -> None:
    """Print the median seconds of one party's step."""
    own = 1
    mask_keys = {party: generate_key_pairs() for party in range(1, parties + 1)}
    channel_keys = {party: generate_key_pairs() for party in range(1, parties + 1)}
    others = [party for party in mask_keys if party != own]
    shared = {party: generate_shared_key(channel_keys[own][0], channel_keys[party][1]) for party in others}
    ciphertexts = [
        encrypt(shared[party], share_keys_plaintext_concat(party, own, b"\x01" * 36, b"\x02" * 36))
        for party in others
    ]
    update = np.random.default_rng(1).uniform(-1, 1, values)
    seconds = []
    for _ in range(repeats):
        state = mod.SecAggPlusState()
        state.nid, state.sample_num, state.share_num, state.threshold = (
            own,
            parties,
            parties,
            parties // 2 + 1,
        )
        state.clipping_range, state.target_range = 8.0, 1 << 22
        state.mod_range, state.max_weight = 1 << 32, 1000.0
        state.rd_seed, state.sk1 = os.urandom(32), private_key_to_bytes(mask_keys[own][0])
        state.rd_seed_share_dict, state.sk1_share_dict = {}, {}
        state.ss2_dict = dict(shared)
        state.public_keys_dict = {
            party: (public_key_to_bytes(mask_keys[party][1]), public_key_to_bytes(channel_keys[party][1]))
            for party in mask_keys
        }
        configs = {Key.CIPHERTEXT_LIST: ciphertexts, Key.SOURCE_LIST: others}
        parameters = ndarrays_to_parameters([update])
        before = time.perf_counter()
        mod._collect_masked_vectors(state, configs, 1000, parameters)
        seconds.append(time.perf_counter() - before)
    print(json.dumps({"seconds": statistics.median(seconds), "parties": parties, "values": values}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
