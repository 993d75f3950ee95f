//! The first start: one process alone makes the keys, whole, and one that was cut off is begun again.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::process::Child;
use std::time::Duration;

use crate::program::{Said, Server, begun, init, log_tail, run, serve, up};

/// Makes a folder with a bundle, and neither data nor keys.
fn fresh() -> tempfile::TempDir {
    let folder = begun();
    for name in ["countersign/data", "countersign/keys"] {
        fs::remove_dir_all(folder.path().join(name)).unwrap();
    }
    folder
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn refused(said: &Said, code: &str) {
    assert!(said.code == 1 && said.err.contains(&format!("code: {code} ")), "{}", said.err);
}

#[test]
fn nobody_makes_keys_in_a_folder_that_another_has() {
    let folder = fresh();
    let dir = folder.path();
    let data = dir.join("countersign/data");
    fs::create_dir(&data).unwrap();
    let lock = File::create(data.join("lock")).unwrap();
    lock.try_lock().unwrap();
    refused(&up(dir), "data-folder-busy");
    assert!(!dir.join("countersign/keys/tenant.key").exists());
    drop(lock);
    drop(Server::up(dir));
}

#[test]
fn of_several_first_starts_one_serves_and_its_keys_are_those_that_are_kept() {
    let folder = fresh();
    let dir = folder.path();
    let mut starts: Vec<Child> = (0..4).map(|_| serve(dir)).collect();
    let announced = || dir.join("countersign/keys/server.json").exists();
    let one = (0..1_200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        announced() && starts.iter_mut().filter_map(|start| start.try_wait().unwrap()).count() == 3
    });
    starts.into_iter().for_each(end);
    assert!(one, "one serves, and the others have ended");
    assert!(log_tail(dir).contains("the first start"));
    drop(Server::up(dir));
    assert!(!log_tail(dir).contains("erased"));
}

#[test]
fn a_first_start_that_could_not_keep_its_key_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let in_the_way = dir.join("countersign/keys/admin.key");
    fs::create_dir_all(&in_the_way).unwrap();
    let cut_off = init(dir);
    assert!(cut_off.code == 1 && cut_off.err.contains("admin.key` cannot be used"), "{}", cut_off.err);
    fs::remove_dir(&in_the_way).unwrap();
    let server = Server::up(dir);
    let key = fs::read_to_string(&in_the_way).unwrap();
    assert_eq!(server.ready["admin_key"], key.trim());
    let listed = run(dir, &["key", "list"]);
    assert_eq!(listed.code, 0, "{}", listed.err);
}

#[test]
fn a_key_file_is_replaced_as_a_whole_and_is_its_owners_alone() {
    let folder = fresh();
    let dir = folder.path();
    let keys = dir.join("countersign/keys");
    fs::DirBuilder::new().mode(0o700).create(&keys).unwrap();
    let (key, aside) = (keys.join("admin.key"), dir.join("aside"));
    fs::write(&key, "old").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    fs::hard_link(&key, &aside).unwrap();
    drop(Server::up(dir));
    assert_eq!(fs::read_to_string(&aside).unwrap(), "old", "the old file was written into");
    assert!(fs::read_to_string(&key).unwrap().starts_with("cs_"));
    for entry in fs::read_dir(&keys).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", entry.path().display());
        assert!(!entry.path().to_string_lossy().ends_with(".writing"));
    }
}

#[test]
fn a_port_that_is_taken_is_told_from_a_folder_that_is() {
    let folder = fresh();
    let dir = folder.path();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(&run(dir, &["up", "--listen", &address]), "address-unusable");
    let server = Server::up(dir);
    let same = server.ready["url"].as_str().unwrap().strip_prefix("http://").unwrap();
    refused(&run(dir, &["up", "--listen", same]), "data-folder-busy");
}
