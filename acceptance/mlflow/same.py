"""Compares what a client told of two servers: `same.py RELEASE THEIRS OURS`."""
import json
import sys

release, theirs, ours = sys.argv[1], *map(json.loads, sys.argv[2:])
differing = [name for name in sorted(theirs.keys() | ours.keys()) if theirs.get(name) != ours.get(name)]
for name in differing:
    print(f"{name}\n  MLflow: {json.dumps(theirs.get(name))}\n  ours:   {json.dumps(ours.get(name))}")
print(f"the client {release}: {len(theirs)} things told of both servers, {len(differing)} of them different")
sys.exit(bool(differing) or not theirs)
