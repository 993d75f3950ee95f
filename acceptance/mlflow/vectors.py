#!/usr/bin/env python3
"""Writes down what MLflow 3.17.2 answers to filters, orders, names, parameters and page tokens.

The crate `models` must answer the same: its tests replay the file this writes. What is asked is stated below, or made
from a fixed seed; what is answered comes from MLflow's own stores, parsers and validators, on an empty database in a
folder that is thrown away. Two runs write the same bytes: sets of texts, whose order Python changes with every start,
are put in alphabetical order.

  PYTHON_WITH_MLFLOW acceptance/mlflow/vectors.py             writes crates/models/tests/it/vectors.json, source_vectors.json
                                                             and trace_vectors.json
  PYTHON_WITH_MLFLOW acceptance/mlflow/vectors.py 5000 FILE   every pair of key and comparator, and 5,000 made-up filters of each
                                                             noun, for a longer look

A vector is {"of", "given", and "read", "refused" or "broke"}: what MLflow made of it, the code and text it refused it
with, or the exception it broke on, where its server answers with a 500 or with the text of a database. The class of an
error and its SQL state are told where they are not INVALID_PARAMETER_VALUE and KAM00. A text that repeats is given as
{"repeat": [TEXT, TIMES]}.
"""

import base64
import json
import logging
import os
import pathlib
import random
import re
import sys
import tempfile
import warnings

os.environ["MLFLOW_TRACKING_URI"] = "sqlite://"
os.environ["MLFLOW_LOGGING_LEVEL"] = "CRITICAL"

import mlflow
import mlflow.server.handlers as handlers
import mlflow.utils.search_utils as search
import mlflow.utils.validation as valid
from mlflow.entities import Metric, Param, ViewType
from mlflow.entities.dataset import Dataset
from mlflow.entities.input_tag import InputTag
from mlflow.entities.model_registry.model_version_stages import get_canonical_stage
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
from mlflow.store.tracking import sqlalchemy_store as tracking
from mlflow.store.tracking.dbmodels.models import SqlLoggedModel
from mlflow.utils.search_logged_model_utils import parse_filter_string

VERSION = "3.17.2"
SEED = 20261122
MADE_UP = 16
SHARE = 0.36
OUT = pathlib.Path(__file__).resolve().parents[2] / "crates/models/tests/it/vectors.json"

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
DRAW = random.Random(SEED)


# ---- asking

CLASSES = [
    search.SearchUtils,
    search.SearchExperimentsUtils,
    search.SearchModelUtils,
    search.SearchModelVersionUtils,
    search.SearchTraceUtils,
]
SETS = {}
for one in CLASSES:
    for value in vars(one).values():
        if isinstance(value, set) and value and all(isinstance(text, str) for text in value):
            SETS[repr(value)] = "{" + ", ".join(map(repr, sorted(value))) + "}"


def in_order(message):
    for written, ordered in SETS.items():
        message = message.replace(written, ordered)
    return message


def ask(what):
    """Returns what came of a call, as a member of a vector."""
    try:
        return {"read": what()}
    except MlflowException as e:
        if e.error_code == "INVALID_PARAMETER_VALUE" or "contains duplicate fields" in e.message:
            refused = {"code": e.error_code, "message": in_order(e.message)}
            if (e.error_class, e.sqlstate) != ("INVALID_PARAMETER_VALUE", "KAM00"):
                refused |= {"class": e.error_class, "sqlstate": e.sqlstate}
            return {"refused": refused}
        cause = e.__cause__ or e
        return {"broke": type(cause).__name__}
    except Exception as e:
        return {"broke": type(e).__name__}


VECTORS = []
SEEN = set()


def expanded(value):
    if isinstance(value, dict) and set(value) == {"repeat"}:
        text, times = value["repeat"]
        return text * times
    if isinstance(value, list):
        return [expanded(one) for one in value]
    return value


