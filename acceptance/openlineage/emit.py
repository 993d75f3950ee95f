"""Has OpenLineage's client emit events, and writes down each as it left, a JSON object a line.

    emit.py URL KEY first|second FILE

The first part makes a world from a seed and emits it, every third event packed. The second emits all of it again, which must change nothing, and then
what changes it: facets that are deleted, columns that change, a run that fails after all.
"""
import gzip
import json
import random
import sys
import urllib.request
from datetime import datetime, timedelta, timezone

import requests
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import DatasetEvent, InputDataset, Job, JobEvent, OutputDataset, Run, RunEvent, RunState, StaticDataset
from openlineage.client.facet_v2 import (
    column_lineage_dataset, dataset_version_dataset, documentation_dataset, documentation_job, lineage, ownership_dataset,
    parent_run, schema_dataset, source_code_location_job, sql_job, symlinks_dataset,
)
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpCompression, HttpConfig, HttpTransport

URL, KEY, PART, FILE = sys.argv[1:]
NAMESPACE, LAKE = "postgresql://warehouse:5432", "s3://lake"
PRODUCER = "https://example.com/acceptance"
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
chance = random.Random(5)
statuses, sent = [], []


class Session(requests.Session):
    """Writes down what leaves, and what is answered."""

    def post(self, *args, **options):
        answer = super().post(*args, **options)
        body = options["data"]
        packed = options["headers"].get("Content-Encoding") == "gzip"
        text = gzip.decompress(body).decode() if packed else body if isinstance(body, str) else body.decode()
        sent.append(json.loads(text))
        statuses.append(answer.status_code)
        return answer


def client(packed):
    config = HttpConfig(url=URL, auth=ApiKeyTokenProvider({"apiKey": KEY}), session=Session(), compression=HttpCompression.GZIP if packed else None)
    return OpenLineageClient(transport=HttpTransport(config))


plain, packing = client(False), client(True)


def at(second):
    return (START + timedelta(seconds=second)).isoformat()


def emit(event):
    (packing if len(sent) % 3 == 2 else plain).emit(event)


def name(n):
    return (NAMESPACE, f"public.t{n}") if n % 4 else (LAKE, f"/raw/t{n}")


def schema(n, columns):
    fields = [schema_dataset.SchemaDatasetFacetFields(name=column, type="BIGINT", description=f"of t{n}") for column in columns]
    return {"schema": schema_dataset.SchemaDatasetFacet(fields=fields)}


