"""Compares what the server answers with what the reader makes of the same events, and the events and fixtures with the specification's schemas.

    compare.py URL KEY EVENTS SPEC
"""
import json
import pathlib
import sys
import urllib.error
import urllib.parse
import urllib.request

from jsonschema import Draft202012Validator
from reader import World
from referencing import Registry, Resource

URL, KEY, EVENTS, SPEC = sys.argv[1:]
compared = 0


def get(path, **query):
    query = urllib.parse.urlencode(query)
    request = urllib.request.Request(f"{URL}/api/v1/{path}?{query}", headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def same(what, ours, theirs):
    global compared
    compared += 1
    if ours != theirs:
        sys.exit(f"{what}\n  server: {ours}\n  reader: {theirs}")


def node_id(node):
    return ":".join(node)


def path(node, more=""):
    quoted = [urllib.parse.quote(part, safe="") for part in node[1:]]
    return f"namespaces/{quoted[0]}/{node[0]}s/{quoted[1]}{more}"


def graphs(world):
    for node in sorted(world.nodes):
        start = world.shown(node)
        for depth in (0, 1, 20):
            found, edges = world.graph(start, depth)
            answer = get("lineage", nodeId=node_id(node), depth=depth)
            same(f"nodes around {node} at {depth}", sorted(n["id"] for n in answer["graph"]), sorted(map(node_id, found)))
            pairs = sorted((node_id(origin), node_id(target)) for origin, target in edges)
            for which in ("inEdges", "outEdges"):
                told = sorted((e["origin"], e["destination"]) for n in answer["graph"] for e in n[which])
                same(f"{which} around {node} at {depth}", told, pairs)


def columns(world):
    for node in sorted(node for node in world.nodes if node[0] == "dataset" and world.shown(node) == node):
        named = lambda at: f"datasetField:{at[0][1]}:{at[0][2]}:{at[1]}"
        answer = get("column-lineage", nodeId=node_id(node), depth=50)
        found = world.column_graph(node)
        same(f"columns of {node}", sorted(n["id"] for n in answer["graph"]), sorted(map(named, found)))
        inputs = {n["id"]: sorted({(f["namespace"], f["dataset"], f["field"]) for f in n["data"]["inputFields"]}) for n in answer["graph"]}
        theirs = {named(at): sorted((origin[1], origin[2], column) for origin, column in world.column_inputs(*at)) for at in found}
        same(f"what the columns of {node} came of", inputs, theirs)


def things(world):
    for node in sorted(node for node in world.nodes if world.shown(node) == node):
        answer = get(path(node))
        facets = {name: facet for name, facet in world.facets.get(node, {}).items() if facet is not None}
        same(f"facets of {node}", answer["facets"], facets)
        same(f"what {node} is for", answer["description"], facets.get("documentation", {}).get("description"))
        if node[0] == "dataset":
            changes = [(c["column"], c["typeBefore"], c["typeAfter"]) for c in answer["schemaChanges"]]
            same(f"changes of the columns of {node}", sorted(changes, key=str), world.schema_changes(node))
        else:
            theirs = {id: run["state"] for id, run in world.runs.items() if run["job"] == node[1:]}
            same(f"runs of {node}", {run["id"]: run["state"] for run in get(path(node, "/runs"))["runs"]}, theirs)


def schemas(events):
    spec = pathlib.Path(SPEC)
    known = [json.loads(file.read_text()) for file in [spec / "OpenLineage.json", *sorted(spec.glob("facets/*.json"))]]
    registry = Registry().with_resources([(schema["$id"], Resource.from_contents(schema)) for schema in known])
    whole = Draft202012Validator(known[0], registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for event in events:
        whole.validate(event)
    facets = {pathlib.Path(schema["$id"]).stem: schema for schema in known}
    files = sorted(spec.glob("tests/**/*.json"))
    for file in files:
        of = known[0] if file.parent.name == "tests" else facets[file.parent.name]
        Draft202012Validator(of, registry=registry).validate(json.loads(file.read_text()))
    return len(files)


def refused():
    """Says that what the schemas refuse is refused, and not kept."""
    for body in (b"{}", b'{"eventTime": "now"}', b"[", b'{"job": {"namespace": "n"}}'):
        request = urllib.request.Request(f"{URL}/api/v1/lineage", body, {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"})
        try:
            urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as error:
            same(f"the status for {body}", error.code, 400)
        else:
            sys.exit(f"{body} was taken")


events = [json.loads(line) for line in pathlib.Path(EVENTS).read_text().splitlines()]
refused()
same("how many events there are", get("events/lineage", limit=1)["totalCount"], len(events))
fixtures = schemas(events)
world = World(events)
graphs(world), columns(world), things(world)
print(f"{len(events)} events, {len(world.nodes)} nodes, {len(world.edges)} edges, {compared} comparisons equal, {fixtures} fixtures valid")
