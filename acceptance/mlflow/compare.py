"""Holds what two tracking servers answered to the same scenario against each other.

    compare.py MLFLOW.jsonl OURS.jsonl

Everything must be alike but what is masked (`masked`, below, says all of it) and the differences that are listed with their reason
(`DIFFERENCES`), each of which must be there. Then every field of our answers that is not masked is changed, one at a time, and each change
must be noticed. The last line says how many exchanges there were.
"""
import base64
import copy
import json
import re
import sys
from collections import Counter

TIMES = {
    "creation_time", "last_update_time", "creation_timestamp", "last_updated_timestamp",
    "creation_timestamp_ms", "last_updated_timestamp_ms",
}
TEXT_TIMES = {"create_time", "last_update_time"}
# The scenario's own times are of 2025 and before.
CLOCK = re.compile(r"^20(2[6-9]|[3-9]\d)-")
MADE_UP = re.compile(r"^[a-z]+-[a-z]+-\d+$")
SET = re.compile(r"\{('[^'}]*'(?:, '[^'}]*')*)\}")

# What differs on purpose, by the exchange's method, path and body; each with its reason.
DIFFERENCES = json.load(open(__file__.replace("compare.py", "differences.json"), encoding="utf-8"))


def masked(answer, name=""):
    """Returns an answer without what no two servers can have alike.

    - times that the server takes from its clock: as numbers, and as texts where they are not of the scenario's own years;
    - names of runs and logged models that the server makes up, as a name and as the tag of it;
    - ids that the server makes up and the scenario never learned: those of runs, also within an address;
    - the tail of `already exists` and the whole text of `BAD_REQUEST`, which are sentences of MLflow's database driver;
    - the order in which MLflow writes the members of a set;
    - the order of members and the blanks within a page token, which no client reads;
    - blanks within the lists of models and of versions that are kept as a text in a tag.
    """
    if isinstance(answer, dict):
        if answer.get("key") == "mlflow.runName" and MADE_UP.match(str(answer.get("value"))):
            return {"key": "mlflow.runName", "value": "<made up>"}
        if answer.get("key") in ("mlflow.log-model.history", "mlflow.modelVersions"):
            answer = {**answer, "value": without_blanks(answer["value"])}
        if answer.get("error_code") == "BAD_REQUEST":
            answer = {**answer, "message": "<of the database>"}
        return {key: masked(value, key) for key, value in answer.items()}
    if isinstance(answer, list):
        return [masked(value) for value in answer]
    if name == "next_page_token" and isinstance(answer, str):
        return token(answer)
    if name in TIMES and isinstance(answer, int) and answer > 1_600_000_000_000:
        return "<time>"
    if name in TEXT_TIMES and isinstance(answer, str) and CLOCK.match(answer):
        return "<time>"
    if name in ("run_name", "name") and isinstance(answer, str) and MADE_UP.match(answer):
        return "<made up>"
    if isinstance(answer, str):
        answer = re.sub(r"[0-9a-f]{32}", "<id>", answer)
        if name == "message":
            answer = re.sub(r"already exists\. Error: .*", "already exists.", answer, flags=re.DOTALL)
            answer = SET.sub(lambda found: "{" + ", ".join(sorted(found[1].split(", "))) + "}", answer)
    return answer


def token(text):
    """Returns what is in a page token, and any other text as it is."""
    try:
        return json.dumps(json.loads(base64.b64decode(text, validate=True)), sort_keys=True)
    except ValueError:
        return text


def without_blanks(text):
    """Returns a JSON text as it is written in one form, and any other text as it is."""
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        return text


def normal(exchange):
    return {"status": exchange["status"], "kind": exchange["kind"], "answer": masked(exchange["answer"])}


def said(exchange):
    options = f" {json.dumps(exchange['options'], sort_keys=True)}" if "options" in exchange else ""
    return f"{exchange['method']} {exchange['path']} {json.dumps(exchange['body'], ensure_ascii=False)}{options}"


def is_listed(exchange):
    return any(re.search(one["exchange"], said(exchange)) for one in DIFFERENCES)


def call_of(exchange):
    """Returns the method and the path of a call, without what names a model, a tag, a file, a trace or an assessment."""
    path = exchange["path"].split("?")[0]
    path = re.sub(r"/logged-models/(?!search$)[^/]+", "/logged-models/ID", path)
    path = re.sub(r"(/logged-models/ID/tags)/.+", r"\1/KEY", path)
    path = re.sub(r"/webhooks/[^/]+", "/webhooks/ID", path)
    path = re.sub(r"/traces/(?!(?:get|search|batchGet|batchGetInfos|delete-traces|link-to-run|link-prompts)$)[^/]+", "/traces/ID", path)
    path = re.sub(r"(/traces/ID/assessments)/.+", r"\1/ID", path)
    path = re.sub(r"(/mlflow-artifacts/(?:artifacts|presigned|mpu/[a-z]+))/.*", r"\1/PATH", path)
    return exchange["method"], path


