//! What is taken over from elsewhere: logs of W&B, and what MLflow's server answers.

use models::Given;
use models::imports::mlflow;
use models::imports::wandb::{self, BLOCK_BYTES, Gathered, Log, Record};
use types::imports::Item;

/// Logs and answers: a log is read the same in blocks whatever stands behind it, as many points come out of it as were counted, and an item is read as
/// it was written.
pub fn imports(bytes: &[u8]) {
    log(bytes);
    let _ = wandb::read(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(item) = serde_json::from_str::<Item>(text) {
        let written = serde_json::to_string(&item).unwrap();
        assert_eq!(serde_json::from_str::<Item>(&written).unwrap(), item);
    }
    let Some(given) = Given::read(text) else { return };
    let _ = (mlflow::run(&given), mlflow::logged_model(&given, true), mlflow::registered_model(&given));
    let _ =
        (mlflow::experiment(&given), mlflow::model_version(&given), mlflow::point(&given), mlflow::next_page(&given));
    if let Ok(entry) = mlflow::entry(&given) {
        assert!(!entry.path.is_empty());
    }
}

fn log(bytes: &[u8]) {
    let (mut log, mut gathered, mut counted) = (Log::default(), Gathered::default(), 0);
    for block in bytes.chunks(BLOCK_BYTES) {
        let Ok(records) = log.block(block) else { return };
        for record in records {
            let Ok(record) = wandb::read(&record) else { return };
            if let Record::History(history) = &record {
                let Ok(points) = wandb::points(history) else { return };
                counted += points.len();
            }
            gathered.add(record);
        }
    }
    let Ok(found) = gathered.found() else { return };
    assert_eq!(usize::try_from(found.points).unwrap(), counted);
    assert!(found.run.params.iter().all(|(key, _)| !key.is_empty()));
}
