//! Logging in to the console: a link from `up` or `login`, worth one login; and a server that stops though somebody looks on.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use crate::program::{Server, begun, run};

/// Sends a request as a page of the server does, and returns the open connection.
fn from_page(url: &str, head: &str, body: &str) -> TcpStream {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nhost: {address}\r\norigin: {url}\r\nsec-fetch-site: same-origin\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n"
    );
    write!(stream, "{request}connection: close\r\n\r\n{body}").unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn log_in(url: &str, link: &str) -> String {
    let (base, code) = link.split_once("/#login=").unwrap();
    assert_eq!(base, url);
    answer(from_page(url, "POST /v1/login", &format!("{{\"link\":\"{code}\"}}")))
}

fn cookie(entered: &str) -> String {
    let line = entered.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    line.split(';').next().unwrap().to_owned()
}

/// Lists the files below a folder; a folder that a running server removes meanwhile holds nothing any more.
fn files_below(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn a_link_logs_in_once_and_nothing_of_a_login_is_on_the_disk() {
    let folder = begun();
    let dir = folder.path();
    let server = Server::up(dir);
    let url = server.ready["url"].as_str().unwrap();
    let link = server.ready["login"].as_str().unwrap();
    let entered = log_in(url, link);
    assert!(entered.starts_with("HTTP/1.1 200"), "{entered}");
    assert!(log_in(url, link).starts_with("HTTP/1.1 401"), "a link logs in once");
    let made = run(dir, &["login"]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(log_in(url, made.out.trim()).starts_with("HTTP/1.1 200"));
    assert!(answer(from_page(url, "GET /inbox", "")).contains("<title>Countersign</title>"));

    let cookie = cookie(&entered);
    let secrets = [cookie.split_once('=').unwrap().1, link.split_once("#login=").unwrap().1];
    for path in files_below(dir) {
        let bytes = std::fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{}", path.display());
    }
}

#[test]
fn a_server_stops_at_once_though_somebody_follows_what_happens() {
    let folder = begun();
    let server = Server::up(folder.path());
    let url = server.ready["url"].as_str().unwrap().to_owned();
    let cookie = cookie(&log_in(&url, server.ready["login"].as_str().unwrap()));
    let mut events = from_page(&url, "GET /v1/events?last=1", "");
    let refused = answer(events);
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");

    let address = url.strip_prefix("http://").unwrap();
    events = TcpStream::connect(address).unwrap();
    write!(events, "GET /v1/events?last=1 HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\n\r\n").unwrap();
    let mut said = String::new();
    while !said.contains("data: {") {
        let mut begun = [0; 512];
        let read = events.read(&mut begun).unwrap();
        assert_ne!(read, 0, "it ended by itself: {said}");
        said.push_str(&String::from_utf8_lossy(&begun[..read]));
    }
    assert!(said.contains("text/event-stream"), "{said}");
    server.stop();
    events.read_to_string(&mut said).unwrap();
}

#[test]
fn a_provider_that_cannot_be_understood_stops_the_start() {
    let folder = begun();
    let dir = folder.path();
    let good = "name = \"Example\"\nissuer = \"http://127.0.0.1:9\"\nclient_id = \"gate\"\nclaim = \"sub\"\n[people]\n\"u-1\" = \"ana\"\n";
    let place = dir.join("countersign/oidc.toml");
    for (file, why) in [
        (good.replace("http://127.0.0.1:9", "http://login.example"), "is not `https`"),
        (good.replace("http://127.0.0.1:9", "https://169.254.169.254"), "link-local"),
        (good.replace("claim =", "claims ="), "line 4: unknown field `claims`"),
    ] {
        std::fs::write(&place, file).unwrap();
        let refused = run(dir, &["up", "--listen", "127.0.0.1:0"]);
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(refused.err.contains("oidc-invalid") && refused.err.contains(why), "{}", refused.err);
    }
    std::fs::write(&place, good).unwrap();
    let server = Server::up(dir);
    assert!(server.ready["url"].is_string());
}
