"""What a stock client of MLflow does all day, told as one JSON object: `client.py URL [KEY]`.

The same script runs against MLflow's own server and against ours, with the client's present release and with an older one; what it tells must be
equal. Ids and times that servers make up are left out or given names; nothing else is.
"""
import json
import os
import pathlib
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
url, key = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
if key:
    os.environ["MLFLOW_TRACKING_TOKEN"] = key

import mlflow
import numpy
import pandas
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LogisticRegression

mlflow.set_tracking_uri(url)
CLIENT = mlflow.MlflowClient()
MARK = f"{mlflow.__version__.replace('.', '-')}"
told = {}


def refused(work):
    """Tells the code and the text of a refusal, but for what MLflow's database driver says."""
    try:
        return f"not refused: {work()}"
    except MlflowException as error:
        return [error.error_code, error.message.replace(MARK, "MARK").split(" Error: (")[0]]


def runs():
    mlflow.set_experiment(f"fluent-{MARK}")
    with mlflow.start_run(run_name="one", tags={"team": "risk"}, description="the first") as run:
        mlflow.log_param("lr", 0.1)
        mlflow.log_params({"layers": 3, "kind": "it's \"quoted\" é"})
        for step in range(50):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"auc": 0.9, "nothing": float("nan"), "much": float("inf")}, step=7)
        mlflow.log_input(mlflow.data.from_pandas(pandas.DataFrame({"x": [1, 2]}), name="table"), context="training")
        mlflow.log_dict({"a": [1, 2]}, "config/dict.json")
        mlflow.log_text("héllo", "notes/note one.txt")
    with mlflow.start_run(run_name="two"):
        mlflow.log_metric("loss", 3)
        mlflow.set_tags({"team": "fraud", "extra": "yes"})
        mlflow.delete_tag("extra")
    kept = CLIENT.get_run(run.info.run_id)
    told["run"] = [kept.info.run_name, kept.info.status, kept.data.params, sorted(map(str, kept.data.metrics.items())),
                   {name: value for name, value in kept.data.tags.items() if not name.startswith("mlflow.")}]
    told["history"] = [[point.step, point.value] for point in CLIENT.get_metric_history(run.info.run_id, "loss")]
    told["inputs"] = [[one.dataset.name, one.dataset.digest, one.dataset.source_type] for one in kept.inputs.dataset_inputs]
    told["files"] = [[[file.path, file.is_dir, file.file_size] for file in CLIENT.list_artifacts(run.info.run_id, path)] for path in [None, "config", "notes", "none"]]
    told["text"] = [mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes/note one.txt"), mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/config/dict.json")]
    told["no file"] = refused(lambda: mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/none.txt"))[0]
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "deep/er").mkdir(parents=True)
        (pathlib.Path(folder) / "deep/er/a.bin").write_bytes(bytes(range(256)) * 4_096)
        (pathlib.Path(folder) / "b.txt").write_text("b")
        CLIENT.log_artifacts(run.info.run_id, folder, "all")
    with tempfile.TemporaryDirectory() as folder:
        there = pathlib.Path(CLIENT.download_artifacts(run.info.run_id, "all", folder))
        told["folder"] = sorted([str(path.relative_to(there)), path.stat().st_size] for path in there.rglob("*") if path.is_file())
    searches = ["metrics.loss < 0.5", "params.layers = '3' and tags.team ILIKE 'RISK'", "attributes.run_name = 'two'", "dataset.name = 'table'", "metrics.none > 1", "tags.team IS NOT NULL"]
    for search in searches:
        found = mlflow.search_runs(filter_string=search, order_by=["metrics.loss DESC"], output_format="list")
        told[f"search {search}"] = [one.info.run_name for one in found]
    told["wrong search"] = [refused(lambda: CLIENT.search_runs(["0"], wrong)) for wrong in ["metrics.a = 'x'", "a or b", "params.x > 1"]]
    told["wrong"] = [refused(lambda: CLIENT.get_run("0" * 32)), refused(lambda: CLIENT.log_param(run.info.run_id, "lr", "other"))[0],
                     refused(lambda: CLIENT.create_experiment(f"fluent-{MARK}")), refused(lambda: CLIENT.log_metric(run.info.run_id, "k" * 300, 1))]
    CLIENT.delete_run(run.info.run_id)
    told["deleted"] = [CLIENT.get_run(run.info.run_id).info.lifecycle_stage, len(mlflow.search_runs(output_format="list"))]
    CLIENT.restore_run(run.info.run_id)
    pages, token = [], None
    while True:
        page = CLIENT.search_experiments(max_results=1, filter_string=f"name LIKE '%{MARK}'", order_by=["name"], page_token=token)
        pages.append([one.name.replace(MARK, "MARK") for one in page])
        token = page.token
        if not token:
            break
    told["pages"] = pages
    return run.info.run_id


