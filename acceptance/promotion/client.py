"""The stock MLflow client: client.py URL KEY register N | promote VERSION | champion"""

import os
import sys

url, key, what, *rest = sys.argv[1:]
os.environ["MLFLOW_TRACKING_TOKEN"] = key

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

client = MlflowClient(tracking_uri=url, registry_uri=url)
if what == "register":
    client.create_registered_model("fraud")
    for n in range(int(rest[0])):
        client.create_model_version("fraud", f"s3://models/{n}")
elif what == "promote":
    try:
        client.set_registered_model_alias("fraud", "champion", rest[0])
        print("done")
    except MlflowException as refused:
        print(refused.error_code, refused.message)
else:
    try:
        print(client.get_model_version_by_alias("fraud", "champion").version)
    except MlflowException:
        print("none")
