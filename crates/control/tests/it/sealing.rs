//! Seals over a real file: whatever is written or removed while a model becomes ready, its seal covers the files that it has.

use std::sync::Barrier;
use std::thread;

use countersign_control::keys::Holder;
use countersign_control::tracking::{Answer, ModelVersionWish, NewLoggedModel, NewRun, Status, Tracking, artifact};
use testkit::{World, world};
use types::{Code, Digest};

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

fn ana() -> Holder {
    Holder { principal: types::Principal::Person("ana".parse().unwrap()), on_behalf_of: None }
}

/// Makes a run with two files of a model and one beside them.
fn run(tracking: &Tracking) -> String {
    let run = tracking.create_run(NewRun { experiment: "0".into(), ..NewRun::default() }).unwrap().run.id;
    for name in ["model/MLmodel", "model/data/weights", "modelled.txt"] {
        put(tracking, &format!("0/{run}/artifacts/{name}"), name.as_bytes()).unwrap();
    }
    run
}

/// Registers the source of a run as a version of `fraud`.
fn register(tracking: &Tracking, run: &str, source: &str) -> Answer<String> {
    let _ = tracking.create_registered_model(&ana(), "fraud".into(), String::new(), Vec::new());
    let wish = ModelVersionWish {
        name: "fraud".into(),
        source: source.into(),
        run: Some(run.into()),
        ..ModelVersionWish::default()
    };
    Ok(tracking.create_model_version(&ana(), wish)?.version.number.to_string())
}

fn refused(done: Answer<()>) -> Option<Code> {
    done.err().and_then(|refused| refused.reason)
}

async fn seals(world: &World) -> Vec<String> {
    world.control.seals(None, String::new()).await.unwrap().into_iter().map(|seal| seal.model).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_run_are_sealed_as_soon_as_they_are_a_version() {
    let world = world().await;
    let tracking = world.control.tracking().unwrap().clone();
    for address in ["mlflow-artifacts:/0/RUN/artifacts/model", "runs:/RUN/model"] {
        let run = run(&tracking);
        let at = |name: &str| format!("0/{run}/artifacts/{name}");
        register(&tracking, &run, &address.replace("RUN", &run)).unwrap();
        assert_eq!(refused(put(&tracking, &at("model/MLmodel"), b"others")), Some(Code::ModelSealed), "{address}");
        assert_eq!(refused(put(&tracking, &at("model/more"), b"more")), Some(Code::ModelSealed));
        assert_eq!(refused(tracking.remove_artifacts(path(&at("model/data")), BY)), Some(Code::ModelSealed));
        assert_eq!(refused(tracking.remove_artifacts(path(&at("")), BY)), Some(Code::ModelSealed));
        put(&tracking, &at("model/MLmodel"), b"model/MLmodel").unwrap();
        put(&tracking, &at("modelled.txt"), b"goes on").unwrap();

        let name = format!("runs:/{run}/model");
        world.control.record_models().await.unwrap();
        let seal = world.control.seals(Some(name.clone()), String::new()).await.unwrap().remove(0);
        let line =
            |name: &str| format!("{} {} {name}\n", Digest::plain(format!("model/{name}").as_bytes()), 6 + name.len());
        assert_eq!(seal.digest, Digest::plain((line("MLmodel") + &line("data/weights")).as_bytes()));
        assert!(seal.record.is_some());
        assert!(world.control.model_signature(name).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_seals_nothing_twice_nothing_empty_and_nothing_of_others() {
    let world = world().await;
    let tracking = world.control.tracking().unwrap().clone();
    let (first, other) = (run(&tracking), run(&tracking));
    register(&tracking, &first, &format!("runs:/{first}/model")).unwrap();
    register(&tracking, &first, &format!("mlflow-artifacts:/0/{first}/artifacts/model/data")).unwrap();
    let only = vec![format!("runs:/{first}/model")];
    assert_eq!(seals(&world).await, only);

    register(&tracking, &other, &format!("runs:/{other}/nothing")).unwrap();
    put(&tracking, &format!("0/{other}/artifacts/nothing/yet"), b"late").unwrap();
    assert!(register(&tracking, &other, &format!("runs:/{first}/modelled.txt")).is_err());
    assert!(register(&tracking, &other, &format!("mlflow-artifacts:/0/{first}/artifacts")).is_err());
    assert!(register(&tracking, &other, "mlflow-artifacts:/0").is_err());
    assert_eq!(seals(&world).await, only);
}
