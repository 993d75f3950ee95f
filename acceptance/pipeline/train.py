"""The stock MLflow client trains on a file and registers what came of it; it knows of no pipeline.

train.py URL KEY MODEL FILE              trains, registers MODEL, prints the run and the version's number
train.py URL KEY MODEL FILE unlogged     does the same, and logs no digest of the file
train.py URL KEY MODEL tag VERSION       prints the tag that says what the version is to be evaluated by
train.py URL KEY MODEL alias             prints the version that `champion` names, or none
"""

import csv
import hashlib
import os
import sys

url, key, name, what, *rest = sys.argv[1:]
os.environ["MLFLOW_TRACKING_TOKEN"] = key

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag
from sklearn.linear_model import SGDClassifier

mlflow.set_tracking_uri(url)
client = MlflowClient()

if what == "tag":
    print(client.get_model_version(name, rest[0]).tags.get("countersign.pipeline.evaluate", "none"))
elif what == "alias":
    print(client.get_registered_model(name).aliases.get("champion", "none"))
else:
    with open(what, newline="") as file:
        rows = list(csv.DictReader(file))
    with open(what, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()[:36]
    mlflow.set_experiment(name)
    tags = {"mlflow.source.git.commit": "c0ffee" * 6, "mlflow.source.git.dirty": "false"}
    with mlflow.start_run(tags=tags) as run:
        mlflow.log_params({"rows": len(rows)})
        logged_digest = "12345678" if rest else digest
        data = Dataset(name="transactions", digest=logged_digest, source_type="local", source='{"uri": "transactions.csv"}')
        client.log_inputs(run.info.run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])
        points = [[float(row["amount"])] for row in rows]
        model = SGDClassifier(random_state=1).fit(points, [n % 2 for n in range(len(points))])
        mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"], registered_model_name=name)
    latest = max(int(version.version) for version in client.search_model_versions(f"name = '{name}'"))
    print(run.info.run_id, latest)
