"""Holds a diagnosis against what was planted: judge.py FILE CAUSE ONSET [INNOCENT…]

CAUSE is `aspect/name`, or `none` where nothing that is logged tells it. Prints how many innocent differences it lists.
"""

import json
import sys

path, cause, onset, *innocent = sys.argv[1:]
found = json.load(open(path))
loss = next(curve for curve in found["curves"] if curve["metric"] == "loss")
told = loss.get("no_number", {}).get("step")
assert str(told) == onset, f"the loss is told as no number from {told}, and was so from {onset}"
assert loss["leaves"]["step"] <= told, loss
listed = [f'{one["aspect"]}/{one["name"]}' for one in found["differences"]]
named = listed[: found["causes"]]
assert named == ([] if cause == "none" else [cause]), f"{named} is named instead of {cause}: {listed}"
for one in innocent:
    assert one in listed and one not in named, f"{one} is not told as a difference that is no cause: {listed}"
print(len(set(listed) - set(named)))
