"""Compares what two servers tell, field by field: `compare.py THEIRS OURS MASKED.json`. What is masked must differ; else it is no mask any more."""
import fnmatch
import json
import sys

theirs, ours = (json.loads(open(path).read().splitlines()[-1]) for path in sys.argv[1:3])
masks = json.load(open(sys.argv[3]))
used, compared, differs = set(), 0, []


def walk(path, one, other):
    global compared
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(set(one) | set(other)):
            walk(f"{path}/{key}", one.get(key, "<nothing>"), other.get(key, "<nothing>"))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for n, (a, b) in enumerate(zip(one, other)):
            walk(f"{path}/{n}", a, b)
    else:
        compared += 1
        if one != other:
            mask = next((mask["where"] for mask in masks if fnmatch.fnmatchcase(path, mask["where"])), None)
            used.add(mask)
            if mask is None:
                differs.append(f"{path}: {str(one)[:200]} / {str(other)[:200]}")


walk("", theirs, ours)
stale = [mask["where"] for mask in masks if mask["where"] not in used]
for line in differs[:40]:
    print(line)
if differs or stale:
    sys.exit(f"{len(differs)} of {compared} values differ; masks that mask nothing: {stale}")
print(f"{compared:,} values are the same but for what {len(masks)} masks list")