def models():
    name = f"champion-{MARK}"
    x, y = numpy.array([[0.0], [1.0], [2.0], [3.0]]), numpy.array([0, 0, 1, 1])
    fitted = LogisticRegression().fit(x, y)
    with mlflow.start_run(run_name="training") as run:
        mlflow.log_metric("auc", 0.75)
        logged = mlflow.sklearn.log_model(fitted, name="model", input_example=x[:1], registered_model_name=name)
    model = CLIENT.get_logged_model(logged.model_id)
    told["logged"] = [model.name, str(model.status), sorted(file.path for file in CLIENT.list_logged_model_artifacts(logged.model_id))]
    told["found"] = [one.name for one in CLIENT.search_logged_models([run.info.experiment_id], "name = 'model'")]
    CLIENT.create_model_version(name, f"models:/{logged.model_id}", run.info.run_id, model_id=logged.model_id, tags={"n": "2"})
    CLIENT.set_registered_model_alias(name, "champion", 1)
    for uri in [logged.model_uri, f"models:/{name}/1", f"models:/{name}@champion", f"models:/{name}/latest", f"runs:/{run.info.run_id}/model"]:
        told[f"loaded {uri.split('/')[0]} {'@' in uri} {uri[-1]}" if not uri.startswith("models:/m-") else "loaded"] = mlflow.pyfunc.load_model(uri).predict(x).tolist()
    CLIENT.set_registered_model_alias(name, "champion", 2)
    CLIENT.set_registered_model_tag(name, "owner", "ana")
    CLIENT.set_model_version_tag(name, 1, "checked", "yes")
    CLIENT.update_model_version(name, 1, "the first")
    CLIENT.transition_model_version_stage(name, 1, "Staging")
    CLIENT.transition_model_version_stage(name, 2, "Staging", archive_existing_versions=True)
    registered = CLIENT.get_registered_model(name)
    told["registered"] = [registered.aliases, registered.tags, [[one.version, one.current_stage, one.status, one.tags] for one in registered.latest_versions]]
    told["versions"] = [[one.version, one.current_stage, one.description] for one in CLIENT.search_model_versions(f"name = '{name}'", order_by=["version_number ASC"])]
    told["by alias"] = CLIENT.get_model_version_by_alias(name, "champion").version
    told["models"] = [one.name.replace(MARK, "MARK") for one in CLIENT.search_registered_models(f"name ILIKE 'CHAMPION-{MARK}'")]
    told["wrong model"] = [refused(lambda: CLIENT.get_registered_model("nobody")), refused(lambda: CLIENT.get_model_version(name, 9)), refused(lambda: CLIENT.create_registered_model(name)),
                           refused(lambda: CLIENT.get_model_version_by_alias(name, "none")), refused(lambda: CLIENT.set_registered_model_alias(name, "v1", 1))]
    CLIENT.delete_registered_model_alias(name, "champion")
    CLIENT.delete_model_version(name, 1)
    told["left"] = [one.version for one in CLIENT.search_model_versions(f"name = '{name}'")]
    CLIENT.rename_registered_model(name, f"{name}-old")
    CLIENT.delete_registered_model(f"{name}-old")
    told["gone"] = refused(lambda: CLIENT.get_registered_model(f"{name}-old"))


def prompts():
    name = f"greeting-{MARK}"
    mlflow.genai.register_prompt(name=name, template="Hello {{who}}", commit_message="first", tags={"t": "1"})
    mlflow.genai.register_prompt(name=name, template="Good day, {{who}}")
    mlflow.genai.set_prompt_alias(name, "live", 1)
    told["prompt"] = [mlflow.genai.load_prompt(f"prompts:/{name}@live").format(who="Ana"), mlflow.genai.load_prompt(name, version=2).template]
    told["prompts"] = [one.name.replace(MARK, "MARK") for one in mlflow.genai.search_prompts(f"name = '{name}'")]
    told["no model"] = len(CLIENT.search_registered_models(f"name = '{name}'"))


def told_of(trace):
    """Tells a trace with its spans, but for ids and times that are made up."""
    names = {span.span_id: span.name for span in trace.data.spans}
    spans = [[span.name, names.get(span.parent_id), span.span_type, span.inputs, span.outputs, span.status.status_code, span.status.description,
              [[event.name, {key: value for key, value in event.attributes.items() if key != "exception.stacktrace"}] for event in span.events],
              {key: value for key, value in span.attributes.items() if key not in ("mlflow.traceRequestId", "mlflow.spanInputs", "mlflow.spanOutputs")}] for span in trace.data.spans]
    kept = {key: value for key, value in trace.info.trace_metadata.items() if not key.startswith(("mlflow.source.", "mlflow.trace.size", "mlflow.git", "mlflow.user"))}
    tags = {key: value.replace(trace.info.trace_id, "ID").replace(trace.info.experiment_id, "E") for key, value in trace.info.tags.items() if key != "mlflow.user"}
    judged = sorted([one.name, str(one.feedback and one.feedback.value), str(one.expectation and one.expectation.value), one.rationale, one.valid, one.source.source_type] for one in trace.info.assessments)
    return [str(trace.info.state), trace.info.request_preview, trace.info.response_preview, sorted(spans, key=str), {key: "RUN" if key == "mlflow.sourceRun" else value for key, value in kept.items()}, tags, judged]


