//! Values as images have them, read again exactly.

use base64::Engine as _;
use rusqlite::types::{Value, ValueRef};
use serde_json::json;

/// Reads a literal; `None` if it is none that `quote` writes, or a `T` and the bytes of a text in hex.
pub(super) fn read(text: &str) -> Option<Value> {
    if text == "NULL" {
        return Some(Value::Null);
    }
    if let Some(bytes) = text.strip_prefix('T') {
        return hex::decode(bytes).ok().and_then(|bytes| String::from_utf8(bytes).ok()).map(Value::Text);
    }
    if let Some(bytes) = text.strip_prefix("X'").and_then(|rest| rest.strip_suffix('\'')) {
        return hex::decode(bytes).ok().map(Value::Blob);
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::Integer(whole));
    }
    // `quote` writes what is beyond every number so.
    match text {
        "9.0e+999" => Some(Value::Real(f64::INFINITY)),
        "-9.0e+999" => Some(Value::Real(f64::NEG_INFINITY)),
        other => other.parse::<f64>().ok().filter(|real| real.is_finite()).map(Value::Real),
    }
}

/// Writes a value as JSON shows it; bytes as an object with their Base64.
pub(super) fn shown(value: ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Null => serde_json::Value::Null,
        ValueRef::Integer(whole) => json!(whole),
        // JSON has no infinity.
        ValueRef::Real(real) if real.is_finite() => json!(real),
        ValueRef::Real(real) => json!(real.to_string()),
        ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => json!({ "base64": base64::engine::general_purpose::STANDARD.encode(bytes) }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use rusqlite::Connection;

    use super::*;

    #[test]
    fn what_quote_writes_is_read_again_to_the_bit() {
        let db = Connection::open_in_memory().unwrap();
        let reals =
            [0.1, 1.0, -1.5e300, 5e-324, f64::MAX, 1e15, 123_456_789.123_456_79, f64::INFINITY, f64::NEG_INFINITY];
        let mut values: Vec<Value> = reals.into_iter().map(Value::Real).collect();
        values.extend([i64::MIN, -1, 0, i64::MAX].map(Value::Integer));
        values.extend([Value::Null, Value::Blob(vec![]), Value::Blob(vec![0, 255, 39])]);
        for value in values {
            let text: String = db.query_row("SELECT quote(?1)", [&value], |row| row.get(0)).unwrap();
            assert_eq!(read(&text), Some(value), "{text}");
        }
        for text in ["", "it's", "a\nb", "NULL", "X'00'", "1.5", "before\0behind"] {
            let image: String = db.query_row("SELECT 'T' || hex(?1)", [text], |row| row.get(0)).unwrap();
            assert_eq!(read(&image), Some(Value::Text(text.to_owned())), "{image}");
        }
        for wrong in ["", "abc", "Tff", "T0", "nan", "X'0'", "--1", "random()"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
