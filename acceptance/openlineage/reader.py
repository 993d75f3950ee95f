"""What events of OpenLineage say, by a reader that shares nothing with the server: it looks at all events at once, sorted by their time."""
from datetime import datetime


def when(event):
    return datetime.fromisoformat(event["eventTime"].replace("Z", "+00:00"))


def key(thing):
    return thing["namespace"], thing["name"]


class World:
    def __init__(self, events):
        self.events = sorted(events, key=when)
        self.facets, self.past, self.runs, self.declared, self.nodes = {}, {}, {}, {}, set()
        for event in self.events:
            self.take(event)
        self.edges, self.columns = set(), {}
        self.by_io()
        self.by_facets()

    def take(self, event):
        if "run" in event:
            run = self.runs.setdefault(event["run"]["runId"], {"inputs": set(), "outputs": set(), "state": "NEW", "over": False, "first": when(event)})
            run["job"] = key(event["job"])
            state = {"START": "RUNNING", "RUNNING": "RUNNING", "COMPLETE": "COMPLETED", "FAIL": "FAILED", "ABORT": "ABORTED"}.get(event.get("eventType"))
            over = event.get("eventType") in ("COMPLETE", "FAIL", "ABORT")
            if state and (over or not run["over"]):
                run.update(state=state, over=over, mark=when(event) if over else run["first"])
            self.sets(event, run, "inputs"), self.sets(event, run, "outputs")
        elif "job" in event:
            said = {"inputs": set(), "outputs": set(), "mark": when(event)}
            self.sets(event, said, "inputs"), self.sets(event, said, "outputs")
            if said["inputs"] | said["outputs"]:
                self.declared[key(event["job"])] = said
        if "job" in event:
            self.say("job", event["job"])
        if "run" not in event and "job" not in event:
            self.say("dataset", event["dataset"], when(event))

    def sets(self, event, into, which):
        for dataset in event.get(which) or []:
            self.say("dataset", dataset, when(event))
            into[which].add(key(dataset))

    def say(self, kind, thing, time=None):
        node = (kind, *key(thing))
        self.nodes.add(node)
        for name, facet in (thing.get("facets") or {}).items():
            self.facets.setdefault(node, {})[name] = None if facet.get("_deleted") else facet
            if name == "schema" and not facet.get("_deleted"):
                self.past.setdefault(node, []).append((time, {field["name"]: field.get("type") for field in facet["fields"]}))
            for other in facet.get("identifiers") or []:
                self.nodes.add(("dataset", *key(other)))

    def holding(self, job):
        """Returns the run, or the declaration, whose inputs and outputs hold of a job."""
        runs = [run for run in self.runs.values() if run["job"] == job and run["inputs"] | run["outputs"]]
        done = [run for run in runs if run["state"] == "COMPLETED"] + [said for name, said in self.declared.items() if name == job]
        return max(done or runs, key=lambda run: run["mark"], default={"inputs": set(), "outputs": set()})

    def by_io(self):
        for node in [node for node in self.nodes if node[0] == "job"]:
            run = self.holding(node[1:])
            self.edges |= {(("dataset", *dataset), node) for dataset in run["inputs"]}
            self.edges |= {(node, ("dataset", *dataset)) for dataset in run["outputs"]}

    def by_facets(self):
        for node, facets in self.facets.items():
            for column, said in ((facets.get("columnLineage") or {}).get("fields") or {}).items():
                for field in said["inputFields"]:
                    self.thread(field, node, column)
            for field in (facets.get("columnLineage") or {}).get("dataset") or []:
                self.thread(field, node, None)
            lineage = facets.get("lineage") or {}
            if node[0] == "dataset":
                self.entry(node, lineage, None)
            for entry in lineage.get("entries") or []:
                self.entry((entry["type"].lower(), *key(entry)) if "name" in entry else node, entry, node)

    def entry(self, target, said, own):
        pairs = [(None, source) for source in said.get("inputs") or []]
        pairs += [(column, source) for column, of in (said.get("fields") or {}).items() for source in of["inputs"]]
        for column, source in pairs:
            if source["type"] == "DATASET" and "field" in source:
                self.thread(source, target, column)
            else:
                self.edges.add(((source["type"].lower(), *key(source)) if "name" in source else own, target))

    def thread(self, field, target, column):
        origin = ("dataset", *key(field))
        if origin != target:
            self.edges.add((origin, target))
        self.columns.setdefault((target, column), set()).add((origin, field["field"]))

    def shown(self, node):
        """Returns the name that a dataset is shown by; in the events here nothing has more than two names."""
        for owner, facets in self.facets.items():
            for other in (facets.get("symlinks") or {}).get("identifiers") or []:
                if node == ("dataset", *key(other)):
                    return owner
        return node

    def graph(self, start, depth):
        edges = {(self.shown(origin), self.shown(target)) for origin, target in self.edges}
        found = {start}
        for here, there in ((0, 1), (1, 0)):
            ahead = {start}
            seen = {start}
            for _ in range(2 * depth + (1 if start[0] == "job" else 2)):
                ahead = {edge[there] for edge in edges if edge[here] in ahead} - seen
                seen |= ahead
            found |= seen
        return found, {edge for edge in edges if edge[0] in found and edge[1] in found}

    def column_inputs(self, dataset, column):
        return self.columns.get((dataset, column), set()) | self.columns.get((dataset, None), set())

    def columns_of(self, dataset):
        named = {field["name"] for field in ((self.facets.get(dataset, {}).get("schema") or {}).get("fields") or [])}
        named |= {column for (node, column) in self.columns if node == dataset and column}
        return named | {column for sources in self.columns.values() for (node, column) in sources if node == dataset}

    def column_graph(self, dataset):
        found = {(dataset, column) for column in self.columns_of(dataset)}
        ahead = set(found)
        while ahead:
            ahead = {source for at in ahead for source in self.column_inputs(*at)} - found
            found |= ahead
        return found

    def schema_changes(self, dataset):
        told, changes = [fields for _, fields in sorted(self.past.get(dataset, []), key=lambda past: past[0])], []
        for before, after in zip(told, told[1:]):
            changes += [(column, before.get(column), after.get(column)) for column in before.keys() | after.keys() if before.get(column) != after.get(column)]
        return sorted(changes, key=str)
