"""Adds up what the runs asked: sum.py COUNTS DOCUMENT. Fails if a kind of caller did not ask for each operation, or if none that is about
something that is there succeeded for anybody."""

import collections
import json
import pathlib
import sys

runs = [json.loads(line) for line in pathlib.Path(sys.argv[1]).read_text().splitlines()]
document = json.loads(pathlib.Path(sys.argv[2]).read_text())
# What was made beforehand can be shown, ended, reviewed and taken back. A key of a glass that is in force cannot be turned once more.
THERE = {
    "GET /v1/approvals/{id}", "POST /v1/approvals/{id}/votes", "GET /v1/permissions/{id}", "DELETE /v1/permissions/{id}",
    "POST /v1/break-glass/{glass}/end", "POST /v1/break-glass/{glass}/review", "POST /v1/breakers/reset", "GET /v1/reviews/{id}",
    "POST /v1/reviews/{id}", "GET /v1/actions/{id}", "DELETE /v1/keys/{id}",
}
operations = {f"{method.upper()} {path}" for path, all in document["paths"].items() for method in all} - {"GET /v1/events"}
asked, statuses, total, worked = collections.defaultdict(set), collections.Counter(), 0, set()
for run in runs:
    for line, count in run["counts"].items():
        name, status = line.rsplit(" ", 1)
        asked[run["caller"]].add(name)
        statuses[status] += count
        total += count
        if status.startswith("2"):
            worked.add(name)
missing = {caller: sorted(operations - names) for caller, names in asked.items() if operations - names}
print(" ".join(f"{status}: {count}" for status, count in sorted(statuses.items())))
print(f"never succeeded: {', '.join(sorted(operations - worked)) or 'none'}")
if not THERE <= operations or THERE - worked:
    sys.exit(f"nobody succeeded, though it is there: {sorted(THERE - worked)}")
if missing or len(asked) != 4:
    sys.exit(f"not asked: {missing}, by {sorted(asked)}")
print(f"{len(operations) + 1}, {len(asked)} with and without a login, {total}")
