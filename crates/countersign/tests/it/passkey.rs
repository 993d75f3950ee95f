//! Passkeys on the command line: invited, listed, revoked; and the site that they belong to.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::program::{Server, begun, run};

#[test]
fn a_person_is_invited_listed_and_revoked() {
    let folder = begun();
    let dir = folder.path();
    let server = Server::up(dir);
    // The starter bundle is for a team of one, who has nobody else to ask.
    let owner = "ana";
    let invited = run(dir, &["passkey", "invite", owner, "--reason", "the first one"]);
    assert_eq!(invited.code, 0, "{}", invited.err);
    assert!(invited.out.starts_with("csi_") && invited.err.contains("enrols one passkey until"), "{}", invited.err);
    let nobody = run(dir, &["passkey", "invite", "nobody"]);
    assert!(nobody.code != 0 && nobody.err.contains("person-unknown"), "{}", nobody.err);

    let listed = run(dir, &["passkey", "list"]).out;
    assert!(listed.contains("invited until") && listed.contains(owner), "{listed}");
    assert!(!listed.contains("csi_"), "the token is shown once: {listed}");
    let json = run(dir, &["passkey", "list", "--json"]).json();
    let id = json["passkeys"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(run(dir, &["passkey", "revoke", &id, "--reason", "not needed"]).code, 0);
    assert!(run(dir, &["passkey", "list"]).out.contains("revoked"));
    let again = run(dir, &["passkey", "revoke", "pk_0190a6a1e00070008000000000000000"]);
    assert!(again.code != 0 && again.err.contains("not-found"), "{}", again.err);
    server.stop();
}

#[test]
fn a_page_that_no_browser_would_take_is_refused_at_the_start() {
    let folder = begun();
    let dir = folder.path();
    for (host, origin) in [("gate.example", "http://gate.example"), ("gate.example", "https://other.example")] {
        let words = ["up", "--listen", "127.0.0.1:0", "--passkey-host", host, "--passkey-origin", origin];
        let refused = run(dir, &words);
        assert_eq!(refused.code, 2, "{origin}: {}", refused.err);
        assert!(refused.err.contains("usage-invalid") && refused.err.contains(origin), "{}", refused.err);
    }
}

#[test]
fn a_proxy_shows_the_pages_under_the_host_of_passkeys_and_under_no_other() {
    let folder = begun();
    let server = Server::up_with(folder.path(), &["--passkey-host", "gate.example"]);
    let link = server.ready["login"].as_str().unwrap();
    assert!(link.starts_with("https://gate.example/#login="), "people are sent to where their passkeys work: {link}");
    let address = server.ready["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    // As a proxy hands it on that holds the certificate: it keeps the host, and speaks plain HTTP from there on.
    let ask = |host: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = format!("POST /v1/login/passkey/options HTTP/1.1\r\nhost: {host}\r\norigin: https://{host}\r\n");
        write!(stream, "{head}content-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let asked = ask("gate.example");
    assert!(asked.starts_with("HTTP/1.1 200") && asked.contains("\"rpId\":\"gate.example\""), "{asked}");
    for other in ["other.example", "x.gate.example"] {
        assert!(ask(other).contains("origin-refused"), "{other}");
    }
    server.stop();
}
