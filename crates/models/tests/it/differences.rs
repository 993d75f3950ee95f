//! Where this crate answers otherwise than MLflow on purpose, and why.

use serde_json::Value;

/// Is a difference from an answer of MLflow.
pub struct Otherwise {
    pub of: &'static [&'static str],
    /// What was given, as JSON; each must really be answered otherwise.
    pub given: &'static [&'static str],
    /// Lists, behind each key that takes one.
    pub lists: &'static [&'static str],
    pub why: &'static str,
    /// Says whether ours and theirs are as they should be.
    pub are: fn(&Value, &Value) -> bool,
}

impl Otherwise {
    pub fn covers(&self, of: &str, given: &Value) -> bool {
        let is = |known: &&str| serde_json::from_str::<Value>(known).unwrap() == *given;
        self.of.contains(&of) && (self.given.iter().any(is) || self.has_list(of, given))
    }

    /// Returns what is listed here and differs nowhere.
    pub fn idle(&self, kept: &[(&str, &Value)]) -> Vec<String> {
        let ours = || kept.iter().filter(|(of, _)| self.of.contains(of));
        let met = |json: &str| ours().any(|(_, given)| serde_json::from_str::<Value>(json).unwrap() == **given);
        let met_list = |list: &str| {
            let ends = |given: &Value| given.as_str().is_some_and(|text| text.ends_with(&format!(" IN {list}")));
            ours().any(|(_, given)| ends(given))
        };
        let given = self.given.iter().filter(|json| !met(json));
        let lists = self.lists.iter().filter(|list| !met_list(list));
        given.chain(lists).map(|idle| format!("{:?} {idle} ({})", self.of, self.why)).collect()
    }

    fn has_list(&self, of: &str, given: &Value) -> bool {
        let keys = LIST_KEYS.iter().filter(|(noun, _)| *noun == of);
        let mut filters = keys.flat_map(|(_, key)| self.lists.iter().map(move |list| format!("{key} IN {list}")));
        filters.any(|filter| *given == filter)
    }
}

/// Is a kind of input that MLflow breaks on: its server answers with a 500, or with the text of a database.
pub struct Broken {
    pub of: &'static [&'static str],
    pub on: &'static str,
    pub why: &'static str,
    /// Whether it is read here, rather than refused.
    pub read: bool,
}

impl Broken {
    pub fn answers(&self, ours: &Value) -> bool {
        ours.get("read").is_some() == self.read
    }
}

fn refused_here(ours: &Value, theirs: &Value) -> bool {
    ours.get("refused").is_some() && theirs.get("read").is_some()
}

fn read_here(ours: &Value, theirs: &Value) -> bool {
    ours.get("read").is_some() && theirs.get("refused").is_some()
}

fn same_text(ours: &Value, theirs: &Value) -> bool {
    let is_internal = theirs["refused"]["code"] == "INTERNAL_ERROR";
    is_internal && ours["refused"]["message"] == theirs["refused"]["message"]
}

fn texts_differ(ours: &Value, theirs: &Value) -> bool {
    ours["refused"]["code"] == theirs["refused"]["code"] && ours["refused"]["message"] != theirs["refused"]["message"]
}

