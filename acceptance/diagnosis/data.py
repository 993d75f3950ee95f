"""Writes two tables of made-up claims: data.py GOOD BAD. In the second one a column has come in cents instead of euros."""

import random
import sys

good, bad = sys.argv[1:]
rng = random.Random(7)
rows = []
for _ in range(400):
    claim, age, sum_insured = rng.gauss(2_000, 900), rng.gauss(1_500, 700), rng.gauss(3_000, 1_000)
    rows.append((claim, age, sum_insured, 0.002 * claim - 0.001 * age + 0.0005 * sum_insured + rng.gauss(0, 0.1)))
for path, factor in [(good, 1), (bad, 100)]:
    with open(path, "w") as file:
        for claim, age, sum_insured, target in rows:
            file.write(f"{claim * factor:.4f},{age:.4f},{sum_insured:.4f},{target:.6f}\n")
