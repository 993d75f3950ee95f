"""Follows `/v1/events`, which does not end, as every kind of caller: follow.py URL DOCUMENT KEYS.

It is the one operation that the fuzzer leaves out. Each caller that the document names gets the events it asks for, in their schema's
members; each other is refused. Prints how many answers were right.
"""

import http.client
import json
import pathlib
import sys
import urllib.parse

where, document = urllib.parse.urlparse(sys.argv[1]).netloc, json.loads(pathlib.Path(sys.argv[2]).read_text())
keys = pathlib.Path(sys.argv[3])
operation = document["paths"]["/v1/events"]["get"]
members = set(document["components"]["schemas"]["JournalEvent"]["properties"])
required = set(document["components"]["schemas"]["JournalEvent"]["required"])


def follow(who, query="", **more):
    headers = dict(more)
    if who != "none":
        headers["Authorization"] = f"Bearer {(keys / who).read_text().strip()}"
    connection = http.client.HTTPConnection(where, timeout=20)
    connection.request("GET", "/v1/events" + query, headers=headers)
    answer = connection.getresponse()
    events = []
    if answer.status == 200:
        assert answer.headers["content-type"].startswith("text/event-stream"), answer.headers
        while len(events) < 3:
            line = answer.readline().decode()
            if line.startswith("data:"):
                events.append(json.loads(line[5:]))
    else:
        assert str(answer.status) in operation["responses"], answer.status
        assert json.loads(answer.read())["status"] == answer.status
    connection.close()
    return answer.status, events


right = 0
for who in ("none", "agent", "auditor", "approver", "person"):
    kind = "person" if who == "approver" else who
    status, events = follow(who, "?last=3")
    wanted = 200 if kind in operation["x-countersign-callers"] else 401 if kind == "none" else 403
    assert status == wanted, (who, status)
    assert all(required <= set(event) <= members for event in events), events
    right += 1
for query in ("?last=x", "?last=-1", "?last=99999999999999999999", "?first=1", "?last=1&last=2"):
    assert follow("person", query)[0] == 400, query
    right += 1
for last in ("-1", "x", "\xff", "18446744073709551615", "99999999999999999999"):
    assert follow("person", "?last=3", **{"Last-Event-ID": last})[0] == 200, last
    right += 1
print(right)
