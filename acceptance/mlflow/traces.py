"""The part of the scenario that is about traces: their spans as OpenTelemetry's exporters send them, what is said of them, and searches.

It is played by `exchanges.py`. Ids of traces are the scenario's own, and so are their times, which are of the year 2025.
"""
import gzip
import json
import struct
import zlib

V3 = "/api/3.0/mlflow/traces"
OTLP = "/v1/traces"
START = 1_744_706_958_699_123_456
AT = "2025-04-15T08:49:18.699Z"


def trace_id(n):
    return f"tr-{n:032x}"


def own(server, name):
    return next(key for key, known in server.names.items() if known == name)


# ---- OTLP, in both of its forms


def export(server, request, experiment="0", kind="application/json", **headers):
    """Sends spans. What is no text and no bytes is written as JSON."""
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    named = {} if experiment is None else {"x-mlflow-experiment-id": experiment}
    server.call("POST", OTLP, body, kind=kind, headers={**named, **{name.replace("_", "-"): value for name, value in headers.items()}})


def any_value(value):
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(one) for one in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": attributes(value)}}
    return {} if value is None else {"stringValue": value}


def attributes(pairs):
    return [{"key": key, "value": any_value(value)} for key, value in pairs.items()]


def span(trace, id=1, parent=None, name="root", start=START, took=1_000_000_000, code=1, message="", events=(), links=(), **known):
    """Returns a span. Attributes are the rest, `__` for a point in their names."""
    made = {"traceId": f"{trace:032x}", "spanId": f"{id:016x}", "name": name, "startTimeUnixNano": str(start), "kind": 1,
            "endTimeUnixNano": str(start + took), "status": {"code": code, "message": message},
            "attributes": attributes({key.replace("__", "."): value for key, value in known.items()}), "events": list(events), "links": list(links)}
    return {**made, "parentSpanId": f"{parent:016x}"} if parent else made


def request(*spans, resource=None):
    return {"resourceSpans": [{"resource": {"attributes": attributes(resource or {})}, "scopeSpans": [{"scope": {"name": "s"}, "spans": list(spans)}]}]}