def error_of(exchange):
    """Returns a refusal of a call of traces: its status and its text, without what it quotes and counts; nothing of any other exchange."""
    answer = exchange["answer"]
    is_refusal = 400 <= exchange["status"] < 500 and isinstance(answer, dict)
    if not is_refusal or not re.search(r"^(/api/[23]\.0/mlflow/traces|/v1/traces)", exchange["path"]):
        return None
    text = str(answer.get("message", answer.get("detail"))).partition("Valid ")[0]
    text = re.sub(r"'[^']*'|\"[^\"]*\"|[a-z-]*\d+|nobody|\[.*\]|\{.*\}|OK|(?<=Content-Type: )\S+", "…", text)
    return call_of(exchange), exchange["status"], re.sub(r"…[…, ]*", "…", text)[:60]


def is_answered(exchange, ours):
    """Says whether a difference is listed with the answer that it has here instead: every field that it names."""
    listed = (one["ours"] for one in DIFFERENCES if "ours" in one and re.search(one["exchange"], said(exchange)))
    return any(ours["status"] == 200 and holds(fields, ours["answer"]) for fields in listed)


def holds(fields, answer):
    if isinstance(fields, dict):
        return isinstance(answer, dict) and all(name in answer and holds(inner, answer[name]) for name, inner in fields.items())
    return fields == answer


def leaves(value, place=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*place, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from leaves(inner, (*place, at))
    else:
        yield place


def changed(value, place):
    value = copy.deepcopy(value)
    *way, last = place
    at = value
    for step in way:
        at = at[step]
    old = at[last]
    if isinstance(old, bool):
        at[last] = not old
    elif isinstance(old, (int, float)):
        at[last] = old / 2 if abs(old) > 1 << 52 else old + 1
    else:
        at[last] = f"{old}x"
    return value


def unnoticed(exchange):
    """Returns the places of an answer where a change would go by, masked ones left out."""
    whole, alike = exchange["answer"], masked(exchange["answer"])
    if not isinstance(whole, dict):
        return [] if masked(f"{whole}x") != alike else [()]
    hidden = set()
    for place in leaves(whole):
        at = alike
        for step in place:
            at = at[step] if isinstance(at, (dict, list)) else at
        if isinstance(at, str) and ("<time>" in at or "<made up>" in at or "<of the database>" in at):
            hidden.add(place)
    return [place for place in leaves(whole) if place not in hidden and masked(changed(whole, place)) == alike]


def main():
    theirs, ours = ([json.loads(line) for line in open(path, encoding="utf-8")] for path in sys.argv[1:3])
    wrong = 0 if len(theirs) == len(ours) else 1
    used = Counter()
    for one, other in zip(theirs, ours):
        if said(one) != said(other):
            print(f"the scenario went another way: {said(one)} / {said(other)}")
            return 1
        alike = normal(one) == normal(other)
        for listed in DIFFERENCES:
            if re.search(listed["exchange"], said(one)):
                used[listed["exchange"]] += 0 if alike else 1
        if is_listed(one) and not 400 <= other["status"] < 500 and not is_answered(one, other):
            wrong += 1
            print(f"listed as different, and neither refused nor answered as listed: {said(other)[:400]}: {json.dumps(normal(other))[:300]}")
        if not alike and not is_listed(one):
            wrong += 1
            print(f"{said(one)[:400]}\n  MLflow: {json.dumps(normal(one))[:700]}\n  ours:   {json.dumps(normal(other))[:700]}")
    for listed in DIFFERENCES:
        if not used[listed["exchange"]]:
            wrong += 1
            print(f"listed as different, and is not: {listed['exchange']}")
    blind = [(said(exchange), place) for exchange in ours for place in unnoticed(exchange)]
    for where, place in blind[:10]:
        print(f"a change would not be noticed: {where[:200]} at {place}")
    calls = Counter(call_of(exchange) for exchange in theirs)
    few = sorted(call for call, count in calls.items() if count < 3 and call[1] not in ("/health", "/version"))
    errors = Counter(error for error in map(error_of, theirs) if error)
    few += sorted((error for error, count in errors.items() if count < 3), key=str)
    print(f"fewer than three exchanges: {few}" if few else "every call has three exchanges or more")
    changes = sum(1 for exchange in ours for _ in leaves(exchange["answer"]))
    print(f"{len(theirs)} exchanges of {len(calls)} calls, {wrong} unexplained differences, {len(DIFFERENCES)} listed; "
          f"{changes} changed fields, {len(blind)} unnoticed")
    return 1 if wrong or blind or few else 0


sys.exit(main())
