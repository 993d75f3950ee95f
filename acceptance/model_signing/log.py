"""Logs each folder as a model with the stock MLflow client, and downloads it again.

    log.py URL KEY FOLDERS DOWNLOADS

Prints a line for each: its name and the id of the logged model.
"""

import os
import pathlib
import sys

URL, KEY, FOLDERS, DOWNLOADS = sys.argv[1:]
os.environ["MLFLOW_TRACKING_URI"], os.environ["MLFLOW_TRACKING_TOKEN"] = URL, KEY

import mlflow  # noqa: E402  The address must be set before.

client = mlflow.MlflowClient()
for folder in sorted(pathlib.Path(FOLDERS).iterdir()):
    model = client.create_logged_model(experiment_id="0", name=folder.name)
    client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, "READY")
    to = pathlib.Path(DOWNLOADS) / folder.name
    to.mkdir(parents=True)
    mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{model.model_id}", dst_path=str(to))
    print(folder.name, model.model_id)

# The same by its registered name.
plain = client.search_logged_models(["0"], filter_string="name = 'plain'")[0]
version = mlflow.register_model(f"models:/{plain.model_id}", "signed")
to = pathlib.Path(DOWNLOADS) / "registered"
to.mkdir()
mlflow.artifacts.download_artifacts(artifact_uri=f"models:/signed/{version.version}", dst_path=str(to))