pub const OTHERWISE: &[Otherwise] = &[
    Otherwise {
        of: &["run_id", "alias", "metric_name", "param_name", "tag_name"],
        given: &[r#""a\n""#],
        lists: &[],
        why: "a line end behind a name passes MLflow's patterns by an oversight",
        are: refused_here,
    },
    Otherwise {
        of: &["param", "tag", "experiment_tag", "registered_model_tag", "model_version_tag"],
        given: &[r#"["params[1]","a\n","b"]"#, r#"["","a\n","b"]"#, r#"["tags[0]","a\n","b"]"#, r#"["a\n","b"]"#],
        lists: &[],
        why: "the same in a key",
        are: refused_here,
    },
    Otherwise {
        of: &["alias", "metric_name", "param_name", "tag_name"],
        given: &[r#""का""#],
        lists: &[],
        why: "Rust counts vowel signs as letters, Python does not, and a name needs them",
        are: read_here,
    },
    Otherwise {
        of: &["param", "tag", "experiment_tag", "registered_model_tag", "model_version_tag"],
        given: &[r#"["params[1]","का","b"]"#, r#"["","का","b"]"#, r#"["tags[0]","का","b"]"#, r#"["का","b"]"#],
        lists: &[],
        why: "the same in a key",
        are: read_here,
    },
    Otherwise {
        of: &["version", "experiment_number"],
        given: &[r#""٣""#],
        lists: &[],
        why: "Python reads digits of every script as a number; nobody writes an id so",
        are: refused_here,
    },
    Otherwise {
        of: &["alias_not_reserved"],
        given: &[r#""v²""#],
        lists: &[],
        why: "numerals of every kind behind a v are reserved",
        are: refused_here,
    },
    Otherwise {
        of: &["order runs"],
        given: &[r#"["metrics.`a` DESC","metrics.a ASC"]"#, r#"["created","start_time"]"#],
        lists: &[],
        why: "MLflow blames itself, with a 500 that clients retry, for a field that the caller named twice",
        are: same_text,
    },
    Otherwise {
        of: &["order registered_models"],
        given: &[r#"["name","name"]"#, r#"["name","name DESC"]"#, r#"["timestamp","last_updated_timestamp"]"#],
        lists: &[],
        why: "MLflow blames itself, with a 500 that clients retry, for a field that the caller named twice",
        are: same_text,
    },
    Otherwise {
        of: &["order model_versions"],
        given: &[
            r#"["name","name"]"#,
            r#"["name","name DESC"]"#,
            r#"["attribute.version_number DESC","attribute.name","tags.name"]"#,
        ],
        lists: &[],
        why: "MLflow blames itself, with a 500 that clients retry, for a field that the caller named twice",
        are: same_text,
    },
    Otherwise {
        of: &["order traces"],
        given: &[
            r#"["name","name"]"#,
            r#"["name","name DESC"]"#,
            r#"["timestamp DESC","timestamp_ms"]"#,
            r#"["name","tag.`mlflow.traceName`"]"#,
            r#"["run_id","metadata.mlflow.sourceRun"]"#,
        ],
        lists: &[],
        why: "MLflow blames itself, with a 500 that clients retry, for a field that the caller named twice",
        are: same_text,
    },
    Otherwise {
        of: &["traces"],
        given: &[
            r#""name RLIKE '^a'""#,
            r#""tags.a RLIKE 'a'""#,
            r#""metadata.a RLIKE 'a'""#,
            r#""status RLIKE 'a'""#,
            r#""span.name RLIKE 'a'""#,
            r#""span.attributes.a RLIKE 'a'""#,
            r#""feedback.a RLIKE 'a'""#,
        ],
        lists: &[],
        why: "an expression means something else to every engine, so that none is run here",
        are: refused_here,
    },
    Otherwise {
        of: &["parameter texts"],
        given: &[
            r#""\"\"""#,
            r#""\"a\"""#,
            r#""\"5\"""#,
            r#""\" 7_0 \"""#,
            r#""\"1.5\"""#,
            r#""\"inf\"""#,
            r#""\"ä\\n\\\"\\u2028\\ud834\\udd1e\\u007f\"""#,
            r#""\"a/b\"""#,
            r#""{}""#,
            r#""{\"b\":1,\"a\":2}""#,
        ],
        lists: &[],
        why: "a text and an object are no list of texts; MLflow asks whether it is a list in a step of its own",
        are: refused_here,
    },
    Otherwise {
        of: &["page"],
        given: &[
            r#""eyJvZmZzZXQiOiAtNX0=""#,
            r#""eyJvZmZzZXQiOiA1LjV9""#,
            r#""eyJvZmZzZXQiOiB0cnVlfQ==""#,
            r#""eyJvZmZzZXQiOiAxMjM0NTY3ODkwMTIzNDU2Nzg5MDF9""#,
            r#""eyJvZmZzZXQiOiAxZTJ9""#,
        ],
        lists: &[],
        why: "an offset is no fraction and no boolean, not below 0, and not beyond what a database counts",
        are: refused_here,
    },
    Otherwise {
        of: &["model page"],
        given: &[r#"[[["0"],null,null],"eyJleHBlcmltZW50X2lkcyI6IFsiMCJdLCAib2Zmc2V0IjogImEifQ=="]"#],
        lists: &[],
        why: "an offset that is a text breaks MLflow where it is used",
        are: refused_here,
    },
    Otherwise {
        of: &["size registered_models"],
        given: &["-1"],
        lists: &[],
        why: "a page of less than nothing is refused for model versions too",
        are: refused_here,
    },
    Otherwise {
        of: QUOTED,
        given: &[],
        lists: &["(b'a')", "('a', ('b', 'c'))", "(['a'])", "({'a'})", "('a', {})", "('a', 1j)", "('a', ...)"],
        why: "of what Python has besides texts, only plain numbers and words are told from an ill-formed list",
        are: texts_differ,
    },
    Otherwise {
        of: FILTERS,
        given: &[],
        lists: &["('a', ('b'))", "('\\N{DIGIT ONE}')", "('a' # b\n)"],
        why: "a list is no program of Python: no names of characters, no comments, no parentheses inside",
        are: |ours, theirs| refused_here(ours, theirs) || texts_differ(ours, theirs),
    },
    Otherwise {
        of: &["logged_models"],
        given: &[],
        lists: &[
            "(1, 2)",
            "('a', 1)",
            "('a', 1.50)",
            "('a', -1)",
            "('a', None)",
            "('a', True)",
            "(1,)",
            "('a', 1e400)",
            "('a', 1_000)",
            "('a', 0)",
            "('a', 00)",
            "(['a'])",
            "({'a'})",
        ],
        why: "a list holds texts here as everywhere; MLflow hands what else there is to the database",
        are: refused_here,
    },
    Otherwise {
        of: &["logged_models"],
        given: &[r#""ALIASES = 'a'""#, r#""metadata = 'a'""#],
        lists: &[],
        why: "what a class of MLflow's code has besides its columns is no attribute",
        are: refused_here,
    },
    Otherwise {
        of: &["runs"],
        given: &[r#""metrics.a > 99999999999999999999""#],
        lists: &[],
        why: "a literal stays as it is, and is rounded by whoever compares with it",
        are: |ours, theirs| ours.get("read").is_some() && theirs.get("read").is_some(),
    },
];

/// The keys that take lists, by noun.
const LIST_KEYS: &[(&str, &str)] = &[
    ("runs", "run_id"),
    ("runs", "dataset.name"),
    ("experiments", "experiment_id"),
    ("registered_models", "name"),
    ("model_versions", "run_id"),
    ("model_versions", "name"),
    ("logged_models", "name"),
    ("logged_models", "params.a"),
    ("traces", "status"),
    ("traces", "span.name"),
];

const QUOTED: &[&str] = &["runs", "experiments", "registered_models", "model_versions", "traces"];
const FILTERS: &[&str] = &["runs", "experiments", "registered_models", "model_versions", "logged_models", "traces"];

pub const BREAKS: &[Broken] = &[
    Broken {
        of: FILTERS,
        on: "ValueError",
        why: "a list that is no literal of Python, a null check in the registry, a word where a number belongs",
        read: false,
    },
    Broken { of: FILTERS, on: "ProgrammingError", why: "a list that is compared without IN", read: false },
    Broken { of: FILTERS, on: "UnicodeEncodeError", why: "half a surrogate pair in a list", read: false },
    Broken { of: &["logged_models"], on: "SyntaxError", why: "an ill-formed list", read: false },
    Broken { of: &["logged_models"], on: "ArgumentError", why: "a list of one that is no text", read: false },
    Broken { of: &["logged_models"], on: "AttributeError", why: "an unknown attribute", read: false },
    Broken {
        of: &["logged_models"],
        on: "AttributeError",
        why: "MLflow knows the short names of the two times bare, and only their long ones behind `attributes.`",
        read: true,
    },
    Broken { of: &["logged_models"], on: "InvalidRequestError", why: "a relation as an attribute", read: false },
    Broken { of: &["logged_models"], on: "NotImplementedError", why: "a relation that is like a text", read: false },
    Broken { of: &["order logged_models"], on: "NotImplementedError", why: "a relation as a field", read: false },
    Broken { of: &["traces"], on: "ArgumentError", why: "a list of values of an attribute of a span", read: false },
    Broken {
        of: &["order traces"],
        on: "AttributeError",
        why: "when a trace ended is nothing MLflow orders by",
        read: true,
    },
    Broken { of: &["page", "model page"], on: "AttributeError", why: "a token whose JSON is no object", read: false },
    Broken { of: &["page"], on: "TypeError", why: "an offset that is a list", read: false },
    Broken { of: &["page", "model page"], on: "ValueError", why: "a token that is not ASCII", read: false },
    Broken { of: &["model page"], on: "Error", why: "a token that is no base64", read: false },
    Broken {
        of: &["source run"],
        on: "MlflowException",
        why: "an address of a run whose slash is encoded",
        read: false,
    },
    Broken {
        of: &["parameter at_most", "parameter integer", "parameter float", "parameter texts"],
        on: "TypeError",
        why: "a value of a kind that cannot become the one asked for",
        read: false,
    },
    Broken { of: &["parameter at_most"], on: "ValueError", why: "a text that is no integer", read: false },
    Broken {
        of: &["parameter at_most", "parameter integer"],
        on: "OverflowError",
        why: "an infinite number",
        read: false,
    },
];
