//! An API of resources with versions that does as it is told: well, silently, late, or with somebody else in between.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// Is how the double treats the next requests that change something.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Mood {
    #[default]
    Well,
    /// It does it and hangs up.
    SilentDone,
    /// It hangs up.
    Silent,
    /// It does it and answers with this status.
    DoneBut(u16),
    /// It answers with this status.
    Refuses(u16),
    /// Somebody else comes in between.
    Overtaken,
    /// Somebody else comes right after it.
    Followed,
    /// It writes something else.
    Garbles,
}

/// Is an API of resources with versions: `PUT`, `PATCH` (merge), `DELETE`, and `POST …/enable` besides.
#[derive(Clone)]
pub struct Double {
    pub at: String,
    resources: Arc<Mutex<BTreeMap<String, (i64, Value)>>>,
    mood: Arc<Mutex<Mood>>,
    /// Tells versions.
    versions: bool,
    /// Answers what it did with the version that this made.
    tells: bool,
    /// Has each request that changes something, with the headers that matter.
    pub asked: Arc<Mutex<Vec<String>>>,
}

static VERSION: AtomicI64 = AtomicI64::new(1);

impl Double {
    pub fn start(versions: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = format!("http://{}/v1", listener.local_addr().unwrap());
        let (resources, mood, asked) = <(Arc<Mutex<_>>, _, _)>::default();
        let double = Self { at, resources, mood, versions, tells: versions, asked };
        let serving = double.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (one, stream) = (serving.clone(), stream.unwrap());
                std::thread::spawn(move || one.answer(stream));
            }
        });
        double
    }

    pub fn put(&self, path: &str, value: Value) {
        let version = VERSION.fetch_add(1, Ordering::SeqCst);
        self.resources.lock().unwrap().insert(path.to_owned(), (version, value));
    }

    pub fn get(&self, path: &str) -> Option<Value> {
        self.resources.lock().unwrap().get(path).map(|(_, value)| value.clone())
    }

    /// Counts `theirs` up, as somebody does who changes nothing else.
    pub fn counts_up(&self, path: &str) -> bool {
        let mut resources = self.resources.lock().unwrap();
        let Some((version, value)) = resources.get_mut(path) else { return false };
        *version = VERSION.fetch_add(1, Ordering::SeqCst);
        value["theirs"] = json!(value["theirs"].as_i64().unwrap() + 1);
        true
    }

    pub fn remove(&self, path: &str) {
        self.resources.lock().unwrap().remove(path);
    }

    pub fn in_mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap_or(0);
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or("").to_owned());
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap();
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
        let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut body).unwrap();
        let path = path.strip_prefix("/v1").unwrap_or(&path).to_owned();
        let mut say = |status: u16, etag: Option<i64>, body: &str| {
            let etag = etag.filter(|_| self.versions).map_or_else(String::new, |etag| format!("etag: \"{etag}\"\r\n"));
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{etag}content-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all((head + body).as_bytes());
        };
        if headers.get("authorization").map(String::as_str) != Some("Bearer s3cret") {
            return say(401, None, "{}");
        }
        if method == "GET" {
            let found = self.resources.lock().unwrap().get(&path).cloned();
            return match found {
                Some((version, value)) => say(200, Some(version), &value.to_string()),
                None => say(404, None, "{}"),
            };
        }
        let key = headers.get("idempotency-key").cloned().unwrap_or_default();
        self.asked.lock().unwrap().push(format!("{method} {path} {key}"));
        let mood = std::mem::take(&mut *self.mood.lock().unwrap());
        match mood {
            Mood::Silent => return,
            Mood::Refuses(status) => return say(status, None, "{}"),
            Mood::Overtaken => self.put(&path, json!({ "limit": 77 })),
            Mood::Well | Mood::SilentDone | Mood::DoneBut(_) | Mood::Garbles | Mood::Followed => {}
        }
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let (status, version) = self.apply(method, &path, &headers, body, mood == Mood::Garbles);
        match mood {
            Mood::SilentDone => {}
            Mood::DoneBut(status) => say(status, None, "{}"),
            Mood::Followed => {
                self.put(&path, json!({ "limit": 66 }));
                say(status, version, "{}");
            }
            _ => say(status, version, "{}"),
        }
    }

    fn apply(
        &self,
        method: &str,
        path: &str,
        headers: &BTreeMap<String, String>,
        body: Value,
        garbles: bool,
    ) -> (u16, Option<i64>) {
        let mut resources = self.resources.lock().unwrap();
        let target = path.trim_end_matches("/enable").to_owned();
        let known = resources.get(&target).cloned();
        if self.versions {
            let unlike =
                |wanted: &String| known.as_ref().map(|(version, _)| format!("\"{version}\"")).as_ref() != Some(wanted);
            if headers.get("if-match").is_some_and(unlike) || (headers.contains_key("if-none-match") && known.is_some())
            {
                return (412, None);
            }
        }
        let version = VERSION.fetch_add(1, Ordering::SeqCst);
        let mut whole = match method {
            "PUT" => body,
            "DELETE" => {
                resources.remove(&target);
                return (204, None);
            }
            "PATCH" => {
                let mut whole = known.map_or_else(|| json!({}), |(_, value)| value);
                for (name, value) in body.as_object().unwrap() {
                    whole[name] = value.clone();
                }
                whole
            }
            _ => {
                let mut whole = known.map_or_else(|| json!({}), |(_, value)| value);
                whole["enabled"] = json!(true);
                whole
            }
        };
        whole["touched"] = json!(version);
        if garbles {
            whole["limit"] = json!(-1);
        }
        resources.insert(target, (version, whole));
        (200, Some(version).filter(|_| self.tells))
    }
}
