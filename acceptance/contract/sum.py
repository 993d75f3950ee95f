"""Adds up what the runs asked: sum.py COUNTS DOCUMENT. Fails if a kind of caller did not ask for each operation."""

import collections
import json
import pathlib
import sys

runs = [json.loads(line) for line in pathlib.Path(sys.argv[1]).read_text().splitlines()]
document = json.loads(pathlib.Path(sys.argv[2]).read_text())
operations = {f"{method.upper()} {path}" for path, all in document["paths"].items() for method in all} - {"GET /v1/events"}
asked, statuses, total = collections.defaultdict(set), collections.Counter(), 0
for run in runs:
    for line, count in run["counts"].items():
        name, status = line.rsplit(" ", 1)
        asked[run["caller"]].add(name)
        statuses[status] += count
        total += count
missing = {caller: sorted(operations - names) for caller, names in asked.items() if operations - names}
print(" ".join(f"{status}: {count}" for status, count in sorted(statuses.items())))
if missing or len(asked) != 4:
    sys.exit(f"not asked: {missing}, by {sorted(asked)}")
print(f"{len(operations) + 1}, {len(asked)} with and without a login, {total}")
