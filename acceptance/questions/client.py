"""The stock MLflow client makes versions of a model, and whoever prepared their data tells so by OpenLineage.

client.py URL KEY train VERSION RATE     trains, registers, prints the version's number
client.py URL KEY bare                   registers a version of nothing
client.py URL KEY tell SOURCE WHY        tells that the job before the data ran, of this source; WHY may be empty
client.py URL KEY load VERSION FOLDER    downloads the version's files, as a host that serves it does
client.py URL KEY touch VERSION          tags the version's run, though it has ended
"""

import datetime
import hashlib
import json
import os
import sys
import urllib.request
import uuid

url, key, what, *rest = sys.argv[1:]
os.environ["MLFLOW_TRACKING_TOKEN"] = key

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag
from sklearn.linear_model import SGDClassifier

mlflow.set_tracking_uri(url)
client = MlflowClient()
NAME = "fraud"
DATA = "payments.features"


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def tell(source, why):
    """Sends one run of the job that writes the training data."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    schema = "https://openlineage.io/spec/facets/1-0-0/Facet.json"
    said = {"_producer": "https://example.com/pipeline", "_schemaURL": schema}
    facets = {"sourceCode": {**said, "language": "python", "sourceCode": source}}
    if why:
        facets["documentation"] = {**said, "description": why}
    out = {"namespace": "warehouse", "name": DATA, "facets": {}}
    out["facets"]["version"] = {**said, "datasetVersion": digest("october")}
    event = {
        "eventType": "COMPLETE", "eventTime": now, "producer": said["_producer"],
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(uuid.uuid4())},
        "job": {"namespace": "warehouse", "name": "prepare", "facets": facets},
        "inputs": [{"namespace": "warehouse", "name": "payments.raw"}], "outputs": [out],
    }
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/lineage", json.dumps(event).encode(), headers))


if what == "tell":
    tell(*rest)
elif what == "train":
    number, rate = rest
    mlflow.set_experiment("fraud")
    tags = {
        "mlflow.source.git.commit": digest("code " + number) * 3, "mlflow.source.git.dirty": "false",
        "mlflow.source.git.repoURL": "https://example.com/fraud.git", "mlflow.source.name": "train.py",
    }
    with mlflow.start_run(run_name=f"train-{number}", tags=tags) as run:
        mlflow.log_params({"rate": rate, "seed": 7})
        for step in range(20):
            mlflow.log_metric("loss", 1.0 / (step + 1 + float(rate)), step=step)
        source = json.dumps({"uri": "warehouse/payments/features"})
        data = Dataset(name=DATA, digest=digest("october"), source_type="local", source=source)
        client.log_inputs(run.info.run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])
        model = SGDClassifier(random_state=int(number)).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
        logged = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
    version = mlflow.register_model(logged.model_uri, NAME, tags={"countersign.infrastructure.terraform": digest("plan")})
    print(version.version)
elif what == "bare":
    print(client.create_model_version(NAME, "s3://models/bare").version)
elif what == "load":
    mlflow.artifacts.download_artifacts(f"models:/{NAME}/{rest[0]}", dst_path=rest[1])
elif what == "touch":
    run = client.get_model_version(NAME, rest[0]).run_id
    client.set_tag(run, "note", "looked at again")
else:
    sys.exit(f"unknown: {what}")
