//! One record of the log: a message of protobuf, read as far as something is taken of it.

use std::collections::BTreeMap;

use crate::Given;
use crate::imports::mlflow::Senseless;
use crate::otlp::wire::{Fields, Wire};

/// Is what a record tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// What the run is.
    Run(Box<Said>),
    /// A line of its history.
    History(History),
    /// What of its configuration is new.
    Config(BTreeMap<String, Given>),
    /// What of its summary is new.
    Summary(BTreeMap<String, Given>),
    /// That it ended: with which code, and after how many seconds, where that is said.
    Exit {
        /// The code; 0 if all went well.
        code: i64,
        /// How many seconds it took.
        runtime_s: Option<i64>,
    },
    /// An artifact, whose files are elsewhere.
    Artifact {
        /// What kind of artifact it is.
        kind: String,
        /// Its name.
        name: String,
    },
    /// Statistics of the machine.
    Statistics,
    /// What was printed.
    Output,
    /// What is nothing here.
    Other,
}

/// Is what is said of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// Texts by name: `id`, `entity`, `project`, `group`, `job_type`, `name`, `notes`, `sweep`, `host`, `commit`, `repository`.
    pub texts: BTreeMap<&'static str, String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// When it began, in milliseconds since the epoch.
    pub started: Option<i64>,
    /// Its configuration.
    pub config: BTreeMap<String, Given>,
    /// Its summary.
    pub summary: BTreeMap<String, Given>,
}

/// Is a line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// What it holds, by name; what is nested with dots between.
    pub values: BTreeMap<String, Given>,
    /// The step of the training.
    pub step: i64,
    /// When it was logged, in milliseconds since the epoch.
    pub at: Option<i64>,
}

type Read<T> = Result<T, Senseless>;

/// Are the texts of a run by their fields.
const TEXTS: [(u64, &str); 9] = [
    (1, "id"),
    (2, "entity"),
    (3, "project"),
    (6, "group"),
    (7, "job_type"),
    (8, "name"),
    (9, "notes"),
    (12, "sweep"),
    (13, "host"),
];

fn malformed() -> Senseless {
    Senseless("a record of the log is no message".to_owned())
}

/// Returns the fields of a message.
fn fields(message: &[u8]) -> impl Iterator<Item = Read<(u64, Wire<'_>)>> {
    Fields::of(message).map(|field| field.map_err(|_| malformed()))
}

fn text(bytes: &[u8]) -> Read<String> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| malformed())
}

/// Reads a varint as the signed number that it is.
fn signed(value: u64) -> i64 {
    i64::from_le_bytes(value.to_le_bytes())
}

/// Reads a record.
///
/// # Errors
///
/// What is no message of protobuf, or holds a value that is no JSON.
pub fn read(bytes: &[u8]) -> Read<Record> {
    let mut record = Record::Other;
    for field in fields(bytes) {
        record = match field? {
            (2, Wire::Bytes(body)) => Record::History(history(body)?),
            (3, Wire::Bytes(body)) => Record::Summary(values(body)?),
            (5, Wire::Bytes(body)) => Record::Config(values(body)?),
            (17, Wire::Bytes(body)) => Record::Run(Box::new(run(body)?)),
            (18, Wire::Bytes(body)) => exit(body)?,
            (8, Wire::Bytes(body)) => artifact(body)?,
            (7, Wire::Bytes(_)) => Record::Statistics,
            (4 | 13, Wire::Bytes(_)) => Record::Output,
            _ => continue,
        };
    }
    Ok(record)
}

fn run(message: &[u8]) -> Read<Said> {
    let mut said = Said::default();
    for field in fields(message) {
        let (number, Wire::Bytes(body)) = field? else { continue };
        match number {
            4 => said.config.extend(values(body)?),
            5 => said.summary.extend(values(body)?),
            10 => said.labels.push(text(body)?),
            17 => said.started = Some(instant(body)?),
            21 => git(body, &mut said.texts)?,
            _ => {
                if let Some((_, name)) = TEXTS.iter().find(|(known, _)| *known == number) {
                    said.texts.insert(name, text(body)?);
                }
            }
        }
    }
    Ok(said)
}

fn git(message: &[u8], texts: &mut BTreeMap<&'static str, String>) -> Read<()> {
    for field in fields(message) {
        match field? {
            (1, Wire::Bytes(body)) => drop(texts.insert("repository", text(body)?)),
            (2, Wire::Bytes(body)) => drop(texts.insert("commit", text(body)?)),
            _ => {}
        }
    }
    Ok(())
}

/// Reads an instant: seconds, and billionths of one.
fn instant(message: &[u8]) -> Read<i64> {
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    for field in fields(message) {
        match field? {
            (1, Wire::Varint(value)) => seconds = signed(value),
            (2, Wire::Varint(value)) => nanos = signed(value),
            _ => {}
        }
    }
    Ok(seconds.saturating_mul(1_000).saturating_add(nanos / 1_000_000))
}

fn exit(message: &[u8]) -> Read<Record> {
    let (mut code, mut runtime_s) = (0, None);
    for field in fields(message) {
        match field? {
            (1, Wire::Varint(value)) => code = signed(value),
            (2, Wire::Varint(value)) => runtime_s = Some(signed(value)),
            _ => {}
        }
    }
    Ok(Record::Exit { code, runtime_s })
}

