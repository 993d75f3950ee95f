//! Seals over a real file: whatever is written or removed while a model becomes ready, its seal covers the files that it has.

use std::sync::Barrier;
use std::thread;

use countersign_control::tracking::{Answer, NewLoggedModel, Status, Tracking, artifact};
use testkit::world;
use types::Digest;

const BY: &str = "person:ana";
const TIMES: u32 = 40;

fn path(text: &str) -> artifact::Path {
    artifact::path(text).unwrap()
}

fn put(tracking: &Tracking, at: &str, bytes: &[u8]) -> Answer<()> {
    let mut upload = tracking.receive(path(at), BY.into(), None)?;
    upload.write(bytes)?;
    tracking.keep(upload)
}

/// Writes what is in a folder as a seal's manifest does.
fn manifest(tracking: &Tracking, folder: &str) -> String {
    let line = |name: String| {
        let opened = tracking.open_artifact(&path(&format!("{folder}/{name}")), |known| Ok((0, known.size)));
        let known = opened.unwrap().unwrap().artifact;
        format!("{} {} {name}\n", known.digest, known.size)
    };
    tracking.list_artifacts(&path(folder)).unwrap().into_iter().map(|listed| line(listed.path)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_covers_the_files_there_are_whatever_is_written_or_removed_meanwhile() {
    let world = world().await;
    let tracking = world.control.tracking().unwrap().clone();
    let (mut late, mut in_time) = (0, 0);
    for n in 0..TIMES {
        let wish = NewLoggedModel { experiment: "0".into(), ..NewLoggedModel::default() };
        let model = tracking.create_logged_model(wish).unwrap().model.id;
        let folder = format!("0/models/{model}/artifacts");
        put(&tracking, &format!("{folder}/kept"), b"weights").unwrap();
        put(&tracking, &format!("{folder}/removed"), b"notes").unwrap();

        let together = Barrier::new(3);
        let races = thread::scope(|scope| {
            let others = [
                scope.spawn(|| {
                    let mut upload = tracking.receive(path(&format!("{folder}/kept")), BY.into(), None)?;
                    upload.write(format!("other weights {n}").as_bytes())?;
                    together.wait();
                    tracking.keep(upload)
                }),
                scope.spawn(|| {
                    together.wait();
                    tracking.remove_artifacts(path(&format!("{folder}/removed")), BY)
                }),
            ];
            together.wait();
            tracking.set_logged_model_status(model.clone(), Status::Ready, BY.into()).unwrap();
            others.map(|other| other.join().unwrap())
        });
        for race in races {
            if race.is_ok() { in_time += 1 } else { late += 1 }
        }

        let seal = world.control.seals(Some(model), String::new()).await.unwrap().remove(0);
        let there = manifest(&tracking, &folder);
        assert_eq!(seal.digest, Digest::plain(there.as_bytes()), "round {n}: the model has\n{there}");
    }
    assert!(late > 0, "{in_time} in time: nothing was ever too late, so nothing was tried");
}