def columns(inputs):
    field = lambda source, of, kind: column_lineage_dataset.InputField(
        *name(source), of, [column_lineage_dataset.Transformation(kind, "IDENTITY" if kind == "DIRECT" else "FILTER")])
    fields = {"id": column_lineage_dataset.Fields([field(source, "id", "DIRECT") for source in inputs]),
              "total": column_lineage_dataset.Fields([field(source, "amount", "DIRECT") for source in inputs[:1]])}
    return {"columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields, dataset=[field(inputs[-1], "kept", "INDIRECT")])}


def job(n, facets=None):
    return Job("airflow://production", f"daily.j{n}", facets or {})


def run_of(n, turn):
    return Run(f"00000000-0000-4000-8000-{n:06x}{turn:06x}")


def runs(n, turn, second, ends):
    """Emits a run of a job that writes one dataset, from what stands before it."""
    inputs = sorted(chance.sample(range(max(0, n - 12), n), min(n, chance.randint(1, 3)))) or [n]
    run, version = run_of(n, turn), dataset_version_dataset.DatasetVersionDatasetFacet(f"v{turn}")
    run.facets = {"parent": parent_run.ParentRunFacet(parent_run.Run("00000000-0000-4000-8000-00000000ffff"), parent_run.Job("airflow://production", "daily"))}
    facets = {"sql": sql_job.SQLJobFacet(f"SELECT {turn}"),
              "sourceCodeLocation": source_code_location_job.SourceCodeLocationJobFacet("git", "https://example.com/jobs", version=f"c{turn}")}
    read = [InputDataset(*name(source), facets={"version": version}) for source in inputs]
    wrote = [OutputDataset(*name(n + 1), facets=schema(n + 1, ["id", "total"]) | columns(inputs))]
    emit(RunEvent(eventTime=at(second), run=run, job=job(n, facets), producer=PRODUCER, eventType=RunState.START, inputs=read))
    emit(RunEvent(eventTime=at(second + 9), run=run, job=job(n), producer=PRODUCER, eventType=ends, inputs=read[:1], outputs=wrote))


def first():
    for n in range(40):
        emit(DatasetEvent(eventTime=at(n), producer=PRODUCER, dataset=StaticDataset(*name(n), facets=schema(n, ["id", "amount", "kept"]) | {
            "documentation": documentation_dataset.DocumentationDatasetFacet(f"table {n}"),
            "ownership": ownership_dataset.OwnershipDatasetFacet([ownership_dataset.Owner("team:data")])})))
    for n in range(1, 40):
        for turn in range(chance.randint(1, 3)):
            runs(n, turn, 100 + 20 * n + 1000 * turn, chance.choice([RunState.COMPLETE, RunState.COMPLETE, RunState.FAIL]))
    emit(JobEvent(eventTime=at(50), producer=PRODUCER, job=job(99, {"documentation": documentation_job.DocumentationJobFacet("declared")}),
                  inputs=[InputDataset(*name(3))], outputs=[OutputDataset(*name(50))]))
    alias = symlinks_dataset.SymlinksDatasetFacet([symlinks_dataset.Identifier("hive://metastore", "db.t8", "TABLE")])
    emit(DatasetEvent(eventTime=at(60), producer=PRODUCER, dataset=StaticDataset(*name(8), facets={"symlinks": alias})))
    emit(JobEvent(eventTime=at(61), producer=PRODUCER, job=job(98), inputs=[InputDataset("hive://metastore", "db.t8")], outputs=[OutputDataset(*name(51))]))
    source = lineage.LineageDatasetInput(*name(51), "DATASET", field="id")
    facet = lineage.LineageDatasetFacet(inputs=[source], fields={"code": lineage.LineageFieldEntry([source])})
    emit(DatasetEvent(eventTime=at(62), producer=PRODUCER, dataset=StaticDataset(*name(52), facets={"lineage": facet})))
    entry = lineage.LineageDatasetEntry(*name(53), "DATASET", inputs=[lineage.LineageDatasetInput(*name(52), "DATASET"), lineage.LineageJobInput("JOB")])
    emit(JobEvent(eventTime=at(63), producer=PRODUCER, job=job(97, {"lineage": lineage.LineageJobFacet(entries=[entry])})))
    assert set(statuses) == {201}, statuses


def deleted(facet):
    facet._deleted = True
    return facet


def again():
    """Sends what was sent before as it was, by the bare session, and demands that the server knows it."""
    lines = open(FILE).read().splitlines()
    for line in lines:
        request = urllib.request.Request(f"{URL}/api/v1/lineage", line.encode(), {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200, f"{answer.status}: not known any more"
    print(f"{len(lines)} events sent again after a kill, each known")


def second():
    again()
    emit(DatasetEvent(eventTime=at(5000), producer=PRODUCER, dataset=StaticDataset(*name(8), facets={"symlinks": deleted(symlinks_dataset.SymlinksDatasetFacet())})))
    emit(DatasetEvent(eventTime=at(5001), producer=PRODUCER, dataset=StaticDataset(*name(5), facets=schema(5, ["id", "amount_eur"]))))
    emit(DatasetEvent(eventTime=at(20), producer=PRODUCER, dataset=StaticDataset(*name(5), facets={"documentation": documentation_dataset.DocumentationDatasetFacet("said at 20")})))
    emit(DatasetEvent(eventTime=at(1), producer=PRODUCER, dataset=StaticDataset(*name(5), facets={"documentation": documentation_dataset.DocumentationDatasetFacet("too old")})))
    emit(RunEvent(eventTime=at(6000), run=run_of(7, 0), job=job(7), producer=PRODUCER, eventType=RunState.FAIL))
    emit(RunEvent(eventTime=at(6001), run=run_of(9, 0), job=job(9), producer=PRODUCER, eventType=RunState.RUNNING, inputs=[InputDataset(*name(50))]))
    assert set(statuses) == {201}, statuses


{"first": first, "second": second}[PART]()
with open(FILE, "a") as out:
    for event in sent:
        out.write(json.dumps(event) + "\n")
