//! `add-checkpoint` over HTTP: each status of the protocol, and what stands in the answers.

use std::collections::BTreeSet;

use tlog::{AddCheckpoint, Checkpoint, Hash, Note, SignerKey, leaf_hash};

use crate::program::{Home, Log};

fn asked(old: u64, proof: Vec<Hash>, note: Note) -> AddCheckpoint {
    AddCheckpoint::new(old, proof, note).unwrap()
}

#[test]
fn a_growing_log_is_cosigned_with_both_keys() {
    let home = Home::new();
    let running = home.serve();
    let mut before = 0;
    for (old, size) in [(0, 0), (0, 1), (1, 1), (1, 2), (2, 7), (7, 256), (256, 400)] {
        let answer = running.ask(home.log.grown(old, size));
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.head.contains("content-type: text/plain"), "{}", answer.head);
        let time = home.check(&home.log.note(size), &answer.body);
        assert!(before <= time && time > 1_700_000_000, "{time}");
        before = time;
    }
}

#[test]
fn each_refusal_has_its_status() {
    let home = Home::new();
    let running = home.serve();
    assert_eq!(running.ask(home.log.grown(0, 7)).status, 200);
    let stranger = Log::with_seed("log.example", 9);
    let forged = home.log.grown(7, 9).to_string().replacen("\n9\n", "\n8\n", 1);
    let proof = home.log.grown(7, 9).proof().to_vec();
    let cases = [
        (Log::new("other.example").grown(7, 9).to_string(), 404, "not-found"),
        (stranger.grown(7, 9).to_string(), 403, "evidence-broken"),
        (forged, 403, "evidence-broken"),
        (home.log.grown(10, 9).to_string(), 400, "request-invalid"),
        (home.log.grown(7, 9).to_string().replacen("old 7", "old seven", 1), 400, "request-invalid"),
        (asked(7, vec![Hash([1; 32]); 63], home.log.note(9)).to_string(), 422, "evidence-broken"),
        (asked(7, Vec::new(), home.log.note(9)).to_string(), 422, "evidence-broken"),
        (asked(7, proof, home.log.fork().note(9)).to_string(), 422, "evidence-broken"),
        (String::new(), 400, "request-invalid"),
    ];
    for (request, status, code) in cases {
        let answer = running.ask(&request);
        assert!(answer.is(status, code), "{request}: {answer:?}");
    }
    let line = format!("{}\n", Hash([1; 32]).to_base64());
    let many = asked(7, vec![Hash([1; 32]); 63], home.log.note(9)).to_string().replacen(
        "old 7\n",
        &format!("old 7\n{line}"),
        1,
    );
    assert!(running.ask(many).is(400, "request-invalid"), "64 hashes");
    assert_eq!(running.ask(home.log.grown(7, 9)).status, 200, "no refusal has changed anything");
}

#[test]
fn a_conflict_tells_the_size_in_its_own_content_type() {
    let home = Home::new();
    let running = home.serve();
    for (size, before) in [(7, 0), (9, 7)] {
        let conflict = running.ask(home.log.grown(400, 400));
        assert_eq!((conflict.status, conflict.body.as_str()), (409, format!("{before}\n").as_str()));
        assert!(conflict.head.contains("content-type: text/x.tlog.size"), "{}", conflict.head);
        assert_eq!(running.ask(home.log.grown(before, size)).status, 200);
    }
}

#[test]
fn a_fork_is_refused_whatever_it_claims() {
    let home = Home::new();
    let running = home.serve();
    assert_eq!(running.ask(home.log.grown(0, 7)).status, 200);
    let fork = home.log.fork();
    for (old, size, status) in [(0, 7, 409), (0, 9, 409), (7, 7, 422), (7, 9, 422), (6, 9, 409), (9, 9, 409)] {
        let answer = running.ask(fork.grown(old, size));
        assert_eq!(answer.status, status, "{old} to {size}: {answer:?}");
        assert!(!answer.body.contains("witness.example"), "nothing is signed: {answer:?}");
    }
    assert_eq!(running.ask(home.log.grown(7, 9)).status, 200);
}

#[test]
fn an_older_checkpoint_is_not_cosigned_again() {
    let home = Home::new();
    let running = home.serve();
    assert_eq!(running.ask(home.log.grown(0, 3)).status, 200);
    assert_eq!(running.ask(home.log.grown(3, 7)).status, 200);
    assert_eq!(running.ask(home.log.grown(0, 3)).status, 409);
    assert_eq!(running.ask(home.log.grown(3, 3)).status, 409);
    assert_eq!(running.ask(home.log.grown(3, 7)).status, 409);
    assert_eq!(running.ask(home.log.grown(7, 3)).status, 400);
    assert_eq!(running.ask(home.log.grown(7, 7)).status, 200, "the last one is, with a new time");
}

#[test]
fn a_tree_of_nothing_has_one_root() {
    let home = Home::new();
    let running = home.serve();
    let text = format!("log.example\n0\n{}\n", leaf_hash(b"something").to_base64());
    let note = Note::sign(&text, &home.log.key).unwrap();
    assert!(running.ask(asked(0, Vec::new(), note.clone())).is(422, "evidence-broken"));
    assert_eq!(running.ask(asked(1, Vec::new(), note)).status, 400);
    assert_eq!(running.ask(home.log.grown(0, 0)).status, 200);
}

#[test]
fn signatures_by_strangers_are_neither_stored_nor_returned() {
    let home = Home::new();
    let running = home.serve();
    let stranger = SignerKey::ed25519("stranger.example", &[9; 32]).unwrap();
    let note = home.log.note(7).sign_also(&stranger).unwrap();
    let answer = running.ask(asked(0, Vec::new(), note));
    assert!(answer.status == 200 && !answer.body.contains("stranger"), "{answer:?}");
    let stored = std::fs::read_to_string(home.log_folder().join("checkpoint")).unwrap();
    assert_eq!(stored, home.log.note(7).to_string());
}

#[test]
fn what_a_stranger_wrote_cannot_paint_over_the_answer() {
    let home = Home::new();
    let origin = "log.example/\u{202e}\u{9b}2J";
    let text = Checkpoint::new(origin, 1, leaf_hash(b"x")).to_text().unwrap();
    let note = Note::sign(&text, &home.log.key).unwrap();
    let answer = home.serve().ask(asked(0, Vec::new(), note.clone()));
    assert!(answer.is(404, "not-found") && answer.body.contains("\\u{202e}\\u{9b}2J"), "{answer:?}");
    let ended = home.cosign(asked(0, Vec::new(), note));
    assert!(ended.exit == 1 && ended.err.contains("\\u{202e}\\u{9b}2J"), "{}", ended.err);
}

#[test]
fn of_many_at_once_only_one_history_is_cosigned() {
    let home = Home::new();
    let running = home.serve();
    assert_eq!(running.ask(home.log.grown(0, 5)).status, 200);
    // Each asks to grow from 5, so that the first to be stored makes all others late.
    let streams: Vec<_> = (6..38).map(|size| (size, running.send(home.log.grown(5, size)))).collect();
    let answers = streams.into_iter().map(|(size, stream)| (size, crate::program::Answer::read(stream)));
    let (cosigned, late): (Vec<_>, Vec<_>) = answers.partition(|(_, answer)| answer.status == 200);
    assert_eq!((cosigned.len(), late.len()), (1, 31));
    let size = cosigned[0].0;
    let told: BTreeSet<_> = late.iter().map(|(_, answer)| (answer.status, answer.body.as_str())).collect();
    assert_eq!(told, [(409, format!("{size}\n").as_str())].into());
}
