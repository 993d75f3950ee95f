//! Break-glass on the command line: asked, confirmed by another key, loud at the next start, ended and reviewed.

use std::path::Path;

use crate::program::{Server, begun, run};

const RULES: &str = "groups = [\"owners\"]\nminutes = 10\nreviewers = \"owners\"\nreview_hours = 24\n";

/// Makes a key for a person, and returns its token.
fn key(dir: &Path, person: &str) -> String {
    let made = run(dir, &["key", "create", "--person", person, "--json"]);
    assert_eq!(made.code, 0, "{}", made.err);
    made.json()["token"].as_str().unwrap().to_owned()
}

#[test]
fn two_people_break_it_it_is_loud_and_a_third_reviews_it() {
    let folder = begun();
    let dir = folder.path();
    let bundle = dir.join("countersign/bundle");
    let people = std::fs::read_to_string(bundle.join("people.toml")).unwrap();
    let more = "\n[people.ben]\ngroups = [\"owners\"]\n\n[people.cleo]\ngroups = [\"owners\"]\n";
    std::fs::write(bundle.join("people.toml"), people + more).unwrap();
    std::fs::write(bundle.join("break_glass.toml"), RULES).unwrap();
    let server = Server::up(dir);
    let activated = run(dir, &["policy", "activate", "--reason", "two more owners"]);
    assert_eq!(activated.code, 0, "{}", activated.err);
    let (ben, cleo) = (key(dir, "ben"), key(dir, "cleo"));
    assert!(run(dir, &["break-glass", "list"]).err.contains("No glass is broken"));
    let ask = ["break-glass", "ask", "--agent", "agent", "--class", "write", "--reason", "nobody answers", "--json"];
    let asked = run(dir, &ask);
    assert_eq!(asked.code, 0, "{}", asked.err);
    let id = asked.json()["id"].as_str().unwrap().to_owned();
    let step = |step: &str, key: &str| run(dir, &["break-glass", step, &id, "--reason", "I see it too", "--key", key]);
    let own = run(dir, &["break-glass", "confirm", &id, "--reason", "alone"]);
    assert!(own.code != 0 && own.err.contains("key-excluded"), "{}", own.err);
    let confirmed = step("confirm", &ben);
    assert!(confirmed.code == 0 && confirmed.out.contains("IN FORCE until"), "{}{}", confirmed.out, confirmed.err);
    let doctor = run(dir, &["doctor"]);
    assert!(doctor.out.contains("BROKEN THE GLASS"), "{}", doctor.out);
    server.stop();
    let server = Server::up(dir);
    let listed = run(dir, &["break-glass", "list"]).out;
    assert!(listed.contains("in_force") && listed.contains("by ana and ben"), "{listed}");
    assert_eq!(step("end", &ben).code, 0);
    let review = |key: &str| run(dir, &["break-glass", "review", &id, "--findings", "nothing ran", "--key", key]);
    let wrong = review(&ben);
    assert!(wrong.code != 0 && wrong.err.contains("key-excluded"), "{}", wrong.err);
    let again = run(dir, &ask);
    assert!(again.code != 0 && again.err.contains("review-open"), "{}", again.err);
    let reviewed = review(&cleo);
    assert!(reviewed.code == 0 && reviewed.out.contains("reviewed by cleo: nothing ran"), "{}", reviewed.err);
    assert!(!run(dir, &["doctor"]).out.contains(&id));
    server.stop();
}