fn artifact(message: &[u8]) -> Read<Record> {
    let (mut kind, mut name) = (String::new(), String::new());
    for field in fields(message) {
        match field? {
            (4, Wire::Bytes(body)) => kind = text(body)?,
            (5, Wire::Bytes(body)) => name = text(body)?,
            _ => {}
        }
    }
    Ok(Record::Artifact { kind, name })
}

/// Reads the items of a message, each a name and a value.
fn values(message: &[u8]) -> Read<BTreeMap<String, Given>> {
    let mut all = BTreeMap::new();
    for field in fields(message) {
        if let (1, Wire::Bytes(body)) = field? {
            all.extend(item(body)?);
        }
    }
    Ok(all)
}

fn history(message: &[u8]) -> Read<History> {
    let mut history = History { values: values(message)?, ..History::default() };
    for field in fields(message) {
        if let (2, Wire::Bytes(body)) = field? {
            for field in fields(body) {
                if let (1, Wire::Varint(value)) = field? {
                    history.step = signed(value);
                }
            }
        }
    }
    history.at = history.values.get("_timestamp").and_then(milliseconds);
    Ok(history)
}

/// Reads seconds since the epoch, which may have a fraction, in milliseconds.
fn milliseconds(value: &Given) -> Option<i64> {
    let (Given::Integer(text) | Given::Float(text)) = value else { return None };
    let seconds: f64 = text.parse().ok()?;
    let written = format!("{:.0}", seconds * 1_000.0);
    written.parse().ok().filter(|_| seconds.is_finite())
}

/// Reads an item. Its name stands in one field, or in several that are put together; its value is JSON, or in a field of its own kind.
fn item(message: &[u8]) -> Read<Option<(String, Given)>> {
    let (mut key, mut nested, mut value) = (String::new(), Vec::new(), None);
    for field in fields(message) {
        match field? {
            (1, Wire::Bytes(body)) => key = text(body)?,
            (2, Wire::Bytes(body)) => nested.push(text(body)?),
            (3, Wire::Varint(_)) => value = Some(Given::Null),
            (4, Wire::Varint(bit)) => value = Some(Given::Bool(bit != 0)),
            (5, Wire::Varint(zigzag)) => value = Some(Given::Integer(unzigzag(zigzag).to_string())),
            (6, Wire::Fixed64(bits)) => value = Some(Given::of_float(f64::from_bits(bits))),
            (7, Wire::Bytes(body)) => value = Some(Given::Text(text(body)?)),
            (8 | 16, Wire::Bytes(body)) => {
                let json = Given::read(&text(body)?);
                value = Some(json.ok_or_else(|| Senseless("a value in the log is no JSON".to_owned()))?);
            }
            _ => {}
        }
    }
    let name = if key.is_empty() { nested.join(".") } else { key };
    Ok(value.filter(|_| !name.is_empty()).map(|value| (name, value)))
}

fn unzigzag(value: u64) -> i64 {
    signed(value >> 1) ^ signed(value & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Writes a field that holds bytes, of at most 127.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let tag = u16::from(number) << 3 | 2;
        let tag = if tag < 128 { vec![tag as u8] } else { vec![(tag & 127 | 128) as u8, (tag >> 7) as u8] };
        [&tag[..], &[u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    fn item(name: &[&str], value: &[u8]) -> Vec<u8> {
        let names: Vec<u8> = name.iter().flat_map(|name| field(2, name.as_bytes())).collect();
        field(1, &[&names[..], value].concat())
    }

    #[test]
    fn a_line_of_the_history_is_read() {
        let body = [
            item(&["loss"], &field(16, b"0.10")),
            item(&["a", "b"], &[0x28, 0x03]),
            item(&["c"], &[&[0x31][..], &0.5_f64.to_bits().to_le_bytes()].concat()),
            item(&["_timestamp"], &field(16, b"1.7954373638833866e+09")),
            field(2, &[0x08, 0x07]),
        ];
        let Record::History(history) = read(&field(2, &body.concat())).unwrap() else { unreachable!() };
        assert_eq!((history.step, history.at), (7, Some(1_795_437_363_883)));
        assert_eq!(history.values.get("loss"), Some(&Given::Float("0.10".into())));
        assert_eq!(history.values.get("a.b"), Some(&Given::Integer("-2".into())));
        assert_eq!(history.values.get("c"), Some(&Given::Float("0.5".into())));
    }

    #[test]
    fn what_a_run_says_of_itself_is_read() {
        let config = field(1, &[field(1, b"lr"), field(16, b"0.1")].concat());
        let body = [
            field(1, b"abc"),
            field(3, b"churn"),
            field(4, &config),
            field(10, b"a"),
            field(17, &[0x08, 0x02, 0x10, 0x80, 0x89, 0x7a]),
            field(21, &field(2, b"c0ffee")),
        ];
        let Record::Run(said) = read(&field(17, &body.concat())).unwrap() else { unreachable!() };
        assert_eq!((said.texts.get("id"), said.texts.get("commit")), (Some(&"abc".into()), Some(&"c0ffee".into())));
        assert_eq!((said.started, said.labels.len()), (Some(2_002), 1));
        assert_eq!(said.config.get("lr"), Some(&Given::Float("0.1".into())));
        assert_eq!(read(&field(18, &[0x08, 0x01])).unwrap(), Record::Exit { code: 1, runtime_s: None });
        assert_eq!(read(&field(7, b"")).unwrap(), Record::Statistics);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for wrong in
            [&[0x0b][..], &[0x12, 5, 1], &field(2, &item(&["x"], &field(16, b"{"))), &field(17, &field(1, &[0xff]))]
        {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(read(&[]).unwrap(), Record::Other);
    }
}