def vector(of, given, call):
    key = json.dumps([of, given], sort_keys=True)
    if key not in SEEN:
        SEEN.add(key)
        answer = ask(lambda: call(expanded(given)))
        try:
            json.dumps(answer, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            # Half a surrogate pair is no text that could be sent on.
            answer = {"broke": "UnicodeEncodeError"}
        VECTORS.append({"of": of, "given": given, **answer})


# ---- filters
#
# The parser answers first, as in the store; where it takes a filter, the store runs it and may still refuse it.


def number(value):
    return {"integer": str(value)} if isinstance(value, int) else {"float": repr(float(value))}


def clause(entity, key, comparator, value):
    if entity == "metric":
        shown = {"float": repr(float(value))}
    elif isinstance(value, (int, float)):
        shown = number(value)
    elif isinstance(value, (tuple, list)):
        shown = {"list": [text if isinstance(text, str) else repr(text) for text in value]}
    elif value is None:
        shown = None
    else:
        shown = {"text": value if isinstance(value, str) else repr(value)}
    return [entity, key, comparator.upper(), shown]


def runs(text, store):
    found = search.SearchUtils.parse_search_filter(text)
    store.search_runs(["0"], text, ViewType.ACTIVE_ONLY, 5, [], None)
    key = lambda c: search.SearchUtils.translate_key_alias(c["key"]) if c["type"] == "attribute" else c["key"]
    return [clause(c["type"], key(c), c["comparator"], c["value"]) for c in found]


def experiments(text, store):
    found = search.SearchExperimentsUtils.parse_search_filter(text)
    store.search_experiments(ViewType.ACTIVE_ONLY, 5, text, [], None)

    def shown(c):
        value = c["value"]
        if c["key"] == "experiment_id" and c["type"] == "attribute":
            value = tuple(str(int(v)) for v in value) if isinstance(value, tuple) else int(value)
        return clause(c["type"], c["key"], c["comparator"], value)

    return [shown(c) for c in found]


def registered_models(text, registry):
    found = search.SearchModelUtils.parse_search_filter(text)
    registry.search_registered_models(text, 5, [], None)
    return [clause(c["type"], c["key"], c["comparator"], c["value"]) for c in found]


def model_versions(text, registry):
    found = search.SearchModelVersionUtils.parse_search_filter(text)
    registry.search_model_versions(text, 5, [], None)

    def shown(c):
        is_number = c["key"] == "version_number" and c["type"] == "attribute"
        return clause(c["type"], c["key"], c["comparator"], int(c["value"]) if is_number else c["value"])

    return [shown(c) for c in found]


SINGULAR = {"attributes": "attribute", "metrics": "metric", "params": "parameter", "tags": "tag"}


def logged_models(text, store):
    found = parse_filter_string(text)
    store.search_logged_models(["0"], text or None, None, 5, None, None)

    def shown(c):
        key = c.entity.key.removesuffix("_ms") if c.entity.type.value == "attributes" else c.entity.key
        return clause(SINGULAR[c.entity.type.value], key, c.op, c.value)

    return [shown(c) for c in found]


def traces(text, store):
    found = search.SearchTraceUtils.parse_search_filter_for_search_traces(text)
    store.search_traces(filter_string=text, max_results=5, locations=["0"])

    def key(c):
        name = c["key"].removeprefix("attributes.")
        is_attribute = c["type"] == "span" and name != c["key"]
        return "attributes." + search.SearchUtils._trim_backticks(name) if is_attribute else c["key"]

    return [clause(c["type"], key(c), c["comparator"], c["value"]) for c in found]


VALUES = [
    "'a'", '"a"', "5", "-3", "1.5", "1e3", "a", "('a')", "('a', \"b\")", "(1, 2)", "()", "null", "'%a_'", "'it''s'",
    "`a`", "007", ".5", "'5'", "inf",
]  # fmt: skip
COMPARATORS = [
    "=", "!=", ">", ">=", "<", "<=", "LIKE", "ILIKE", "like", "iLike", "IN", "NOT IN", "in", "not in", "IS", "<>", "==",
    "RLIKE", "NOT LIKE", "~",
]  # fmt: skip
SUFFIXES = [" IS NULL", " IS NOT NULL", " is null", " is  not null", " IS NOT  NULL", " ISNULL", ""]
COMMON = [
    "", " ", ";", "'", "name", "name =", "= 'a'", "name = 'a", "name = a'", "name = `a", "name = \"a", "name = 'a' AND",
    "AND name = 'a'", "name = 'a' AND AND name = 'b'", "name = 'a' OR name = 'b'", "name = 'a' or tag.b = 'c'",
    "(name = 'a')", "(name = 'a' AND name = 'b')", "name = ('a'", "name = 'a')", "name = 'a'; name = 'b'", "name = 'a';",
    "name = 'a' ; ", "name = 'a';\n", "name = 'a' name = 'b'", "name = 'a', name = 'b'", "name = 'a' AND name = 'b'",
    "name = 'a' and name != 'b'", "name='a'AND name='b'", "  name  =  'a'  ", "\tname\n=\r\n'a'", "name\u00a0= 'a'",
    "name = 'a' -- b", "name = 'a' -- b\nAND name = 'c'", "name = /* b */ 'a'", "name = 'a' /* b */ AND name = 'c'",
    "name = 'a' # b", "WHERE name = 'a'", "name = 'a' ORDER BY name", "name = 'a' LIMIT 5", "SELECT name", "NOT name = 'a'",
    "name = 'a' AND NOT name = 'b'", "name NOT LIKE 'a'", "name LIKE('a')", "name IN('a')", "name BETWEEN 'a' AND 'b'",
    "name = 'a' AND (name = 'b')", "name = 'a' 'b'", "name = 'a' b", "name b = 'a'", "name ASC = 'a'", "name.b = 'a'",
    "name = name", "'name' = 'a'", "\"name\" = 'a'", "`name` = 'a'", "1 = 1", "5 = name", "name = 'a' = 'b'",
    "name = 'a' > 5", "name = -'a'", "name = 'a' + 'b'", "name - 1 = 'a'", "name / b = 'a'", "name(1) = 'a'",
    "name (1) = 'a'", "lower(name) = 'a'", "name[0] = 'a'", "name::text = 'a'", "name := 'a'", "name -> 'a' = 'b'",
    "name = date '2026-01-01'", "date = 'a'", "timestamp > 5", "user = 'a'", "user_id = 'a'", "order = 'a'",
    "name = ?", "name = :a", "name = %s", "name = $1", "name = @a", "name = #a", "name = {a}", "name = \\a",
    "name = 'a\\'b'", "name = 'a\\'", "name = 'a\\\\'", "name = 'a''b'", "name = 'a''", "name = 'a\"b'", "name = \"a'b\"",
    "name = \"a\\\"b\"", "name = \"a\"\"b\"", "name = ''", "name = \"\"", "name = 'ä ö 日本'", "name = 'a\nb'",
    "NAME = 'a'", "Name = 'a'", "attribute.name = 'a'", "attributes.name = 'a'", "attr.name = 'a'", "run.name = 'a'",
    "attribute.`name` = 'a'", "attribute.\"name\" = 'a'", "`attribute`.name = 'a'", "attribute . name = 'a'",
    "attribute .name = 'a'", "attribute. name = 'a'", "attribute..name = 'a'", "attribute. = 'a'", ".name = 'a'",
    "Attribute.name = 'a'", "foo.name = 'a'", "foo.bar.baz = 'a'", "tag = 'a'", "tag.a = 'b'", "tags.a = 'b'",
    "tags.a.b.c = 'd'", "tags.a-b = 'c'", "tags.a/b = 'c'", "tags.`a-b` = 'c'", "tags.`a b` = 'c'", "tags.\"a/b c\" = 'd'",
    "tags.'a' = 'b'", "tags.`a` LIKE 'b%'", "tags.`a``b` = 'c'", "tags.`a = 'b'", "tags.`` = 'a'", "tags.\"\" = 'a'",
    "tags.order = 'a'", "tags.from = 'a'", "tags.in = 'a'", "tags.and = 'a'", "tags.null = 'a'", "tags.1 = 'a'",
    "tags.1a = 'a'", "tags.12a = 'b'", "tags._a = 'b'", "tags.a1 = 'b'", "tags.ä = 'b'", "tags.日本 = 'b'", "tags.* = 'a'",
    "tags.a$b = 'c'", "tags.a#b = 'c'", "tags.a:b = 'c'", "tags.[a] = 'b'", "tags.a[b] = 'c'", "Tags.a = 'b'",
    "tags.`mlflow.prompt.is_prompt` = 'true'", "tags.`mlflow.prompt.is_prompt` != 'true'", "tags.mlflow.source.name = 'a'",
    "tags.a = 'b' AND tags.c = 'd' AND tags.e = 'f'", "tags.a IS NULL", "tags.a IS NOT NULL AND name = 'a'",
    "tags.a is null and tags.b is not null", "tags.a IS NULL AND tags.b IS NULL", "tags.a IS 'b'", "tags.a IS NOT 'b'",
    "tags.a = NULL", "tags.a = 5", "tags.a = b", "tags.a = ('b')", "tags.a IN ('b')", "tags.a > 'b'", "tags.a <> 'b'",
    "name IS NULL", "name IS NOT NULL", "IS NULL", "5 IS NULL", "'a' IS NULL", "name IN ('a')", "name IN ('a', 'b')",
    "name in ('a')", "name NOT IN ('a')", "name not in ('a', 'b')", "name IN 'a'", "name IN a", "name IN ()", "name IN (a)",
    "name IN ('a' 'b')", "name IN ('a',)", "name IN (\"a\", 'b')", "name = ('a')", "name LIKE ('a', 'b')", "name IN ('a'",
    "name IN ('a') AND name IN ('b')", "name = 'a' AND name IN ('b')", "name IN ('a') OR name = 'b'", "name IN ['a']",
    "(" * 100 + "name" + ")" * 100 + " = 'a'", "(" * 101 + "name" + ")" * 101 + " = 'a'", "name = 'a' GO name = 'b'",
    "name = 'a' AS b", "null = 'a'", "name = 'a' AND 'b'", "name = 'a' AND b", "name = 'a' UNION ALL name = 'b'",
    "name = 'a' WHERE name = 'b' ORDER BY c", "name = 'a' && name = 'b'", "name = 'a' || 'b'", "name =! 'a'", "name ! 'a'",
    "name => 'a'", "name === 'a'", "name = 'a' AND\nname = 'b'", "name = 'a'AND", "name = 'a' ANDname = 'b'", "*", "* = 'a'",
    "tags.* LIKE 'a'", "a.b.c", "a b c d e f", "foo = 'a' AND 5 = 'b'", "name = 'a' GO 5", "name = GO 5 'a'", "a , b", "name = 'a' , b", "case when name = 'a' then 1 end", "@a = 'b'",
    "##ab = 'c'", "[name] = 'a'", "name = [a]", "´name´ = 'a'", "name = ´a´", "0x1F = name", "name = 0x1F", "name = 1_000",
    "name = 1e5", "name = 1e", "name = 1.5.2", "name = 5a", "name = 55a", "name = 1.25a", "name = .5a", "name = 5.",
]  # fmt: skip
LISTS = [
    "('a')", "('a',)", "('a', 'b')", "( 'a','b' )", "(\n'a'\n)", "(\"a\", 'b')", "('')", "('a' 'b')", "('it''s')", "('it\\'s')",
    "(\"it's\")", "('a\\nb')", "('\\x41\\101\\u00e4\\U0001d11e')", "('\\q')", "(r'a\\n')", "(R'a')", "(u'a')", "(U\"a\")", "(b'a')",
    "(f'a')", "('''a''')", "(\"\"\"a\nb\"\"\")", "('a\nb')", "('a\\\nb')", "('a',,)", "(,)", "(, 'a')", "('a' , )", "()", "( )", "(a)",
    "(a, b)", "('a', b)", "(1)", "(1, 2)", "('a', 1)", "('a', 1.50)", "('a', -1)", "('a', None)", "('a', True)", "(1,)", "('a', 007)",
    "('a', 1e400)", "('a', 1_000)", "('a', ('b'))", "('a', ('b', 'c'))", "(['a'])", "({'a'})", "('a', {})", "('a' + 'b')", "('\\N{DIGIT ONE}')",
    "('\\ud800')", "('\\x4')", "('ä', '日本')", "('a;b')", "('a''')", "('a', 'b', 'c', 'd')", "('a' # b\n)", "('a')('b')", "('\\7')", "('\\400')",
    "('a', 1j)", "('a', ...)", "(*'a')", "('a' if 1 else 'b')", "('`a`')", "('%')", "('\\\\')", "('a\\'')", "('a', 0)", "('a', 00)", "('a',\t'b')",
]  # fmt: skip
NOUNS = {
    "runs": {
        "call": runs,
        "keys": [
            "metrics.a", "metric.`a b`", "params.a", "param.a", "parameter.a", "parameters.\"a b\"", "tags.a", "tag.a",
            "run_id", "attributes.run_id", "attr.status", "run.start_time", "end_time", "Created", "attributes.created",
            "attribute.`Run name`", "user_id", "artifact_uri", "dataset.name", "datasets.digest", "dataset.context",
            "dataset.foo", "foo", "metrics.`a`.b",
        ],
        "lists": ["run_id", "dataset.name"],
        "more": [
            "metrics.accuracy > 0.9", "metrics.a > 0.9 AND params.b = 'c' AND tags.d LIKE 'e%'", "metric.a >= -1e-5",
            "metrics.a > 'b'", "metrics.a > \"5\"", "metrics.a = b", "metrics.a IN (1)", "metrics.a IS NULL", "metrics.a > .5",
            "metrics.a > 5.", "metrics.a>5", "metrics.a > - 5", "metrics.a > +5", "metrics.123 > 5", "metrics.`123` > 5",
            "metrics.a > 1e400", "metrics.a > 99999999999999999999", "metrics.a == 5", "metrics.a LIKE 5", "metrics.a <> 5",
            "metrics.`a` > 5", "metrics.\"a\" > 5", "metrics.a.b > 5", "metrics.a:b > 5", "metrics.a b > 5", "metrics > 5",
            "metrics.time > 5", "metrics.count > 5", "metrics.max > 5", "metrics.loss < inf", "5 < metrics.a", "params.a = 5",
            "params.a = b", "params.lr = '0.1'", "params.a > '5'", "params.a IS NULL", "params.a is not null", "run.status = 'a'",
            "status = 'FINISHED'", "status != 'FAILED'", "attributes.status = FINISHED", "status IN ('a')", "start_time > 5",
            "start_time > 1.5", "start_time > '5'", "start_time > (5)", "start_time LIKE 5", "start_time IN (5)", "created = 5",
            "Created < 007", "`Run name` = 'a'", "\"run name\" LIKE 'a'", "attributes.`run name` = 'a'", "run_name ILIKE 'A'",
            "start_time = -5", "end_time >= 1e3", "run_id = 'a'", "run_id != 'a'", "run_id > 'a'", "run_id = ('a')",
            "dataset.name = 'a'", "datasets.context LIKE 'a'", "dataset.digest IN ('a')", "dataset.name = ('a')", "dataset = 'a'",
            "dataset.name = 5", "dataset.`name` = 'a'", "dataset.foo = 'a'", "dataset.name IS NULL", "dataset.name > 'a'",
            "datasets.name NOT IN ('a', 'b')", "experiment_id = '0'", "lifecycle_stage = 'active'", "`metrics`.a > 5",
            "`params`.`a` = 'b'", "metrics.a > 5 AND run_id IN ('a') AND tags.b IS NULL", "run_id IN ('a') AND metrics.a > 5",
            "tags.a IS NULL AND run_id NOT IN ('a') AND start_time > 5", "user_id NOT IN ('a')", "artifact_uri LIKE 'a%'",
        ],
    },
    "experiments": {
        "call": experiments,
        "keys": [
            "name", "attribute.name", "experiment_id", "creation_time", "attribute.last_update_time", "tags.a", "tag.`a b`",
            "foo", "attribute.`name`", "\"name\"", "metrics.a",
        ],
        "lists": ["experiment_id", "name"],
        "more": [
            "experiment_id = '1'", "experiment_id = '01'", "experiment_id = 'a'", "experiment_id != '1'", "experiment_id = 1",
            "experiment_id > '1'", "experiment_id LIKE '1'", "experiment_id IN ('1', '2')", "experiment_id IN ('a')",
            "experiment_id NOT IN ('1')", "experiment_id in ('1')", "experiment_id IN (1)", "experiment_id = ('1')",
            "experiment_id = ' 1_0 '", "creation_time > 5", "creation_time > 1.5", "creation_time > 1e3", "creation_time = '5'",
            "creation_time LIKE 5", "creation_time <> 5", "creation_time IN (5)", "last_update_time <= -5", "creation_time = 007",
            "creation_time > 1e400", "creation_time > 0.00001", "tag.a ILIKE 'b'", "tag.a ilike 'b'", "name ilike 'b'",
            "attribute.name LIKE 'a%'", "attribute.creation_time IS NULL", "params.a = 'b'", "metrics.a > 5",
            "name = 'a' AND creation_time > 5 AND tags.b IS NOT NULL", "creation_time IS NOT NULL", "tags.a is null",
        ],
    },
    "registered_models": {
        "call": registered_models,
        "keys": ["name", "attribute.name", "tags.a", "tag.`a b`", "creation_timestamp", "attribute.`name`", "\"name\"", "foo"],
        "lists": ["name"],
        "more": [
            "name ilike 'a%'", "name like '%a'", "name = 5", "name > 'a'", "tags.a ilike 'b'", "tags.a = 5", "version = '1'",
            "last_updated_timestamp > 5", "creation_timestamp > 5", "attribute.creation_timestamp > 5", "run_id = 'a'",
            "name = 'a' AND tags.`mlflow.prompt.is_prompt` = 'true'", "tags.a = 'b' AND tags.a != 'c'", "latest_versions = 'a'",
        ],
    },
    "model_versions": {
        "call": model_versions,
        "keys": [
            "name", "run_id", "source_path", "version_number", "attribute.version_number", "tags.a", "tag.`a b`", "version",
            "creation_timestamp", "attribute.`name`", "foo",
        ],
        "lists": ["run_id", "name", "source_path", "version_number"],
        "more": [
            "version_number = '5'", "version_number = 'a'", "version_number = 1.5", "version_number >= 5", "version_number LIKE 5",
            "version_number IN ('5')", "version_number = -1", "version_number = 1e3", "version_number != '1.5'",
            "version_number = \" 05\"", "name = 5", "run_id = 5", "run_id IN ('a')", "run_id not in ('a', 'b')", "source_path = 'a'",
            "source_path LIKE 's3://%'", "source_path IN ('a')", "creation_timestamp > 5", "last_updated_timestamp > 5",
            "name = 'a' AND version_number > 5 AND tags.b = 'c'", "run_id = ('a')", "version_number = ('5')", "stage = 'a'",
            "current_stage = 'Production'", "source = 'a'", "version_number <> 5", "version_number = 1e400",
        ],
    },
    "logged_models": {
        "call": logged_models,
        "keys": [
            "name", "attributes.name", "metrics.a", "metrics.`a b`", "params.a", "tags.a", "tags.\"a b\"", "creation_time",
            "creation_timestamp", "attributes.creation_timestamp_ms", "last_updated_timestamp", "model_id", "status", "foo",
            "attribute.name", "Metrics.a",
        ],
        "lists": ["name", "params.a", "metrics.a"],
        "more": [
            "metrics.loss > 0.1 AND params.lr = 0.01", "metrics.a > inf", "metrics.a = nan", "metrics.a > 1_000", "metrics.a > a",
            "metrics.a > '5'", "metrics.a LIKE 5", "metrics.a IN (5)", "metrics.a > 0x1F", "metrics.a > 1e400", "metrics.a > 5.",
            "metrics.a > -.5", "metrics.a > 007", "name = foo", "name = 5", "name = \"a\"", "name = 'a''b'", "name = ''a''",
            "name = foo.bar", "name = foo('a')", "name = 'a' || 'b'", "name like 'a%'", "params.a < '5'", "params.a IS NULL",
            "tags.a is not null", "creation_time > 5", "creation_time = 'a'", "attributes.creation_time > 5",
            "attributes.creation_timestamp > 5", "last_updated_time > 5", "last_updated_timestamp_ms > 5", "experiment_id = 1",
            "model_type = 'a'", "source_run_id IN ('a')", "status = 'READY'", "status_message = 'a'", "lifecycle_stage = 'active'",
            "artifact_location LIKE 'a'", "tags = 'a'", "tags LIKE 'a'", "run_id = ('a') AND metrics.a LIKE 5", "ALIASES = 'a'", "metadata = 'a'", "tags.`a` = 'b'", "tags.``a`` = 'b'",
            "tags.a`b` = 'c'", "tags. = 'a'", "tags.`a\nb` = 'c'", "a1.b = 'c'", "params.`a``b` = 'c'", "NAME = 'a'",
            "attributes.foo = 'a'", "attributes.foo LIKE 'a' AND metrics.b LIKE 5", "name = 'a' AND 5", "name = 'a'\nAND\nname = 'b'",
        ],
    },
    "traces": {
        "call": traces,
        "keys": [
            "name", "attributes.name", "trace.status", "request_id", "timestamp", "timestamp_ms", "attribute.end_time", "execution_time", "client_request_id", "run_id", "prompt", "trace.text",
            "tags.a", "tag.`a b`", "metadata.a", "request_metadata.\"a b\"", "metadata.mlflow.trace.tokenUsage", "span.name", "span.type", "span.content", "span.attributes.a", "span.foo", "feedback.a", "expectation.`a b`", "issue.id", "issue.foo", "foo",
        ],
        "lists": ["status", "span.name"],
        "more": [
            "timestamp > 5", "timestamp >= 5 AND timestamp < 9", "timestamp>5", "timestamp = 5.5", "timestamp > '5'", "timestamp LIKE 5", "timestamp > a", "Timestamp > 5", "TIMESTAMP > 5", "timestamp IN (5)", "timestamp IS NULL", "timestamp", "timestamp >",
            "timestamp > 5 timestamp", "status = 'OK' AND timestamp > 5", "timestamp > 5 AND status = 'OK'", "attributes.timestamp > 5", "trace.timestamp > 1.5", "timestamp_ms > '5'", "timestamp_ms = \"5\"", "timestamp > 5 OR timestamp < 3", "5 < timestamp", "timestamp != -5",
            "end_time_ms <= 1e3", "execution_time = 007", "execution_time_ms LIKE '5'", "name IN ('a')", "name IS NULL", "run_id IN ('a')", "run_id = 'a' AND run_id != 'b'", "run_id IS NOT NULL", "status IS NULL", "request_id LIKE 'a%'", "client_request_id NOT IN ('a', 'b')", "text LIKE 'a'", "trace.text = 'a'",
            "trace.text ILIKE 'a'", "attributes.text like 'a'", "prompt = 'a/1'", "prompt = 'a'", "prompt = 'a/b/c'", "prompt != 'a/1'", "prompt LIKE 'a/1'", "prompt IS NULL", "tags.prompt = 'a/1'", "tags.`mlflow.linkedPrompts` = 'a/1'", "tags.name = 'a'", "tags.Name = 'a'", "metadata.run_id = 'a'", "metadata.name LIKE 'a'",
            "tags.timestamp = 'a'", "metadata.end_time = 'a'", "feedback.name = 'a'", "feedback.text LIKE 'a'", "feedback.text = 'a'", "expectation.run_id = 'a'", "issue.name = 'a'", "tags.a IN ('b')", "tags.a = ('b')", "metadata.a IN ('b')", "metadata.a = 5", "metadata.`mlflow.trace.cost` = 'a'", "metadata.`mlflow.trace.cost` IS NULL",
            "metadata.`mlflow.trace.cost` ILIKE 'a'", "metadata.mlflow.trace.session LIKE 'a'", "metadata.mlflow.sourceRun = 'a'", "metadata.mlflow.sourceRun != 'a'", "span.name IN ('a', 'b')", "span.name NOT IN ('a')", "span.name like 'a'", "span.name LIKE ('a', 'b')", "span.name > 'a'", "span.name = 5", "span.type = 'LLM'", "span.Status = 'OK'",
            "span.attributes.a.b LIKE 'c'", "span.attributes.`a b` LIKE 'c'", "span.`attributes.a` = 'b'", "span.attributes. LIKE 'c'", "span.attributes.a IN ('b')", "span.attributes.a > 'b'", "span.content LIKE 'a'", "span.content = 'a'", "span.name IS NULL", "span.foo IS NULL", "span.foo = 5", "feedback.a > 5", "feedback.a >= 0.5", "feedback.a < '5'",
            "feedback.a = 5", "feedback.a = 'yes'", "feedback.a IN ('b')", "feedback.a > ('b')", "feedback.a LIKE 'b'", "feedback.a like 'b'", "feedback.a IS NULL", "feedback.a IS NOT NULL", "feedback. = 'a'", "feedback.`` = 'a'", "expectation.a != 'b'", "expectation.a <= -5", "feedback.a = b", "feedback.a > b", "feedback.a NOT IN ('b')", "issue.id = 'a'",
            "name RLIKE '^a'", "tags.a RLIKE 'a'", "metadata.a RLIKE 'a'", "status RLIKE 'a'", "span.name RLIKE 'a'", "span.attributes.a RLIKE 'a'", "feedback.a RLIKE 'a'", "timestamp_ms RLIKE 'a'", "issue.id = 5", "issue.id IN ('a')", "issue.id LIKE 'a'", "issue.id IS NULL", "attributes.foo = 'a'", "trace.name = 'a'", "run.name = 'a'", "attr.name = 'a'", "`tags`.a = 'b'", "`trace`.status = 'OK'", "metrics.a > 5", "params.a = 'b'", "experiment_id = '0'", "status = 'OK' AND name = 'a' AND tags.b = 'c' AND span.type = 'LLM' AND feedback.d > 1",
        ],
    },
}
WORDS = [
    "name", "tags", "tag.a", "metrics.a", "params.`b c`", "run_id", "status", "start_time", "attribute.name", "attributes", ".", ",", ";", "(",
    ")", "[", "]", "'a'", "\"b\"", "`c`", "'", "\"", "`", "5", "-1", "1.5", ".5", "1e5", "5a", "55ab", "=", "!=", ">", "<=", "<>", "LIKE", "ilike",
    "IN", "NOT", "IS", "NULL", "AND", "and", "OR", "NOT NULL", "('a', 'b')", "('a')", "AS", "ASC", "desc", "-", "+", "/", "*", "::", ":=", "?", ":a", "%s",
    "@ab", "#", "--", "/*", "*/", "\n", "\\", "$", "{", "WHERE", "ORDER BY", "user", "timestamp", "date", "count", "a", "b1", "_c", "ä", "0x1", "NULLS",
    "FROM", "CASE", "(5)", "experiment_id", "version_number", "creation_time", "'it''s'", "'a\\'", "&", "~", "->", "#>", "LIMIT", "UNION ALL", "GO",
]  # fmt: skip


def made_up():
    """Makes words of a filter, near one that can be read more often than not."""
    words = []
    for _ in range(DRAW.randint(1, 3)):
        words += [DRAW.choice(WORDS[:10]), DRAW.choice(["=", "!=", ">", "LIKE", "IN", "IS"]), DRAW.choice(["'a'", "5", "('a')", "NULL", "\"b\""]), "AND"]
    words.pop()
    for _ in range(DRAW.randint(0, 3)):
        at = DRAW.randrange(len(words) + 1)
        if DRAW.random() < 0.5:
            words.insert(at, DRAW.choice(WORDS))
        else:
            words[min(at, len(words) - 1)] = DRAW.choice(WORDS)
    return "".join(word + DRAW.choice([" ", " ", " ", " ", ""]) for word in words)


def filters(store, registry, count):
    for noun, about in NOUNS.items():
        base = registry if noun in ("registered_models", "model_versions") else store
        call = lambda text, about=about, base=base: about["call"](text, base)
        texts = COMMON + about["more"]
        for n, key in enumerate(about["keys"]):
            pairs = [f"{key} {c} {VALUES[(n * 7 + m * 5) % len(VALUES)]}" for m, c in enumerate(COMPARATORS)]
            pairs += [f"{key} {COMPARATORS[(n + m) % 8]} {v}" for m, v in enumerate(VALUES)]
            pairs += [key + suffix for suffix in SUFFIXES]
            texts += [pair for pair in pairs if DRAW.random() < SHARE]
        for key in about["lists"]:
            texts += [f"{key} IN {text}" for text in LISTS] + [f"{key} NOT IN {text}" for text in LISTS[:4]]
        texts += [made_up() for _ in range(count)]
        for text in texts:
            vector(noun, text, call)


# ---- orders

ORDERS = [
    [], ["name"], ["name ASC"], ["name desc"], ["name Desc"], ["name DESC NULLS LAST"], [" name"], ["name "], ["name  ASC"], ["name\tASC"],
    [""], [" "], ["name FOO"], ["name ASC DESC"], ["name, foo"], ["name; foo"], ["name", "name"], ["name", "name DESC"], ["foo"], ["foo DESC"],
    ["`name`"], ["`name` DESC"], ["\"name\" ASC"], ["'name' ASC"], ["'name'"], ["name ASC;"], ["ASC"], ["DESC name"], ["5"], ["5 ASC"], ["name = 'a'"],
    ["timestamp"], ["timestamp ASC"], ["timestamp  desc"], ["timestamp FOO"], ["Timestamp"], ["timestamp ASC DESC"], ["timestamp DESC", "name ASC"],
    ["timestamp", "last_updated_timestamp"], ["last_updated_timestamp DESC"], ["creation_timestamp"], ["creation_timestamp ASC", "version_number"],
    ["version_number DESC"], ["version"], ["attribute.name"], ["attribute.name DESC"], ["attributes.name"], ["attribute.`name` DESC"], ["tag.name"],
    ["tag.a"], ["tags.a DESC"], ["tags.`a b` ASC"], ["tags.`a b`"], ["tags.\"a b\" DESC"], ["tag.version_number ASC"], ["metrics.a"], ["metrics.a DESC"],
    ["metric.`a` asc"], ["metrics.`a b` DESC"], ["metrics.`a b`"], ["metrics.\"a b\" ASC"], ["metrics.`a` DESC", "metrics.a ASC"],
    ["metrics.a", "params.a", "tags.a"], ["params.a DESC"], ["param.`a/b`"], ["parameter.a-b"], ["dataset.name"], ["dataset.foo"], ["start_time"],
    ["start_time ASC"], ["created"], ["Created DESC"], ["created", "start_time"], ["attributes.start_time DESC"], ["run.start_time"], ["attr.end_time ASC"],
    ["end_time", "status", "user_id", "artifact_uri", "run_id", "run_name"], ["run name"], ["`run name` ASC"], ["attribute.`Run name`"], ["run_id DESC"],
    ["creation_time"], ["creation_time DESC", "experiment_id DESC"], ["last_update_time ASC"], ["experiment_id"], ["experiment_id", "name"],
    ["experiment_id", "creation_time", "experiment_id DESC"], ["attribute.creation_time"], ["metrics.a\\b DESC"], ["metrics.`a\\\"b` DESC"], ["metrics.`a'b` DESC"],
    ["metrics.a'b"], ["`a"], ["metrics.`a"], ["metrics.a -- b"], ["metrics.a DESC -- b"], ["lower(name)"], ["name[0]"], ["name::text"], ["name.b"], ["tags"],
    ["metrics."], ["metrics.``"], ["user_id"], ["user"], ["order"], ["metrics.order DESC"], ["metrics.in DESC"], ["metrics.1 ASC"], ["metrics.`1` ASC"],
    ["name AS foo"], ["name foo"], ["name foo ASC"], ["name nulls first"], ["*"], ["metrics.*"], ["metrics.* DESC"], ["(name)"], ["name ASC", ""], ["-name"],
    ["name\nDESC"], ["name\u00a0DESC"], ["\"name\""], ["\"name"], ["tag.`name` DESC"], ["attribute.version_number DESC", "attribute.name", "tags.name"],
    ["status ASC", "foo"], ["metrics.a.b DESC"], ["metrics.ä"], ["a.b.c"], ["foo.name DESC"], ["Metrics.a"], ["run_name ASC"], ["source_path"], ["run.name"],
]  # fmt: skip
RUN_TIES = {"runs.start_time DESC": ["attribute", "start_time", False], "SqlRun.run_uuid": ["attribute", "run_id", True]}
COLUMNS = {
    "last_updated_time": "last_updated_timestamp",
    "version": "version_number",
    "run_uuid": "run_id",
}


def by_columns(clauses, renamed):
    terms = []
    for clause in clauses:
        column, direction = re.fullmatch(r"\w+\.(\w+) (ASC|DESC)", str(clause)).groups()
        term = ["attribute", renamed.get(column, column), direction == "ASC"]
        if not any(known[1] == term[1] for known in terms):
            terms.append(term)
    return terms


def order_of_runs(order_by, store):
    with store.ManagedSessionMaker() as session:
        _, clauses, _ = tracking._get_orderby_clauses(order_by, session)
    terms = [list(search.SearchUtils.parse_order_by_for_search_runs(one)) for one in order_by]
    for term in terms:
        if term[0] == "attribute":
            term[1] = search.SearchUtils.translate_key_alias(term[1])
    ties = [RUN_TIES[str(clause)] for clause in clauses[2 * len(terms) :]]
    return terms + [tie for tie in ties if not any(tie[:2] == term[:2] for term in terms)]


MODEL_ORDERS = [
    [], [{"field_name": "name"}], [{"field_name": "name", "ascending": False}], [{"field_name": "creation_time", "ascending": False}],
    [{"field_name": "creation_timestamp"}], [{"field_name": "last_updated_timestamp"}], [{"field_name": "last_updated_time"}], [{"field_name": "model_id"}],
    [{"field_name": "metrics.a"}], [{"field_name": "metrics.a.b", "ascending": False}], [{"field_name": "params.a"}], [{"field_name": "attributes.name"}],
    [{"field_name": "foo"}], [{"field_name": ""}], [{"field_name": " name"}], [{"field_name": "name"}, {"field_name": "name"}], [{"field_name": "metrics."}],
    [{"field_name": "metrics.a", "dataset_name": "d"}], [{"field_name": "metrics.a", "dataset_name": "d", "dataset_digest": "e"}], [{"field_name": "."}],
    [{"field_name": "name", "dataset_name": "d"}], [{"field_name": "status"}], [{"field_name": "experiment_id"}], [{"field_name": "creation_timestamp_ms"}],
    [{"field_name": "Name"}], [{"field_name": "model_type"}, {"field_name": "metrics.a"}, {"field_name": "model_id", "ascending": False}], [{"field_name": "tags"}],
]  # fmt: skip


def order_of_logged_models(order_by, store):
    fields = [{"ascending": True, "dataset_name": None, "dataset_digest": None, **field} for field in order_by]
    with store.ManagedSessionMaker() as session:
        query = store._apply_order_by_search_logged_models(session.query(SqlLoggedModel), session, fields)
        text = re.sub(r"CASE .*? END ASC, ", "", str(query).rsplit("ORDER BY", 1)[1])
    found = re.findall(r"(?:logged_models|anon_\d+)\.(\w+) (ASC|DESC)", text)
    return [[column.removesuffix("_ms"), direction == "ASC"] for column, direction in found]


TRACE_ORDERS = [
    ["execution_time"], ["execution_time_ms DESC"], ["end_time"], ["timestamp_ms"], ["timestamp DESC", "timestamp_ms"], ["trace.status"], ["request_id DESC"], ["experiment_id", "request_id"], ["tags.name"], ["name", "tag.`mlflow.traceName`"], ["metadata.a DESC"], ["request_metadata.`a b`"],
    ["run_id", "metadata.mlflow.sourceRun"], ["metadata.mlflow.trace.session DESC"], ["metadata.mlflow.trace.tokenUsage"], ["metadata.mlflow.trace.cost DESC"], ["span.name"], ["feedback.a"], ["expectation.a"], ["issue.id"], ["tags.text"], ["tags.timestamp"], ["client_request_id"], ["prompt"], ["text"], ["trace.timestamp DESC"],
]  # fmt: skip
TRACE_TIES = {"trace_info.timestamp_ms DESC": ["attribute", "timestamp_ms", False], "SqlTraceInfo.request_id": ["attribute", "request_id", True]}


def order_of_traces(order_by, store):
    terms = [list(tracking._parse_trace_order_by(one)) for one in order_by]
    with store.ManagedSessionMaker() as session:
        _, clauses, _ = tracking._get_orderby_clauses_for_search_traces(order_by, session)
    ties = [tie for written, tie in TRACE_TIES.items() if written in map(str, clauses)]
    return terms + [tie for tie in ties if not any(tie[:2] == term[:2] for term in terms)]


def orders(store, registry):
    by_experiment = lambda order: by_columns(tracking._get_search_experiments_order_by_clauses(order), {})
    by_model = lambda order: by_columns(registry._parse_search_registered_models_order_by(order), COLUMNS)
    default = ["last_updated_timestamp DESC", "name ASC", "version_number DESC"]
    renamed = {**COLUMNS, "creation_time": "creation_timestamp"}
    by_version = lambda order: by_columns(registry._parse_search_model_versions_order_by(order or default), renamed)
    for order in ORDERS:
        vector("order runs", order, lambda order: order_of_runs(order, store))
        vector("order experiments", order, by_experiment)
        vector("order registered_models", order, by_model)
        vector("order model_versions", order, by_version)
    for order in ORDERS + TRACE_ORDERS:
        vector("order traces", order, lambda order: order_of_traces(order, store))
    for order in MODEL_ORDERS:
        vector("order logged_models", order, lambda order: order_of_logged_models(order, store))


# ---- names, values and parameters

A = lambda times: {"repeat": ["a", times]}
KEYS = [
    "a", "A_b-c.d e:f/g", "", " ", ".", "..", "/", "/a", "a/", "a//b", "a/./b", "a/../b", "../a", "//a", "///a", "a/..", "a\\b", "a%", "a\nb", "a\n", "ä日本", "²",
    "a'b", "a\"b", "a,b", "{a}", "a@b", "a(b)", "\u2028", "\U0001d11e", "a\u0301", "./a", "a/.", "...", ".a", "a..b", "../..", "/..", "//", A(250), A(251), "\x7f", "é'\"",
    "mlflow.source.name", "a\tb", "a=b", "a;b", "का",
]  # fmt: skip
NAMES = [
    "a", "", " ", "\t\n", "a/b", "a:b", "a b", "ä", ".", "..", "a.", "./a", "a%b", "a'b", "a\"b", "a'b\"c", "a\\b", "a\nb", "a\u00a0", A(500), A(501), A(256), A(257), A(64), A(65),
    A(255), A(250), "None", "latest", "LATEST", "Latest", "v1", "V12", "v", "v1a", "version1", "v²", "-a", "_a", "a_b-c", "1", "01", "-1", "+1", " 1 ", "1_0", "1__0", "1.0",
    "1e3", "abc", "٣", "staging", "Staging", "PRODUCTION", "archived", "none", "dev", "Deleted_Internal", "runs:/a/b", "runs:", "s3://a/b", "mlflow-artifacts:/1", A(2048), A(2049),
    "0123456789abcdef0123456789abcdef", "a b c", "日本", "a\u0301", "a.b", "a\n", "true", "FALSE", "yes", "a@b", "a\u200b", "\U0001d11e", "𝐯1", "a,b", "K", "का", "v٣",
]  # fmt: skip
PLAIN = {
    "run_id": lambda text: valid._validate_run_id(text),
    "experiment_number": lambda text: str(valid._parse_experiment_id(text)),
    "experiment_name": valid._validate_experiment_name,
    "model_name": valid._validate_model_name,
    "new_model_name": valid._validate_model_renaming,
    "version": lambda text: str(valid._validate_model_version(text)),
    "stage": get_canonical_stage,
    "alias": valid._validate_model_alias_name,
    "alias_not_reserved": valid._validate_model_alias_name_reserved,
    "logged_model_name": valid._validate_logged_model_name,
}


def location(text):
    valid._validate_experiment_artifact_location(text)
    valid._validate_experiment_artifact_location_length(text)


def names():
    for of, call in PLAIN.items():
        for name in NAMES:
            vector(of, name, call)
    for name in NAMES[:12] + NAMES[60:80]:
        vector("artifact_location", name, location)
    for key in KEYS:
        vector("metric_name", key, lambda name: valid._validate_metric_name(name, "metrics[0].name"))
        vector("param_name", key, lambda name: valid._validate_param_name(name, "params[3].key"))
        vector("tag_name", key, valid._validate_tag_name)
        vector("param", ["params[1]", key, "b"], lambda given: valid._validate_param(given[1], given[2], given[0]).value)
        vector("tag", ["", key, "b"], lambda given: valid._validate_tag(given[1], given[2], given[0]).value)
        vector("tag", ["tags[0]", key, "b"], lambda given: valid._validate_tag(given[1], given[2], given[0]).value)
        vector("experiment_tag", [key, "b"], lambda given: valid._validate_experiment_tag(*given))
        vector("registered_model_tag", [key, "b"], lambda given: valid._validate_registered_model_tag(*given))
        vector("model_version_tag", [key, "b"], lambda given: valid._validate_model_version_tag(*given))
    for length in (6000, 6001, 8000, 8001, 20000, 20001, 100000, 100001):
        vector("param", ["", "a", A(length)], lambda given: len(valid._validate_param(given[1], given[2]).value))
        vector("tag", ["", "a", A(length)], lambda given: len(valid._validate_tag(given[1], given[2]).value))
        vector("experiment_tag", ["a", A(length)], lambda given: valid._validate_experiment_tag(*given))
        vector("registered_model_tag", ["a", A(length)], lambda given: valid._validate_registered_model_tag(*given))
        vector("model_version_tag", ["a", A(length)], lambda given: valid._validate_model_version_tag(*given))
        vector("model_version_tag", ["mlflow.prompt.text", A(length)], lambda given: valid._validate_model_version_tag(*given))
    vector("model_version_tag", ["a", None], lambda given: valid._validate_model_version_tag(*given))
    numbers = ["1", "1.50", "-1", "-0.0", "0", "null", "true", "\"1\"", "[]", "1e400", "NaN", "1e-7", "123456789012345680000", "{\"b\":1,\"a\":[null]}", "-5.5"]
    for n in numbers:
        for given in ([n, "5", "0"], ["0.5", n, "0"], ["0.5", "5", n]):
            for path, key in (("", "a"), ("metrics[2]", "a"), ("", "a//b")):
                call = lambda g: valid._validate_metric(g[1], *[json.loads(x) for x in g[2:]], path=g[0])
                vector("metric", [path, key, *given], call)
    vector("metric", ["", A(251), "1", "1", "1"], lambda g: valid._validate_metric(g[1], 1, 1, 1))
    vector("metric", ["metrics[0]", A(250), "1", "1", "1"], lambda g: valid._validate_metric(g[1], 1, 1, 1))
    batches = [(0, 0, 0), (1000, 0, 0), (1001, 0, 0), (0, 100, 0), (0, 101, 0), (0, 0, 100), (0, 0, 101), (900, 50, 51), (900, 100, 100), (801, 100, 100)]
    for batch in batches:
        vector("batch_limits", list(batch), lambda given: valid._validate_batch_log_limits(*[[None] * n for n in given]))
    for keys in ([], ["a"], ["a", "b"], ["a", "a"], ["a", "b", "a", "b", "a"], ["it's", "it's"], ["ä\n", "ä\n"]):
        vector("unique_params", keys, lambda given: valid._validate_param_keys_unique([Param(k, "v") for k in given]))
    data = lambda given: valid._validate_dataset(Dataset(given[0], given[1], "t", given[2], given[3], given[4]))
    limits = [500, 36, 65535, 1048575, 16777215]
    vector("dataset", ["a", "b", "c", None, None], data)
    for n, limit in enumerate(limits):
        for more in (0, 1):
            given = ["a", "b", "c", "d", "e"]
            given[n] = A(limit + more)
            vector("dataset", given, data)
    for given in (["a", "b"], [A(255), A(500)], [A(256), "b"], ["a", A(501)]):
        vector("input_tag", given, lambda given: valid._validate_input_tag(InputTag(*given)))


SCHEMAS = {
    "text": handlers._assert_string,
    "integer": handlers._assert_intlike,
    "float": handlers._assert_floatlike,
    "bool": handlers._assert_bool,
    "list": handlers._assert_array,
    "texts": handlers._assert_item_type_string,
    "required": handlers._assert_required,
}
JSON = [
    "null", "true", "false", "0", "31", "-5", "1.5", "1e400", "\"\"", "\"a\"", "\"5\"", "\" 7_0 \"", "\"1.5\"", "\"inf\"", "[]", "[1]", "[\"a\"]", "[\"a\",1]", "{}", "{\"b\":1,\"a\":2}",
    "\"ä\\n\\\"\\u2028\\ud834\\udd1e\\u007f\"", "[1.0,null,{\"z\":[],\"y\":true}]", "100000000000000000000", "1e16", "0.00001", "\"a/b\"", "NaN", "-Infinity", "[NaN]",
]  # fmt: skip


def parameters():
    check = handlers._validate_param_against_schema
    for value in JSON:
        for kind, schema in SCHEMAS.items():
            vector(f"parameter {kind}", value, lambda text, schema=schema: check([schema], "run_id", json.loads(text)))
    for value in JSON + ["1000", "1001", "\"1000\"", "\"1001\"", "-1"]:
        limit = [lambda x: handlers._assert_less_than_or_equal(int(x), 1000)]
        vector("parameter at_most", value, lambda text: check(limit, "max_results", json.loads(text)))

    class Asked:
        method = "GET"

        def __init__(self, text):
            self.args = {"archive_existing_versions": text}

    message = mlflow.protos.model_registry_pb2.TransitionModelVersionStage
    for text in ("true", "FALSE", "True", "", "yes", "1", "truee"):
        call = lambda text: handlers._get_request_message(message(), Asked(text)).archive_existing_versions
        vector("boolean", text, call)
    runs_get = mlflow.protos.service_pb2.GetRun.DESCRIPTOR
    for text in ('{"run_id":"a","runId":"b"}', '{"run_id":"a"}', '{"runId":"b"}', "{}", "[]", '{"run_id":null,"runId":null}'):
        vector("one_spelling", text, lambda text: handlers._reject_conflicting_field_aliases(json.loads(text), runs_get))


# ---- pages


def b64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def pages(store, registry):
    inside = [
        '{"offset": 5}', '{"offset": 0}', '{"offset": "7"}', '{"offset": "a"}', '{"offset": null}', '{"offset": ""}', '{"offset": "0"}', "{}", '{"a": [1, 2.50, true, null, {"b": "c\'"}]}', "[]",
        "5", "null", "a", "", "{", '{"offset": 5', '{"offset": -5}', '{"offset": 5.5}', '{"offset": true}', '{"offset": [1]}', '{"offset": false}', '{"offset": 5, "offset": 6}', '"a"',
        '{"offset": 123456789012345678901}', "it's", "\"it's", '{"offset": " 8_0 "}', b"\xff\x00a\n", b"\x7f'", '{"é": "日本\\n\u00a0"}', '{"offset":5} ', '{"offset":05}', "{'offset': 5}", "NaN", '{"offset": 1e2}',
        '{"offset": 0.0}', '{"offset": "5.5"}', '{"offset": {}}', b"a'b\"c\\",
    ]  # fmt: skip
    tokens = ["", "a", "ab", "abc", "abcd", "abcde", "=", "====", "ab=", "ab==", "ab=c=", "!!!!", "é", " ", "YQ", "YQ==YQ==", "eyJvZmZzZXQiOiA1fQ", "eyJv ZmZz\nZXQiOiA1fQ==", "eyJvZmZzZXQiOiA1fQ=="]
    for token in tokens + [b64(one) for one in inside]:
        vector("page", token, lambda token: search.SearchUtils.parse_start_offset_from_page_token(token))
    for offset in (1, 5, 100, 50000):
        vector("page written", offset, lambda n: search.SearchUtils.create_page_token(n).decode())
    Token = search.SearchLoggedModelsPaginationToken
    first = [["0", "1"], "name = 'a'", [{"field_name": "metrics.a", "ascending": False, "dataset_name": None, "dataset_digest": None}]]
    searches = [first, [["0"], None, None], [["1", "0"], "name = 'a'", None], [["0", "1"], "name = 'b'", first[2]], [["0", "1"], "name = 'a'", None], [[], None, None],
                [["0", "1"], "name = 'a'", [{**first[2][0], "ascending": True}]], [["0", "1"], None, first[2]], [["it's"], "ä\n", None]]  # fmt: skip

    def read(given):
        token = Token.decode(given[1])
        token.validate(*given[0])
        return token.offset

    for one in searches:
        vector("model page written", [one, 7], lambda given: json.loads(base64.b64decode(Token(*given[0], given[1]).encode())))
        for other in searches:
            vector("model page", [one, Token(*other, 7).encode()], read)
    for token in ("a", "é", "YQ==", b64("{}"), b64('{"experiment_ids": ["0"]}'), b64('{"experiment_ids": ["0"], "offset": "a"}'), b64("[]"), b64('{"experiment_ids": ["0"], "filter_string": ""}')):
        vector("model page", [[["0"], None, None], token], read)
    for size in (-1, 0, 1, 1000, 1001, 50000, 50001, 200000, 200001):
        vector("size tracking", size, store._validate_max_results_param)
        vector("size registered_models", size, lambda n: [registry.search_registered_models("", n, [], None), None][1])
        vector("size model_versions", size, lambda n: [registry.search_model_versions("", n, [], None), None][1])


# ---- sources of model versions

ROOT = "mlflow-artifacts:/1/r1/artifacts"
DISK = "/srv/x/r1/artifacts"
SOURCES = [
    "", "a", "a/b", "/", "/etc/passwd", "file:/etc/passwd", "file:///etc/passwd", "s3://b/x", "s3://b", "s3://b/", "s3:b", "s3:/x", "S3://b/x", "s3://b/a/../c", "s3://b/a/./c", "s3://b//c//", "s3://b/..",
    "s3://b/%2e%2e/c", "s3://b/%252e%252e/c", "s3://b/%2E./c", "s3://b/a%2fb", "s3://b/a%00", "s3://b/a+b", "s3://b/a%2bb", "s3://b/x?y=../z", "s3://b/x#y", "s3://b/x#/../y", "s3://b?x", "dbfs:/x", "dbfs:x",
    "gs://b/x y", "wasbs://c@a/x", "unknown:/x", "databricks", "C:/x", "http://h/x", "https://h/x", "HTTP://h/x", "ftp://h/x", "sftp://h/x", "hdfs://h/x", "hdfs:/x", "viewfs:/x", "r2://b@h/x", "b2://b@h/x",
    "abfss://f@h/x", "mlflow-artifacts://h/1/r1/artifacts", "mlflow-artifacts:///1/r1/artifacts", "mlflow-artifacts:/", "mlflow-artifacts:1", ROOT, ROOT + "/m", ROOT + "/", ROOT + "//m/", ROOT + "2/m",
    ROOT + "/../m", ROOT + "/%2e%2e/m", ROOT + "/.", ROOT + "/m?x#y", "mlflow-artifacts:/1/%721/artifacts/m", "mlflow-artifacts:/1/r2/artifacts/m", DISK, DISK + "/m", DISK + "2", DISK + "//m/", "/srv/x", "runs:/r1/m", "runs:/r1", "runs:/r1/",
    "runs:/r2/m", "runs:/", "runs:", "runs:r1/m", "runs://r1/m", "runs:///r1/m", "RUNS:/r1/m", "runs:/r1/../m", "runs:/r1/%2e%2e", "runs:/%721/m", "runs:%2fr1/m", "models:/m-1", "models:/m-2", "models:/", "models:",
    "models:a", "models://h/a/1", "models:///a/1", "models:/a/1", "models:/a/01", "models:/a/latest", "models:/a/LATEST", "models:/a/Production", "models:/a/x y", "models:/a@b", "models:/a@b@c", "models:/@b", "models:/a@",
    "models:/a@ ", "models:/a/b@c", "models:/a/b/c", "models:/a/", "models:/ /1", "models:/a/ ", "models://a", "models:/a?x/1", "models:/a#b/1", "models:/a/1?x", "Models:/a/1", " models:/a/1", "models:/a\n/1", "models:/../1", "models:/a/..",
    "dummy-source", "prompt-template", "Dummy-source", "prompt-template ",
]  # fmt: skip


class There:
    """Stands for whoever keeps runs and logged models: each is there, with its files below a place, or is not."""

    def __init__(self, place):
        self.place = place

    def found(self, _):
        if self.place is None:
            raise MlflowException("not found", error_code=RESOURCE_DOES_NOT_EXIST)
        info = type("Info", (), {"artifact_uri": self.place})()
        return type("Found", (), {"info": info, "artifact_location": self.place})()

    get_run = get_logged_model = found


def claimed(validate, given):
    source, id, place = given
    handlers._get_tracking_store = lambda: There(place)
    handlers._validate_artifact_uri_scheme(source, "source")
    handlers._resolve_registered_model_source_lineage(source, id, "", has_run_id=False, has_model_id=False) if is_whole(source) else None
    validate(source, id)


def is_whole(source):
    """Says whether a source can be looked at without a registry: it names no version of a registered model."""
    try:
        return referred(source) is None or "logged" in referred(source)
    except MlflowException:
        return True


def referred(source):
    parsed = handlers.urllib.parse.urlparse(source)
    if parsed.scheme != "models":
        return None
    if parsed.netloc:
        handlers._resolve_registered_model_source_lineage(source, "", "", has_run_id=False, has_model_id=False)
    uri = handlers._parse_model_version_source(source)
    if uri.model_id is not None:
        return {"logged": uri.model_id}
    if uri.version is not None:
        return {"name": uri.name, "version": uri.version}
    if uri.alias is not None:
        return {"name": uri.name, "alias": uri.alias}
    return {"name": uri.name, "stage": uri.stage}


def sources():
    for source in SOURCES:
        vector("source prompt", source, handlers._validate_prompt_source)
        vector("source reference", source, referred)
        for of, validate, id in [("run", handlers._validate_source_run, "r1"), ("model", handlers._validate_source_model, "m-1")]:
            for given in [[source, "", None], [source, id, None], [source, id, ROOT], [source, id, DISK]]:
                # What is no address is a path below the folder that this runs in, which nobody else has.
                is_here = given[2] and ":" not in source and not source.startswith("/")
                if (of == "run" or given[1]) and not is_here:
                    vector(f"source {of}", given, lambda given, validate=validate: claimed(validate, given))


def write(path, vectors):
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in vectors)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def main():
    if mlflow.__version__ != VERSION:
        sys.exit(f"this is MLflow {mlflow.__version__}; the vectors are those of {VERSION}")
    global SHARE
    count = int(sys.argv[1]) if len(sys.argv) > 1 else MADE_UP
    SHARE = 1 if len(sys.argv) > 1 else SHARE
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else OUT
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/empty.db"
        store, registry = tracking.SqlAlchemyStore(uri, f"{folder}/artifacts"), Registry(uri)
        filters(store, registry, count)
        orders(store, registry)
        names()
        parameters()
        pages(store, registry)
        sources()
    of_sources = [one for one in VECTORS if one["of"].startswith("source ")]
    of_traces = [one for one in VECTORS if one["of"] in ("traces", "order traces")]
    write(out, [one for one in VECTORS if not one["of"].startswith("source ") and one["of"] not in ("traces", "order traces")])
    write(out.with_name(f"source_{out.name}"), of_sources)
    write(out.with_name(f"trace_{out.name}"), of_traces)
    counts = {kind: sum(kind in one for one in VECTORS) for kind in ("read", "refused", "broke")}
    print(len(VECTORS), "vectors:", counts)


if __name__ == "__main__":
    main()
