//! What the servers answered, without what differs between any two servers: ids of runs, and where their artifacts are.

use serde_json::{Value, json};

/// Is one answer, by what was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    what: String,
    said: Vec<Value>,
}

impl Answer {
    /// Reads the runs of an answer, in their order.
    ///
    /// # Errors
    ///
    /// What is no answer to a search, or one that found nothing.
    pub fn runs(what: &str, body: &str) -> Result<Self, String> {
        let body: Value = serde_json::from_str(body).map_err(|e| format!("{what}: {e}"))?;
        let runs = body.get("runs").and_then(Value::as_array).ok_or_else(|| format!("{what}: nothing is found"))?;
        Ok(Self { what: what.to_owned(), said: runs.iter().map(plain).collect() })
    }

    /// Reads one run.
    ///
    /// # Errors
    ///
    /// What is no run.
    pub fn run(what: &str, body: &str) -> Result<Self, String> {
        let body: Value = serde_json::from_str(body).map_err(|e| format!("{what}: {e}"))?;
        let run = body.get("run").ok_or_else(|| format!("{what}: there is no run"))?;
        Ok(Self { what: what.to_owned(), said: vec![plain(run)] })
    }

    /// Reads the points of a metric.
    ///
    /// # Errors
    ///
    /// What is no answer of a history.
    pub fn points(what: &str, body: &str) -> Result<Self, String> {
        let body: Value = serde_json::from_str(body).map_err(|e| format!("{what}: {e}"))?;
        let points = body.get("metrics").and_then(Value::as_array).ok_or_else(|| format!("{what}: no points"))?;
        Ok(Self { what: what.to_owned(), said: points.iter().map(point).collect() })
    }

    /// Returns how many things it tells of.
    pub fn len(&self) -> usize {
        self.said.len()
    }
}

/// Returns what a run was told.
fn plain(run: &Value) -> Value {
    let of = |part: &str, name: &str| run.get(part).and_then(|part| part.get(name)).cloned().unwrap_or_default();
    let info = ["run_name", "status", "start_time", "user_id", "lifecycle_stage"].map(|name| of("info", name));
    let by_key = |name: &str, show: fn(&Value) -> Value| {
        let mut all: Vec<Value> = of("data", name).as_array().into_iter().flatten().map(show).collect();
        all.sort_by_key(ToString::to_string);
        all
    };
    json!({ "info": info, "metrics": by_key("metrics", point), "params": by_key("params", pair), "tags": by_key("tags", pair) })
}

fn point(point: &Value) -> Value {
    let of = |name: &str| point.get(name).cloned().unwrap_or_default();
    // A step of 0 may be left out.
    let step = of("step").as_i64().unwrap_or_default();
    json!([of("key"), of("value").as_f64(), of("timestamp"), step])
}

fn pair(pair: &Value) -> Value {
    json!([pair.get("key"), pair.get("value")])
}

/// Holds what both servers answered against each other.
///
/// # Errors
///
/// The first answer that differs.
pub fn same(theirs: &[Answer], ours: &[Answer]) -> Result<(), String> {
    if theirs.len() != ours.len() {
        return Err(format!("{} answers of theirs, {} of ours", theirs.len(), ours.len()));
    }
    for (theirs, ours) in theirs.iter().zip(ours) {
        let differs = theirs.said.iter().zip(&ours.said).position(|(one, other)| one != other);
        if let Some(at) = differs {
            let (one, other) = (theirs.said.get(at), ours.said.get(at));
            return Err(format!("{} differs at {at}: theirs {one:?}, ours {other:?}", theirs.what));
        }
        if theirs != ours {
            return Err(format!("{}: {} of theirs, {} of ours", theirs.what, theirs.len(), ours.len()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, value: f64) -> String {
        let metrics = json!([{ "key": "loss", "value": value, "timestamp": 1, "step": 0 }]);
        json!({ "runs": [{ "info": { "run_id": name, "run_name": "a" }, "data": { "metrics": metrics } }] }).to_string()
    }

    #[test]
    fn a_value_that_differs_is_told_and_an_id_is_not() {
        let read = |name, value| vec![Answer::runs("search", &found(name, value)).unwrap()];
        assert_eq!(same(&read("x", 1.0), &read("y", 1.0)), Ok(()));
        assert!(same(&read("x", 1.0), &read("x", 1.5)).unwrap_err().contains("search differs at 0"));
        assert!(same(&read("x", 1.0), &[]).is_err());
        assert!(Answer::runs("search", "{}").is_err());
    }
}