def varint(number):
    out = b""
    number &= (1 << 64) - 1
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    """Writes one field of protobuf: bytes and texts with their length, floats and times as 64 bits, other numbers as they vary."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    return varint(number << 3) + varint(int(value))


def instant(number, at):
    return varint(number << 3 | 1) + struct.pack("<Q", at)


def packed_value(value):
    if isinstance(value, bool):
        return field(2, value)
    if isinstance(value, int):
        return field(3, value)
    if isinstance(value, float):
        return field(4, value)
    if isinstance(value, bytes):
        return field(7, value)
    if isinstance(value, list):
        return field(5, b"".join(field(1, packed_value(one)) for one in value))
    if isinstance(value, dict):
        return field(6, b"".join(field(1, packed_pair(*pair)) for pair in value.items()))
    return b"" if value is None else field(1, value)


def packed_pair(key, value):
    return field(1, key) + field(2, packed_value(value))


def packed(trace, id=1, parent=None, name="root", start=START, took=1_000_000_000, code=1, events=(), links=(), **known):
    out = field(1, trace.to_bytes(16, "big")) + field(2, id.to_bytes(8, "big")) + field(5, name) + field(6, 1)
    out += instant(7, start) + instant(8, start + took) + field(15, field(3, code))
    out += field(4, parent.to_bytes(8, "big")) if parent else b""
    out += b"".join(field(9, packed_pair(key.replace("__", "."), value)) for key, value in known.items())
    out += b"".join(field(11, instant(1, at) + field(2, called) + field(3, packed_pair("n", 1))) for called, at in events)
    return out + b"".join(field(13, field(1, of.to_bytes(16, "big")) + field(2, to.to_bytes(8, "big")) + field(4, packed_pair("k", b"\x01"))) for of, to in links)


def packed_request(*spans, resource=None):
    about = field(1, b"".join(field(1, packed_pair(*pair)) for pair in (resource or {}).items()))
    return field(1, about + field(2, b"".join(field(2, one) for one in spans)))


VALUES = {"text": "é\"x\n", "empty": "", "int": -5, "large": (1 << 62), "float": 1.0, "small": 1e-9, "true": True, "none": None, "list": [1, "a", [2.5, None], []],
          "map": {"k": 2.5, "m": {"n": []}, "o": {}}, "json": '{"a": [1, 2]}', "quoted": '"a"', "digits": "5"}


def whole(server, n):
    server.get(f"{V3}/get", trace_id=trace_id(n))


def spans(server):
    chat = {"messages": [{"role": "user", "content": "first"}, {"role": "user", "content": "hello"}], "model": "m-1"}
    said = {"choices": [{"message": {"role": "assistant", "content": [{"type": "text", "text": "good day"}]}}]}
    event = {"name": "e", "timeUnixNano": str(START + 5), "attributes": attributes({"n": 1, "l": ["a"]})}
    export(server, request(span(1, events=[event], **VALUES), resource={"service.name": "svc", "telemetry.sdk.name": "x", "mlflow.x": "y", "n": 5, "l": [1, "é"]}))
    whole(server, 1)
    wire = "application/x-protobuf"
    export(server, packed_request(packed(2, events=[("e", START + 7)], links=[(1, 1)], bytes=b"\x00'\xff", **VALUES), resource={"service.name": "svc"}), kind=wire)
    whole(server, 2)
    # A tree: what a span says it used it says for those below it; the root comes last.
    used = {"mlflow__chat__tokenUsage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7, "cache_read_input_tokens": 1}, "mlflow__llm__cost": {"input_cost": 0.25, "output_cost": 0.5, "total_cost": 0.75}}
    export(server, request(span(3, 3, 2, "leaf", START + 2_000_000, 5_000_000, **used), span(3, 2, 1, "middle", START + 1_000_000, 9_000_000, **used)))
    whole(server, 3)
    export(server, request(span(3, 4, 1, "tool", START + 3_000_000, 4_000_000, 2, "it broke", mlflow__spanType="TOOL", **used)))
    roots = {"mlflow__spanInputs": json.dumps(chat), "mlflow__spanOutputs": json.dumps(said), "session__id": "conversation", "user__id": "ana", "mlflow__traceTag__team": "risk", "mlflow__traceTag__mlflow__traceName": "a name", "mlflow__traceTag__bad$": "x"}
    export(server, request(span(3, 1, None, "root", START, 2_500_000_000, **roots)))
    whole(server, 3)
    export(server, request(span(3, 1, None, "root again", START - 1_000_000, 1_000_000, 2, **roots)), x_mlflow_run_id=own(server, "<linked>"))
    whole(server, 3)
    export(server, packed_request(packed(4, code=2), packed(5, code=0, took=7), packed(4, 2, 1, "child")), kind=wire, x_mlflow_run_id="nobody")
    for n in (4, 5):
        server.get(f"{V3}/{trace_id(n)}")
    # What other conventions say.
    export(server, request(span(6, **{"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 5, "gen_ai.provider.name": "p", "gen_ai.input.messages": '[{"role": "user"}]', "gen_ai.conversation.id": "c"})))
    whole(server, 6)
    export(server, request(span(7, **{"openinference.span.kind": "RETRIEVER", "input.value": "what", "output.value": "that", "llm.token_count.prompt": "2", "llm.model_name": "n"})))
    whole(server, 7)
    export(server, request(span(8, **{"traceloop.span.kind": "workflow", "gen_ai.prompt.0.content": "p", "gen_ai.completion.0.content": "q", "gen_ai.system": "s"}), resource={"service.name": "claude-code"}))
    whole(server, 8)
    # Packed, and not.
    body = json.dumps(request(span(9))).encode()
    export(server, gzip.compress(body, mtime=0), content_encoding="gzip")
    export(server, zlib.compress(body), content_encoding="deflate")
    export(server, zlib.compress(body)[2:-4], content_encoding="DEFLATE")
    for encoding, wrong in [("gzip", b"xx"), ("gzip", gzip.compress(body, mtime=0)[:-9]), ("gzip", b"\x1f\x8b"), ("deflate", b"xx"), ("deflate", b"\xff\xff\xff"), ("deflate", b"\x78\x9c\x00"), ("br", b"xx")]:
        export(server, wrong, content_encoding=encoding)
    # What is no request.
    for wrong in [{}, {"resourceSpans": []}, {"other": 1}]:
        export(server, wrong)
    for wrong in [b"x", b"", b"{", b'{"resourceSpans": 5}', json.dumps(request({**span(10), "startTimeUnixNano": "x"})).encode(), json.dumps(request({**span(10), "traceId": "zz"})).encode()]:
        export(server, wrong)
    for wrong in [b"", b"\x0a\xff", b"\x0a", packed_request(packed(10))[:-1]]:
        export(server, wrong, kind=wire)
    for kind in ["text/plain", "application/octet-stream", "application/json5", "application/json; charset=utf-8"]:
        export(server, request(span(10)), kind=kind)
    for bad in [{"traceId": ""}, {"spanId": ""}, {"traceId": None}, {"traceId": "fe"}, {"spanId": "fe"}, {"parentSpanId": "fe"}, {"startTimeUnixNano": str((1 << 64) - 1)}, {"endTimeUnixNano": "0"}]:
        export(server, request({**span(11), **bad}))
    export(server, request({**span(12), "links": [{"traceId": f"{1:032x}", "spanId": f"{1:016x}"}]}))
    whole(server, 12)
    for experiment in ["99", "abc", "", None]:
        export(server, request(span(13)), experiment=experiment)
    export(server, request(span(13)), experiment=None, kind="text/plain")
    export(server, request(span(13, session__id="s" * 251)))
    export(server, request(span(13, mlflow__traceTag__mlflow__traceName="n" * 4_097)))
    export(server, request(), experiment="99")
    export(server, request(span(1, 5, 1, "later")), experiment="99")
    server.get(f"{V3}/{trace_id(13)}")
    deleted = server.post("experiments/create", {"name": "without spans"})["experiment_id"]
    server.post("experiments/delete", {"experiment_id": deleted})
    export(server, request(span(14)), experiment=deleted)


# ---- traces that clients make


def info(n, experiment="0", **more):
    located = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    return {"trace": {"trace_info": {"trace_id": n if isinstance(n, str) else trace_id(n), "trace_location": located, "request_time": AT, "state": "OK", **more}}}


def started(server):
    start = lambda *given, **more: server.post(V3, info(*given, **more))
    tokens, cost = json.dumps({"input_tokens": 1, "total_tokens": "5", "other": 2, "output_tokens": True}), json.dumps({"input_cost": 1, "total_cost": "0.5", "output_cost": "x"})
    start(20)
    start(21, execution_duration="1.5s", client_request_id="c-1", request_preview="asked", response_preview="", state="IN_PROGRESS",
          trace_metadata={"a": "b", "mlflow.trace.session": "talk", "mlflow.trace.tokenUsage": tokens, "mlflow.trace.cost": cost}, tags={"k": "v", "mlflow.traceName": "named"})
    start(21, execution_duration="0.25s", state="ERROR", request_time="2024-01-01T00:00:00Z", tags={"k": "w", "l": "x"}, trace_metadata={"c": "d", "mlflow.trace.tokenUsage": '{"output_tokens": 4}', "mlflow.trace.cost": "no json"})
    # A trace that its spans have made, completed by who made them.
    start(3, execution_duration="9s", trace_metadata={"mlflow.trace.tokenUsage": '{"input_tokens": 100}', "mlflow.trace.sizeStats": '{"num_spans": 4}'}, tags={"mlflow.traceName": "another"})
    whole(server, 3)
    export(server, request(span(3, 9, 1, "late", START, 99_000_000_000, mlflow__chat__tokenUsage={"input_tokens": 1})))
    whole(server, 3)
    start(4, trace_metadata={"mlflow.trace.sizeStats": '{"num_spans": 9}'})
    for state in ["ERROR", "STATE_UNSPECIFIED", 1, 0, "NOBODY", 9, [], None]:
        start(22, state=state)
    for at in ["2025-04-15T08:49:18Z", "2025-04-15T10:49:18.5+02:00", "1970-01-01T00:00:00Z", "yesterday", 5, None]:
        start(22, request_time=at)
    for took in ["0s", "1s", "0.0015s", "x", 5]:
        start(22, execution_duration=took)
    for wrong in [{}, {"trace": {}}, {"trace": "x"}, {"trace": {"trace_info": {}}}, {"trace": None}]:
        server.post(V3, wrong)
    for experiment in ["99", "abc", ""]:
        start(23, experiment)
    start(23, trace_location={"type": "INFERENCE_TABLE", "inference_table": {"full_table_name": "t"}})
    start(23, trace_location=None)
    for wrong in [{"tags": ["a"]}, {"tags": {"a": 5}}, {"trace_metadata": {"a": []}}, {"trace_id": 5}, {"client_request_id": 5}]:
        start(23, **wrong)
    start("")
    start(23, tags={"mlflow.traceName": "n" * 4_097})
    start(23, trace_metadata={"mlflow.trace.session": "s" * 251})
    start(27, tags={"t" * 251: "v" * 4_097}, trace_metadata={"m" * 251: "v" * 251})
    start("not hexadecimal", tags={"mlflow.traceName": ""}, trace_metadata={"": ""})
    judged = {"assessment_name": "good", "trace_id": "other", "source": {"source_type": "HUMAN", "source_id": "ana"}, "create_time": AT, "last_update_time": AT, "feedback": {"value": True}}
    start(24, assessments=[judged, {**judged, "assessment_id": "a-own", "feedback": {"value": 5}}])
    start(24, assessments=[{**judged, "assessment_id": "a-own", "feedback": {"value": "changed"}}])
    for wrong in [[{"assessment_name": "x"}], "x", [5]]:
        start(25, assessments=wrong)
    deleted = server.post("experiments/create", {"name": "without traces"})["experiment_id"]
    server.post("experiments/delete", {"experiment_id": deleted})
    thrice(server, "POST", V3, info(26, deleted))


def read(server):
    for id in [trace_id(1), trace_id(21), "nobody", "not%20hexadecimal", "search"]:
        server.get(f"{V3}/{id}")
    server.get(f"{V3}/batchGetInfos")
    server.get(f"{V3}/delete-traces")
    for asked in [{"trace_id": trace_id(1), "allow_partial": "true"}, {"trace_id": trace_id(1), "allow_partial": "FALSE"}, {"trace_id": trace_id(4), "allow_partial": "True"},
                  {"trace_id": "nobody"}, {"trace_id": "nobody", "allow_partial": "true"}, {"trace_id": trace_id(20)}, {"trace_id": trace_id(20), "allow_partial": "true"},
                  {"trace_id": trace_id(1), "allow_partial": "x"}, {}, {"trace_id": ""}, {"trace_id": trace_id(4)}]:
        server.get(f"{V3}/get", **asked)
    ids = [trace_id(2), "nobody", trace_id(1), trace_id(2)]
    for asked in [{"trace_ids": ids}, {"trace_ids": ["nobody"]}, {"trace_ids": [trace_id(4), trace_id(5)]}, {"trace_ids": ids, "experiment_ids": ["0"]}, {"trace_ids": ids, "experiment_ids": ["99", "5"]},
                  {"trace_ids": ids, "experiment_ids": ["x"]}, {"trace_ids": [trace_id(1), trace_id(20)]}, {}, {"experiment_ids": ["0"]}]:
        server.get(f"{V3}/batchGet", **asked)
    for asked in [{"trace_ids": ids}, {"trace_ids": []}, {"trace_ids": [trace_id(20), trace_id(1)]}, {"trace_ids": ids, "experiment_ids": ["0"]}, {"trace_ids": ids, "experiment_ids": []}, {"trace_ids": ids, "experiment_ids": ["99"]},
                  {"trace_ids": ids, "experiment_ids": ["x"]}, {}, {"trace_ids": "x"}, {"trace_ids": [5]}, {"trace_ids": None}, {"trace_ids": ids, "experiment_ids": "0"}]:
        server.post(f"{V3}/batchGetInfos", asked)


def tags(server):
    for path in ["traces", V3]:
        set_tag = lambda key, value=None, id=trace_id(1), path=path: server.call("PATCH", f"{path}/{id}/tags", {"key": key} if value is None else {"key": key, "value": value})
        set_tag("a", "1")
        set_tag("a", "2")
        set_tag("empty")
        set_tag("é b/c", "x")
        set_tag("long", "v" * 8_001)
        for key in ["", "k$", "../k", "/k", "k" * 251, 5, None, "mlflow.trace.spansLocation", "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure", "mlflow.artifactLocation"]:
            set_tag(key, "v")
        for value in [5, ["a"], True]:
            set_tag("wrong", value)
        set_tag("mlflow.traceName", "renamed")
        set_tag("mlflow.traceName", "n" * 4_097)
        set_tag("a", "1", id="nobody")
        server.call("PATCH", f"{path}/{trace_id(1)}/tags", {"value": "v"})
        server.get(f"{V3}/{trace_id(1)}")
        unset = lambda body, id=trace_id(1), path=path: server.call("DELETE", f"{path}/{id}/tags", body)
        for key in ["a", "a", "empty", "nobody", "", 5, "k$", "mlflow.trace.spansLocation", "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure", "mlflow.traceName", "mlflow.traceName"]:
            unset({"key": key})
        unset({})
        unset({"key": "a"}, id="nobody")
        server.get(f"{V3}/{trace_id(1)}")


# ---- what is said of traces


def assessments(server):
    one, base = f"{V3}/{trace_id(2)}/assessments", {"assessment_name": "good", "source": {"source_type": "HUMAN", "source_id": "ana"}, "create_time": AT, "last_update_time": AT}

    def say(learn=None, at=one, **more):
        server.post(at, {"assessment": {**base, **more}}, learn=("assessment.assessment_id", learn) if learn else None)

    say("<A1>", feedback={"value": True})
    say("<A2>", assessment_name="score", feedback={"value": 0.5, "error": {"error_code": "E", "error_message": "m", "stack_trace": "s"}}, rationale="because", span_id="0000000000000001",
        metadata={"k": "v", "mlflow.assessment.sourceRunId": "r1"})
    for value in ["yes", "é", 5, -1.5, None, [1, "a", None, 2.5], {"a": 1, "b": [True]}, [], {}, ""]:
        say(feedback={"value": value})
    say(feedback={})
    say(feedback={"value": 1, "error": {"error_code": "E", "stack_trace": "x" * 10_001}})
    say("<A3>", assessment_name="expected", expectation={"value": "Paris"}, rationale="none", metadata={"k": "v"})
    for value in [5, True, ["a", 1], {"a": [1]}, "", 0]:
        say(expectation={"value": value})
    for wrong in [{}, {"value": None}, {"serialized_value": {"serialization_format": "X", "value": "1"}}, {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": "{"}}]:
        say(expectation=wrong)
    say(expectation={"serialized_value": {"serialization_format": "JSON_FORMAT", "value": '{"b": [1, 2.50], "a": "é"}'}})
    say(issue={"issue_name": "slow"})
    say()
    # What one of the two takes for nothing is said of another trace, so that the traces stay alike.
    other = f"{V3}/{trace_id(5)}/assessments"
    for kind in ["CODE", "LLM_JUDGE", 1, 0, None]:
        say(source={"source_type": kind}, feedback={"value": 1})
    for kind in ["AI_JUDGE", "NOBODY", 9]:
        say(at=other, source={"source_type": kind}, feedback={"value": 1})
    server.post(one, {"assessment": {"feedback": {"value": 1}}})
    for wrong in [{}, {"assessment": None}, {"assessment": "x"}, {"assessment": {}}]:
        server.post(one, wrong)
    for wrong in [{"create_time": "x"}, {"rationale": 5}, {"metadata": {"a": 1}}, {"feedback": 5}, {"source": "x"}, {"assessment_name": 5}, {"expectation": {"value": 1}}]:
        say(at=other, **{"feedback": {"value": 1}, **wrong})
    say(feedback={"value": 1}, valid=False)
    say(feedback={"value": 1}, at=f"{V3}/nobody/assessments")
    say("<A4>", assessment_id="a-given", feedback={"value": 1})
    say(assessment_id="a-given", feedback={"value": 2})
    say(overrides="a-none", feedback={"value": 1})
    say("<A5>", overrides=own(server, "<A1>"), feedback={"value": False})
    ids = {n: own(server, f"<A{n}>") for n in range(1, 6)}
    for at in [f"{one}/{ids[1]}", f"{one}/{ids[2]}", f"{one}/{ids[3]}", f"{one}/nobody", f"{V3}/nobody/assessments/{ids[1]}", f"{V3}/{trace_id(1)}/assessments/{ids[1]}"]:
        server.get(at)

    def change(n, mask, at=one, **fields):
        server.call("PATCH", f"{at}/{ids.get(n, n)}", {"assessment": fields, "update_mask": mask})

    change(1, "assessmentName", assessment_name="better")
    change(1, "feedback", feedback={"value": "no"})
    change(1, "rationale,metadata", rationale="z", metadata={"a": "b"})
    change(1, "metadata", metadata={"c": "d"})
    change(1, "metadata", metadata={"a": "changed"})
    change(1, "rationale", rationale="")
    change(1, "feedback", rationale="not this one")
    change(2, "feedback", feedback={"value": 1, "error": {"error_code": "Z"}})
    change(2, "feedback", feedback={"value": 2})
    change(3, "expectation", expectation={"value": ["Rome"]})
    change(3, "rationale", rationale="none")
    change(1, "expectation", expectation={"value": 1})
    change(3, "feedback", feedback={"value": 1})
    change(3, "expectation", expectation={})
    say("<A6>", at=other, feedback={"value": True})
    ids[6] = own(server, "<A6>")
    for mask in ["valid", "nobody", "", None, ["rationale"], "assessment_name"]:
        change(6, mask, at=other, rationale="x", valid=True, assessment_name="snake")
    change("nobody", "rationale", rationale="x")
    change(1, "rationale", at=f"{V3}/nobody/assessments", rationale="x")
    server.call("PATCH", f"{one}/{ids[1]}", {"assessment": {"rationale": "a"}})
    server.call("PATCH", f"{one}/{ids[1]}", {"update_mask": "rationale"})
    server.get(f"{V3}/{trace_id(2)}")
    for at in [f"{one}/{ids[5]}", f"{one}/{ids[5]}", f"{one}/nobody", f"{V3}/nobody/assessments/x"]:
        server.call("DELETE", at)
    server.get(f"{one}/{ids[1]}")


def links(server):
    run = own(server, "<linked>")
    for wish in [{"trace_ids": [trace_id(1), "nobody"], "run_id": run}, {"trace_ids": [trace_id(1)], "run_id": run}, {"trace_ids": [], "run_id": run}, {"trace_ids": [trace_id(1)], "run_id": "nobody"},
                 {"trace_ids": ["x"] * 101, "run_id": run}, {"run_id": run}, {"trace_ids": [trace_id(1)]}, {"trace_ids": "x", "run_id": run}, {"trace_ids": [5], "run_id": run}, {"trace_ids": [trace_id(1)], "run_id": 5}]:
        server.post("traces/link-to-run", wish)
    version = [{"name": "p", "version": "1"}]
    for wish in [{"trace_id": trace_id(1), "prompt_versions": version}, {"trace_id": trace_id(1), "prompt_versions": version}, {"trace_id": "nobody", "prompt_versions": version}, {"trace_id": trace_id(1), "prompt_versions": []},
                 {"trace_id": trace_id(1)}, {"prompt_versions": version}, {"trace_id": trace_id(1), "prompt_versions": "x"}, {"trace_id": trace_id(1), "prompt_versions": [{"name": "p", "version": "x"}]}, {"trace_id": trace_id(1), "prompt_versions": [{"name": "p"}]}]:
        server.post("traces/link-prompts", wish)


# ---- searches


def searched(server):
    experiment = server.post("experiments/create", {"name": "of traces"})["experiment_id"]
    rows = [
        dict(start=START, name="alpha", tags={"team": "risk", "a b": "x%y"}, meta={"m": "1", "mlflow.trace.session": "s1"}, kind="LLM", code=1, took="1s"),
        dict(start=START + 10**9, name="beta", tags={"team": "RISK"}, meta={"m": "2", "mlflow.trace.session": "s1"}, kind="TOOL", code=2, took="0.5s"),
        dict(start=START + 2 * 10**9, name="gamma", tags={}, meta={"mlflow.trace.session": "s2", "mlflow.trace.tokenUsage": '{"input_tokens": 1}'}, kind="AGENT", code=0, took=None),
        dict(start=START + 2 * 10**9, name="delta é", tags={"team": "yé"}, meta={}, kind="LLM", code=1, took="2s"),
    ]
    for n, row in enumerate(rows):
        one = 100 + n
        known = {"mlflow.spanType": row["kind"], "city": "Paris" if n % 2 else "Rome", "mlflow.spanInputs": {"q": f"question {n}"}}
        export(server, request(span(one, 1, None, f"span {row['name']}", row["start"], 10**6, row["code"], **known), span(one, 2, 1, "child", row["start"], 10**6, 1, step=n)), experiment=experiment)
        took = {"execution_duration": row["took"]} if row["took"] else {}
        at = f"2025-04-15T08:49:{18 + n if n < 3 else 20}.699Z"
        server.post(V3, info(one, experiment, request_time=at, state="ERROR" if n == 1 else "OK", client_request_id=f"c{n}", tags={**row["tags"], "mlflow.traceName": row["name"]}, trace_metadata=row["meta"], **took))
    base = {"source": {"source_type": "HUMAN"}, "create_time": AT, "last_update_time": AT}
    for n, name, said in [(0, "good", {"feedback": {"value": True}}), (1, "good", {"feedback": {"value": "yes"}}), (2, "good", {"feedback": {"value": 0.5}}), (3, "good", {"feedback": {"value": 5}}), (0, "answer", {"expectation": {"value": "Paris"}}),
                          (0, "whole talk", {"feedback": {"value": "fine"}, "metadata": {"mlflow.trace.session": "s1"}}), (3, "slow", {"issue": {"issue_name": "too slow"}})]:
        server.post(f"{V3}/{trace_id(100 + n)}/assessments", {"assessment": {**base, "assessment_name": name, **said}})
    run = own(server, "<linked>")
    server.post("traces/link-to-run", {"trace_ids": [trace_id(102)], "run_id": run})
    server.post("traces/link-prompts", {"trace_id": trace_id(103), "prompt_versions": [{"name": "p", "version": "3"}]})
    here = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}]
    search = lambda **wish: server.post(f"{V3}/search", {"locations": here, **wish})
    ms = 1_744_706_958_699
    for text in [
        "", " ", "status = 'OK'", "status = 'ok'", "attributes.status != 'OK'", "trace.status IN ('ERROR', 'x')", "status NOT IN ('OK')", "status ILIKE 'o_'", "status LIKE 'E%'", f"timestamp > {ms}", f"timestamp_ms >= {ms + 2_000}",
        f"timestamp = {ms + 1_000}", f"timestamp_ms < {ms}.5", "timestamp > '5'", f"execution_time > 900", "execution_time_ms != 500", f"end_time >= {ms + 1_500}", f"end_time_ms < {ms + 2_500}", f"request_id = '{trace_id(101)}'",
        f"request_id IN ('{trace_id(101)}', '{trace_id(102)}')", "client_request_id = 'c1'", "client_request_id LIKE 'c%'", "name = 'alpha'", "name != 'alpha'", "name LIKE '%ta'", "name ILIKE 'ALPHA'", "name IS NULL", "name IN ('alpha')",
        "tags.team = 'risk'", "tag.team ILIKE 'risk'", "tags.team != 'risk'", "tags.team IS NULL", "tags.team IS NOT NULL", "tags.`a b` LIKE 'x\\%y'", "tags.`a b` = 'x%y'", "tags.team LIKE 'yé'", "tags.mlflow.traceName = 'beta'",
        "metadata.m = '1'", "request_metadata.m != '1'", "metadata.m IS NULL", "metadata.none IS NOT NULL", "metadata.`mlflow.trace.session` = 's1'", "metadata.mlflow.trace.session != 's1'", "metadata.mlflow.trace.session IS NULL", "metadata.mlflow.trace.session LIKE 's%'",
        "metadata.mlflow.trace.tokenUsage = '{\"input_tokens\": 1}'", "metadata.mlflow.trace.tokenUsage != 'x'", "metadata.mlflow.trace.tokenUsage IS NOT NULL", "metadata.mlflow.trace.tokenUsage LIKE '%'", "metadata.mlflow.trace.cost IS NULL",
        f"run_id = '{run}'", f"run_id != '{run}'", "run_id = 'nobody'", "prompt = 'p/3'", "prompt = 'p/1'", "prompt = 'p'", "prompt != 'p/3'",
        "span.name = 'span alpha'", "span.name LIKE 'span%'", "span.name ILIKE 'SPAN B%'", "span.name IN ('span beta', 'child')", "span.name != 'child'", "span.type = 'LLM'", "span.type != 'LLM'", "span.status = 'ERROR'", "span.status = 'UNSET'",
        "span.attributes.city LIKE '%Paris%'", "span.attributes.`city` ILIKE '%PARIS%'", "span.attributes.city = 'Paris'", "span.attributes.city != 'Paris'", "span.name = 'child' AND span.attributes.step LIKE '%2%'", "span.name = 'child' AND span.type = 'LLM'",
        f"span.type = 'LLM' AND timestamp > {ms + 20_000}", f"span.type = 'LLM' AND timestamp >= {ms}", "span.content LIKE '%question 1%'", "trace.text ILIKE '%QUESTION%'", "attributes.text LIKE '%é%'", "span.nobody = 'a'", "span.attributes. = 'a'", "span.name > 'a'",
        "feedback.good = 'true'", "feedback.good = 'yes'", "feedback.good != 'yes'", "feedback.good > 0.4", "feedback.good >= 5", "feedback.good < 1", "feedback.good LIKE '%e%'", "feedback.good = '5.0'", "feedback.good > 'a'", "feedback.good = 5", "feedback.good IS NULL",
        "feedback.none IS NULL", "feedback.`whole talk` = 'fine'", "feedback.`whole talk` IS NOT NULL", "feedback.`whole talk` IS NULL", "expectation.answer = 'Paris'", "expectation.answer ILIKE '%PARIS%'", "expectation.good IS NOT NULL", "issue.id = 'slow'", "issue.id = 'x'", "issue.id != 'x'", "issue.name = 'slow'",
        "name RLIKE '^al'", "status = 'OK' AND tags.team = 'risk' AND span.type = 'LLM' AND feedback.good = 'true'", "status = 'OK' OR name = 'beta'", "(status = 'OK')", "foo = 'a'", "foo.bar = 'a'", "status = OK", "status > 'OK'", "timestamp LIKE 5", "name = 5", "timestamp IN (5)", "AND status = 'OK'",
        "status = 'OK'; name = 'a'", "status", "metrics.a > 5", "tags.a = 5",
    ]:
        search(filter=text)
    for order in [["timestamp"], ["timestamp DESC"], ["timestamp_ms ASC", "name DESC"], ["execution_time"], ["execution_time DESC"], ["status", "request_id DESC"], ["request_id"], ["name"], ["name DESC"], ["tags.team"], ["tags.team DESC"], ["tag.`a b`"],
                  ["metadata.m"], ["request_metadata.m DESC"], ["metadata.mlflow.trace.session DESC", "timestamp ASC"], ["run_id"], ["experiment_id"], ["metadata.mlflow.trace.tokenUsage"], ["span.name"], ["feedback.good"], ["foo"], ["name foo"], ["status", "status DESC"],
                  ["end_time"], [""], "name", [5]]:
        search(order_by=order)
    for wish in [{"max_results": 2}, {"max_results": 2, "page_token": "eyJvZmZzZXQiOiAyfQ=="}, {"max_results": 2, "page_token": "eyJvZmZzZXQiOiA0fQ=="}, {"max_results": 4}, {"max_results": 5}, {"max_results": 500}, {"max_results": 501}, {"max_results": 0}, {"max_results": -1},
                 {"max_results": "2"}, {"max_results": "x"}, {"page_token": "abc"}, {"page_token": "e30="}, {"filter": 5}, {"locations": []}, {"locations": [{}]}, {"locations": [5]}, {"locations": "x"}, {"locations": [{"mlflow_experiment": {"experiment_id": "99"}}]},
                 {"locations": [{"mlflow_experiment": {"experiment_id": "x"}}]}, {"locations": [{"type": "INFERENCE_TABLE", "inference_table": {"full_table_name": "t"}}]}]:
        search(**wish)
    server.post(f"{V3}/search", {})
    return experiment


def deleted(server):
    experiment = searched(server)
    for path in ["traces/delete-traces", f"{V3}/delete-traces"]:
        delete = lambda path=path, **wish: server.post(path, {"experiment_id": experiment, **wish})
        for wish in [{}, {"max_timestamp_millis": 5, "request_ids": ["x"]}, {"request_ids": ["x"], "max_traces": 1}, {"max_timestamp_millis": 5, "max_traces": 0}, {"max_timestamp_millis": 5, "max_traces": -1}, {"experiment_id": "x", "max_timestamp_millis": 5}, {"experiment_id": "77", "max_timestamp_millis": 5},
                     {"experiment_id": None}, {"max_timestamp_millis": 5}, {"max_timestamp_millis": "5"}, {"max_timestamp_millis": "x"}, {"request_ids": "x"}, {"request_ids": []}, {"request_ids": [5]}, {"request_ids": [trace_id(1), "nobody"]}]:
            delete(**wish)
    server.post("traces/delete-traces", {"experiment_id": experiment, "max_timestamp_millis": 1_744_706_999_000, "max_traces": 1})
    server.post(f"{V3}/search", {"locations": [{"mlflow_experiment": {"experiment_id": experiment}}]})
    server.post(f"{V3}/delete-traces", {"experiment_id": experiment, "request_ids": [trace_id(102), "nobody"]})
    server.post("traces/delete-traces", {"experiment_id": experiment, "max_timestamp_millis": 1_744_706_999_000})
    server.get(f"{V3}/{trace_id(103)}")
    whole(server, 103)


# ---- every error of every call, three times


def thrice(server, method, path, *bodies, **asked):
    """Asks the same three times, each time with something else that nobody reads."""
    for n in (1, 2, 3):
        if method == "GET":
            server.get(path, **asked, variant=n)
        for body in bodies:
            server.call(method, path, {**body, "variant": n})


def errors(server):
    one, nobody = f"{V3}/{trace_id(1)}", f"{V3}/nobody"
    for path in ["search", "batchGetInfos", "delete-traces"]:
        thrice(server, "GET", f"{V3}/{path}")
    for asked in [{}, {"trace_id": trace_id(1), "allow_partial": "x"}, {"trace_id": "nobody"}, {"trace_id": trace_id(4)}, {"trace_id": trace_id(99)}]:
        thrice(server, "GET", f"{V3}/get", **asked)
    for asked in [{}, {"trace_ids": [trace_id(1)], "experiment_ids": ["x"]}]:
        thrice(server, "GET", f"{V3}/batchGet", **asked)
    ids = [trace_id(1)]
    thrice(server, "POST", f"{V3}/batchGetInfos", {}, {"trace_ids": ids, "experiment_ids": ["x"]}, {"trace_ids": "x"}, {"trace_ids": [5]})
    for path in ["traces", V3]:
        of = lambda id, path=path: f"{path}/{id}/tags"
        thrice(server, "PATCH", of("nobody"), {"key": "a", "value": "1"})
        thrice(server, "PATCH", of(trace_id(1)), {}, {"key": 5}, {"key": ["a"]}, {"key": True}, {"key": "k" * 251}, {"key": "k$"}, {"key": "../k"}, {"key": "mlflow.trace.spansLocation"}, {"key": "mlflow.traceName", "value": "n" * 4_097})
        thrice(server, "DELETE", of(trace_id(1)), {}, {"key": 5}, {"key": "none"}, {"key": "mlflow.trace.archiveLocation"})
        delete = [{}, {"experiment_id": "0"}, {"experiment_id": "0", "max_timestamp_millis": 5, "request_ids": ["x"]}, {"experiment_id": "0", "request_ids": ["x"], "max_traces": 1}, {"experiment_id": "0", "max_timestamp_millis": 5, "max_traces": 0},
                  {"experiment_id": "0", "max_timestamp_millis": 5, "max_traces": -1}, {"experiment_id": "x", "max_timestamp_millis": 5}, {"experiment_id": "0", "max_timestamp_millis": "x"}, {"experiment_id": "0", "request_ids": [5]}]
        thrice(server, "POST", f"{path}/delete-traces", *delete)
    run = own(server, "<linked>")
    thrice(server, "POST", "traces/link-to-run", {"trace_ids": ["x"] * 101, "run_id": run}, {}, {"trace_ids": ids}, {"trace_ids": "x", "run_id": run}, {"trace_ids": [5], "run_id": run}, {"trace_ids": ids, "run_id": 5})
    thrice(server, "POST", "traces/link-prompts", {}, {"trace_id": "nobody", "prompt_versions": [{"name": "p", "version": "1"}]}, {"trace_id": trace_id(1), "prompt_versions": "x"})
    wrong = [info(30, "99"), info(30, "abc"), info(30, tags={"mlflow.traceName": "n" * 4_097}), info(30, trace_metadata={"mlflow.trace.session": "s" * 251}), info(30, assessments=[{"assessment_name": "x"}]), {}]
    thrice(server, "POST", V3, *wrong)
    judged = {"assessment_name": "x", "feedback": {"value": 1}}
    expected = [{"expectation": {}}, {"expectation": {"serialized_value": {"serialization_format": "X"}}}, {"overrides": "a-none", "feedback": {"value": 1}}, {}]
    thrice(server, "POST", f"{one}/assessments", {}, *({"assessment": {"assessment_name": "x", **one}} for one in expected))
    thrice(server, "POST", f"{nobody}/assessments", {"assessment": judged})
    feedback, expectation = (f"{V3}/{trace_id(2)}/assessments/{own(server, name)}" for name in ["<A1>", "<A3>"])
    thrice(server, "GET", f"{one}/assessments/none")
    thrice(server, "GET", f"{nobody}/assessments/none")
    thrice(server, "PATCH", feedback, {"assessment": {"expectation": {"value": 1}}, "update_mask": "expectation"}, {"assessment": {}}, {"update_mask": "rationale"})
    thrice(server, "PATCH", expectation, {"assessment": {"feedback": {"value": 1}}, "update_mask": "feedback"}, {"assessment": {"expectation": {}}, "update_mask": "expectation"})
    thrice(server, "PATCH", f"{one}/assessments/none", {"assessment": {}, "update_mask": "rationale"})
    thrice(server, "PATCH", f"{nobody}/assessments/none", {"assessment": {}, "update_mask": "rationale"})
    wrong_searches(server)
    wire = "application/x-protobuf"
    for n in (1, 2, 3):
        export(server, request(span(40 + n)), experiment="x" * n)
        export(server, request(span(40 + n)), experiment=f"99{n}")
        export(server, request(span(40 + n)), experiment=None)
        export(server, request(span(40 + n, session__id="s" * (250 + n))))
        export(server, request({**span(40 + n), "spanId": ""}))
        export(server, b"x" * n, content_encoding="gzip")
        export(server, b"\xff" * n, content_encoding="deflate")
        export(server, b"x" * n, content_encoding="br")
        export(server, b"x" * n, kind=f"text/x-{n}")
        export(server, b"\xff" * n, kind=wire)
        export(server, {"other": n})


def wrong_searches(server):
    here = [{"mlflow_experiment": {"experiment_id": "0"}}]
    filters = ["status > 'OK'", "timestamp_ms LIKE '5'", "name > 'a'", "metadata.a > 'b'", "metadata.mlflow.trace.cost LIKE 'a'", "feedback.a > 'b'", "feedback.a = 5", "feedback. = 'a'", "tags.a = 5", "metadata.a = 5", "span.name = 5", "foo = 'a'", "foo.a = 'b'",
               "prompt = 'a'", "prompt != 'a/1'", "span.foo = 'a'", "span.attributes. = 'a'", "span.name > 'a'", "span.content = 'a'", "issue.id != 'a'", "issue.foo = 'a'", " ", "status = OK", "status = 'a'; status = 'b'", "name = 5", "timestamp_ms IN (5)", "status IN (5)",
               "status IN ()", "status", "status = 'a' OR status = 'b'", "status = 'a", "timestamp > 'a'", "feedback.a IN ('b')"]
    for text in filters:
        thrice(server, "POST", f"{V3}/search", {"locations": here, "filter": text})
    for order in [["foo"], ["foo.a"], ["name foo"], [""], ["metadata.mlflow.trace.cost"], ["span.name"], ["feedback.a"], [5], "name"]:
        thrice(server, "POST", f"{V3}/search", {"locations": here, "order_by": order})
    for wish in [{"max_results": 0}, {"max_results": -1}, {"max_results": 501}, {"max_results": "x"}, {"page_token": "abc"}, {"page_token": "e30="}, {"page_token": 5}, {"filter": 5}]:
        thrice(server, "POST", f"{V3}/search", {"locations": here, **wish})
    thrice(server, "POST", f"{V3}/search", {}, {"locations": "x"})


def runs(server):
    server.post("runs/create", {"experiment_id": "0", "run_name": "linked"}, learn=("run.info.run_id", "<linked>"))


SCENES = [runs, spans, started, read, tags, assessments, links, errors, deleted]
