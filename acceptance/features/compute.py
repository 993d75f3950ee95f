"""Computes two features twice, as a pipeline for training and as a service for predictions would, and sends both:
compute.py URL KEY AVERAGE VALUE

The service counts the purchases of seven days, today too, and divides by those that had any; the pipeline divides by seven. The lifetime
value is computed alike. Prints at how many entities and times the average really differs, and the first of them.
"""

import json
import random
import sys
import urllib.request

url, key, average, value = sys.argv[1:]
DAY = 86_400_000
START = 1_767_225_600_000
rng = random.Random(11)
purchases = {customer: [rng.choice([0, 0, 1, 2, 3]) for _ in range(30)] for customer in range(40)}
margin = {customer: rng.uniform(2, 30) for customer in range(40)}


def trained(counts, day):
    return sum(counts[day - 6 : day + 1]) / 7


def served(counts, day):
    week = counts[day - 6 : day + 1]
    return sum(week) / max(1, sum(1 for count in week if count))


def send(name, side, rows):
    body = {"version": 1, "side": side, "values": [{"entity": f"customer-{who}", "at": at, "value": said} for who, at, said in rows]}
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/features/{name}/values", json.dumps(body).encode(), headers)
    assert json.load(urllib.request.urlopen(request))["new"] == len(rows)


moments = [(who, START + day * DAY, day) for who in purchases for day in range(7, 30)]
averages = {side: [(who, at, of(purchases[who], day)) for who, at, day in moments] for side, of in [("training", trained), ("serving", served)]}
for side, rows in averages.items():
    send(average, side, rows)
    # The same numbers, added up in another order: no more than a rounding apart.
    worth = lambda who, day: [margin[who] * count for count in purchases[who][: day + 1]]
    values = [(who, at, sum(worth(who, day) if side == "training" else reversed(worth(who, day)))) for who, at, day in moments]
    send(value, side, values[: len(values) - 5 if side == "serving" else len(values)])
differing = [(at, f"customer-{who}") for (who, at, one), (_, _, two) in zip(*averages.values()) if abs(one - two) > 1e-6 * max(one, two)]
print(len(moments), len(differing), *min(differing))
