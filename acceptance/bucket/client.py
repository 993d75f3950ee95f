"""The stock MLflow client: client.py URL KEY log BYTES | read RUN | log-model | overwrite MODEL"""

import hashlib
import os
import sys
import tempfile

url, key, what, *rest = sys.argv[1:]
os.environ["MLFLOW_TRACKING_TOKEN"] = key

import mlflow

mlflow.set_tracking_uri(url)


def digest(path):
    return hashlib.sha256(open(path, "rb").read()).hexdigest()


with tempfile.TemporaryDirectory() as folder:
    if what == "log":
        path = os.path.join(folder, "weights")
        with open(path, "wb") as file:
            for at in range(0, int(rest[0]), 1 << 16):
                file.write(hashlib.shake_256(at.to_bytes(8, "big")).digest(min(1 << 16, int(rest[0]) - at)))
        with mlflow.start_run() as run:
            try:
                mlflow.log_artifact(path)
                print(run.info.run_id, digest(path))
            except Exception as refused:
                print("refused", str(refused).replace("\n", " "))
    elif what == "read":
        try:
            print(digest(mlflow.artifacts.download_artifacts(run_id=rest[0], artifact_path="weights", dst_path=folder)))
        except Exception as refused:
            print("refused", str(refused).replace("\n", " "))
    elif what == "log-model":

        class Twice(mlflow.pyfunc.PythonModel):
            def predict(self, context, model_input, params=None):
                return [2 * value for value in model_input]

        info = mlflow.pyfunc.log_model(name="twice", python_model=Twice(), pip_requirements=[])
        assert list(mlflow.pyfunc.load_model(info.model_uri).predict([1, 2])) == [2, 4]
        print(info.model_id)
    elif what == "overwrite":
        path = os.path.join(folder, "MLmodel")
        open(path, "w").write("flavors: {}\n")
        try:
            mlflow.MlflowClient().log_model_artifacts(rest[0], folder)
            print("done")
        except Exception as refused:
            print("refused", str(refused).replace("\n", " "))
