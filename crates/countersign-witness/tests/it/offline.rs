//! `cosign`: the same request from a file, for a witness without a network.

use crate::program::{Home, Log};

#[test]
fn a_request_from_a_file_is_cosigned_like_one_over_http() {
    let home = Home::new();
    let first = home.cosign(home.log.grown(0, 7));
    assert_eq!((first.exit, first.err.as_str()), (0, ""));
    home.check(&home.log.note(7), &first.out);
    let running = home.serve();
    assert_eq!(running.ask(home.log.grown(7, 9)).status, 200);
    running.kill();
    let third = home.cosign(home.log.grown(9, 11));
    home.check(&home.log.note(11), &third.out);
}

#[test]
fn the_same_checks_have_exit_codes() {
    let home = Home::new();
    assert_eq!(home.cosign(home.log.grown(0, 7)).exit, 0);
    let stranger = Log::with_seed("log.example", 9);
    let cases = [
        (Log::new("other.example").grown(0, 9).to_string(), 1, "not-found"),
        (stranger.grown(7, 9).to_string(), 1, "evidence-broken"),
        (home.log.grown(10, 9).to_string(), 2, "request-invalid"),
        (home.log.grown(3, 9).to_string(), 1, "state-conflict"),
        (home.log.fork().grown(7, 9).to_string(), 1, "evidence-broken"),
        (home.log.fork().grown(7, 7).to_string(), 1, "evidence-broken"),
        ("no request".to_owned(), 2, "request-invalid"),
        ("x".repeat(300_000), 2, "payload-too-large"),
    ];
    for (request, exit, code) in cases {
        let ended = home.cosign(&request);
        assert_eq!((ended.exit, ended.out.as_str()), (exit, ""), "{request}: {}", ended.err);
        assert!(ended.err.contains(&format!("\n code: {code}\n")), "{request}: {}", ended.err);
    }
    assert_eq!(home.cosign(home.log.grown(7, 9)).exit, 0);
    let missing = home.run(&["cosign", "DIR", "no such file"]);
    assert!(missing.exit == 2 && missing.err.contains("code: file-unusable"), "{}", missing.err);
}

#[test]
fn cosignatures_that_nobody_could_read_are_not_done() {
    let home = Home::new();
    let path = home.dir.with_extension("request");
    std::fs::write(&path, home.log.grown(0, 7).to_string()).unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_countersign-witness"))
        .args(["cosign", home.dir.to_str().unwrap(), path.to_str().unwrap()])
        .stdout(full)
        .stderr(std::process::Stdio::null())
        .status();
    assert_eq!(status.unwrap().code(), Some(1));
    assert_eq!(home.cosign(home.log.grown(7, 7)).exit, 0, "the checkpoint is stored, and is cosigned again on request");
}
