"""The tampered champion: logs a model with the stock client, writes other bytes over it, and loads it again.

    tampered.py URL [KEY]

Prints what the server said and served, as a JSON object.
"""
import hashlib
import json
import os
import sys
import tempfile
import urllib.error
import urllib.request
import warnings

URL, KEY = sys.argv[1].rstrip("/"), sys.argv[2] if len(sys.argv) > 2 else None
FILES = URL + "/api/2.0/mlflow-artifacts/artifacts/"
os.environ["MLFLOW_TRACKING_URI"] = URL
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
if KEY:
    os.environ["MLFLOW_TRACKING_TOKEN"] = KEY
warnings.filterwarnings("ignore")

import mlflow  # noqa: E402  The address must be set before.


class Champion(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input):
        return [2 * value for value in model_input]


def send(method, path, body=None):
    headers = {"Authorization": f"Bearer {KEY}"} if KEY else {}
    request = urllib.request.Request(FILES + path, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def log():
    """Logs a model: scikit-learn's, if it is installed."""
    try:
        from sklearn.linear_model import LinearRegression
    except ImportError:
        return mlflow.pyfunc.log_model(name="champion", python_model=Champion(), pip_requirements=[])
    model = LinearRegression().fit([[1], [2], [3]], [2, 4, 6])
    return mlflow.sklearn.log_model(model, name="champion", pip_requirements=["scikit-learn"])


def main():
    mlflow.set_experiment("champions")
    with mlflow.start_run() as run:
        info = log()
        with tempfile.TemporaryDirectory() as folder:
            for name, text in [("a.txt", "one"), ("b/c.txt", "two")]:
                path = os.path.join(folder, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                open(path, "w", encoding="utf-8").write(text)
            mlflow.log_artifacts(folder, "files")
        mlflow.log_text("a note", "note.txt")
    client = mlflow.MlflowClient()
    listed = sorted(file.path for file in client.list_artifacts(run.info.run_id, "files"))
    with tempfile.TemporaryDirectory() as folder:
        read = open(client.download_artifacts(run.info.run_id, "files/b/c.txt", folder), encoding="utf-8").read()
    model = mlflow.get_logged_model(info.model_id)
    place = model.artifact_location.removeprefix("mlflow-artifacts:/")
    predicted = float(mlflow.pyfunc.load_model(info.model_uri).predict([[5]])[0])
    before = send("GET", f"{place}/MLmodel")[1]
    status, said = send("PUT", f"{place}/MLmodel", before + b"\n# tampered\n")
    again, _ = send("PUT", f"{place}/MLmodel", before)
    if status == 200:
        send("PUT", f"{place}/MLmodel", before + b"\n# tampered\n")
    removed, _ = send("DELETE", f"{place}/conda.yaml")
    after = send("GET", f"{place}/MLmodel")[1]
    digest = lambda data: hashlib.sha256(data).hexdigest()
    print(json.dumps({
        "listed": listed, "read": read, "predicted": round(predicted), "ready": str(model.status), "write": status, "same": again, "remove": removed,
        "reason": json.loads(said or b"{}").get("reason"), "changed": digest(before) != digest(after),
    }))


main()
