//! Asking a Prometheus server for an instant, by its HTTP API (`/api/v1/query`).

use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use types::check::{Look, Prometheus};

use super::http::{Missed, get};
use super::value::{Wanted, meets};
use super::{Seen, Variables};

/// Is an answer of the API.
#[derive(Debug, Deserialize)]
struct Answer {
    status: String,
    error: Option<String>,
    data: Option<Data>,
}

/// Is what a query yields.
#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Scalar((Value, String)),
    Vector(Vec<Sample>),
    #[serde(untagged)]
    Other(IgnoredAny),
}

/// Is one series at the instant: its labels are not looked at.
#[derive(Debug, Deserialize)]
struct Sample {
    value: (Value, String),
}

/// Looks at what a query yields: a server that does not answer, and a query without a series, tell nothing of what is measured.
pub(super) async fn look(
    prometheus: &Prometheus,
    wanted: Wanted<'_>,
    variables: Variables<'_>,
    deadline: Duration,
) -> Seen {
    let (Some(expect), known) = wanted else { return Seen::nothing("nothing is expected of it") };
    let url = format!("{}/api/v1/query", prometheus.url.trim_end_matches('/'));
    let query = [("query", prometheus.query.as_str())];
    let values = match get(&url, &query, &prometheus.headers, variables, deadline).await {
        Ok((_, body)) => values(&body),
        Err(Missed::Unasked(why) | Missed::Unanswered(why)) => Err(why),
    };
    let values = match values {
        Ok(values) => values,
        Err(why) => return Seen::nothing(&why),
    };
    let all: Vec<Seen> = values.iter().map(|value| meets(expect, value, known)).collect();
    // One that is bad says more than others that are good or tell nothing.
    let of = |look: Look| all.iter().find(|seen| seen.look == look).cloned();
    let found = of(Look::Bad).or_else(|| of(Look::Nothing)).or_else(|| of(Look::Good));
    found.unwrap_or_else(|| Seen::nothing("the query yields no series"))
}

/// Reads the values of an answer; one that is no finite number is none.
fn values(body: &str) -> Result<Vec<Value>, String> {
    let answer: Answer = serde_json::from_str(body).map_err(|_| "its answer is none of Prometheus".to_owned())?;
    if answer.status != "success" {
        return Err(format!("the query fails: {}", answer.error.unwrap_or_default()));
    }
    let number = |text: &String| text.parse::<f64>().map_or(Value::Null, Value::from);
    match answer.data {
        Some(Data::Scalar((_, text))) => Ok(vec![number(&text)]),
        Some(Data::Vector(samples)) => Ok(samples.iter().map(|sample| number(&sample.value.1)).collect()),
        Some(Data::Other(_)) | None => Err("the query yields no number for an instant".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_read_as_the_api_writes_them() {
        let vector = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"job":"web"},"value":[1435781451.781,"0.5"]},{"metric":{},"value":[1435781451.781,"NaN"]}]}}"#;
        assert_eq!(values(vector), Ok(vec![json!(0.5), Value::Null]));
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1435781451.781,"1"]}}"#;
        assert_eq!(values(scalar), Ok(vec![json!(1.0)]));
        let none = r#"{"status":"success","data":{"resultType":"vector","result":[]},"warnings":["partial"]}"#;
        assert_eq!(values(none), Ok(Vec::new()));
        for wrong in [
            r#"{"status":"error","errorType":"bad_data","error":"invalid parameter"}"#,
            r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
            r#"{"status":"success"}"#,
            "<html>",
        ] {
            assert!(values(wrong).is_err(), "{wrong}");
        }
    }
}