def traces():
    from mlflow.entities import AssessmentSource, SpanEvent

    mlflow.set_experiment(f"traced-{MARK}")

    @mlflow.trace(span_type="TOOL", attributes={"k": 1, "nested": {"a": [1, 2.5, None]}})
    def tool(number):
        if number > 20:
            raise ValueError("too much")
        return {"twice": 2 * number}

    @mlflow.trace(name="agent")
    def agent(question):
        with mlflow.start_span("inner", span_type="LLM") as span:
            span.set_inputs({"messages": [{"role": "user", "content": question}]})
            span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})
            span.add_event(SpanEvent("asked", attributes={"n": 1, "é": "it's \"quoted\""}))
            span.set_outputs({"choices": [{"message": {"role": "assistant", "content": "well"}}]})
        mlflow.update_current_trace(tags={"team": "risk"}, metadata={"mlflow.trace.session": f"talk-{len(question)}"})
        return tool(len(question))

    def played(question):
        try:
            agent(question)
        except ValueError:
            pass
        mlflow.flush_trace_async_logging()
        return mlflow.get_last_active_trace_id()

    ids = [played("how are you?"), played("and what of all the others, then?")]
    with mlflow.start_run(run_name="traced") as run:
        ids.append(played("in a run"))
    told["traces"] = [told_of(mlflow.get_trace(id)) for id in ids]
    human = AssessmentSource(source_type="HUMAN", source_id="ana")
    first = mlflow.log_feedback(trace_id=ids[0], name="good", value=True, rationale="it was", source=human, metadata={"k": "v"})
    mlflow.log_feedback(trace_id=ids[1], name="score", value=0.25)
    mlflow.log_feedback(trace_id=ids[1], name="broken", error=ValueError("no judge"))
    expected = mlflow.log_expectation(trace_id=ids[0], name="answer", value={"twice": [24]}, source=human)
    mlflow.update_assessment(trace_id=ids[0], assessment_id=expected.assessment_id, assessment=mlflow.entities.Expectation(name="answer", value="24"))
    mlflow.override_feedback(trace_id=ids[0], assessment_id=first.assessment_id, value=False, rationale="it was not", source=human)
    gone = mlflow.log_feedback(trace_id=ids[0], name="gone", value=1)
    mlflow.delete_assessment(trace_id=ids[0], assessment_id=gone.assessment_id)
    told["assessment"] = [mlflow.get_assessment(trace_id=ids[0], assessment_id=first.assessment_id).valid, refused(lambda: mlflow.get_assessment(trace_id=ids[0], assessment_id="a-none"))[0]]
    mlflow.set_trace_tag(ids[1], "kept", "yes")
    mlflow.set_trace_tag(ids[1], "dropped", "yes")
    mlflow.delete_trace_tag(ids[1], "dropped")
    told["judged"] = [told_of(mlflow.get_trace(id)) for id in ids]
    for search in ["", "status = 'ERROR'", "tags.team = 'risk' AND tags.kept IS NULL", "name = 'agent'", "span.type = 'TOOL' AND span.status = 'ERROR'", "feedback.good = 'false'", "feedback.score > 0.2", "expectation.answer = '24'",
                   "metadata.`mlflow.trace.session` LIKE 'talk-_'", f"run_id = '{run.info.run_id}'", "span.attributes.nested LIKE '%2.5%'", "trace.text LIKE '%all the others%'", "name = 'nobody'"]:
        try:
            found = mlflow.search_traces(filter_string=search, order_by=["timestamp ASC"], return_type="list")
            told[f"traces {search}".replace(run.info.run_id, "RUN")] = [[ids.index(one.info.trace_id), len(one.data.spans)] for one in found]
        except MlflowException as error:
            told[f"traces {search}"] = [error.error_code, error.message]
    # What is valid is listed in an order that changes with every start of MLflow's server.
    told["wrong traces"] = [refused(lambda: mlflow.search_traces(filter_string=wrong, return_type="list"))[1].split(". Valid")[0].split(" not one of")[0] for wrong in ["foo = 'a'", "status > 'a'", "a or b"]]
    experiment = mlflow.get_experiment_by_name(f"traced-{MARK}").experiment_id
    told["deleted traces"] = [CLIENT.delete_traces(experiment, trace_ids=[ids[0]]), CLIENT.delete_traces(experiment, max_timestamp_millis=1 << 42, max_traces=1), len(mlflow.search_traces(return_type="list"))]
    told["no trace"] = mlflow.get_trace("tr-" + "0" * 32) is None


runs()
models()
prompts()
traces()
print(json.dumps(told, sort_keys=True))
