"""What schemathesis is to hold every answer against besides its own checks, and the count of what was asked.

COUNTERSIGN_CALLER names the kind of caller whose key the run uses; COUNTERSIGN_REFUSALS the codes of a 503 that are no fault in this
run, if there are any; COUNTERSIGN_COUNTS the file that gets the counts.
"""

import atexit
import collections
import json
import os

import schemathesis

CALLER = os.environ["COUNTERSIGN_CALLER"]
REFUSALS = os.environ.get("COUNTERSIGN_REFUSALS", "").split()
counts = collections.Counter()


def stated(case):
    return case.operation.definition.raw


def is_declared(case):
    """Whether it is the operation itself, and not a method that the path does not know."""
    return case.method.upper() == case.operation.method.upper()


def code(response):
    try:
        said = json.loads(response.content)
        return said.get("code") if isinstance(said, dict) else None
    except ValueError:
        return None


@schemathesis.hook
def after_call(ctx, case, response):
    if not is_declared(case):
        return
    name = f"{case.operation.method.upper()} {case.operation.path}"
    counts[f"{name} {response.status_code}"] += 1


@schemathesis.check
def only_its_callers(ctx, response, case):
    """Whoever an operation does not name is refused for what they are, whatever they send; what no route takes is not found."""
    if not is_declared(case) or CALLER in stated(case)["x-countersign-callers"]:
        return
    refused = (response.status_code, code(response)) in {(401, "unauthenticated"), (403, "forbidden")}
    unrouted = (response.status_code, code(response)) in {(404, "not-found"), (405, "request-invalid")}
    assert refused or unrouted, f"{CALLER} got {response.status_code} {code(response)} of {case.operation.label}"


@schemathesis.check
def its_status_is_stated(ctx, response, case):
    """No status hides behind `default`."""
    if is_declared(case) and response.status_code != 405:
        named = stated(case)["responses"]
        assert str(response.status_code) in named, f"{case.operation.label} answers {response.status_code} {code(response)}"


@schemathesis.check
def the_server_does_not_fail(ctx, response, case):
    """No 5xx, but for the refusals that this run is about."""
    refused = response.status_code == 503 and code(response) in REFUSALS
    assert response.status_code < 500 or refused, f"{case.operation.label} answers {response.status_code} {code(response)}"


def write():
    with open(os.environ["COUNTERSIGN_COUNTS"], "a", encoding="utf-8") as out:
        json.dump({"caller": CALLER, "counts": counts}, out)
        out.write("\n")


atexit.register(write)
