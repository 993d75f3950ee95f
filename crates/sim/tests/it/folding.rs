//! Folding the write-ahead log in on a disk whose syncs fail.

use countersign_sim::disk::{Disk, Fails, Fault};
use countersign_sim::install;
use store::{Batch, StateOp, Wal, Writer};

/// A journal whose log holds some hundred pages of state.
fn long_log(disk: &Disk) -> Wal {
    let path = disk.root().join("journal.db");
    let mut writer = Writer::open(&path).unwrap();
    let put = |n: usize| StateOp::Put { kind: "session", key: format!("{n:04}"), value: vec![7; 4_000] };
    writer.commit(&Batch { state: (0..500).map(put).collect(), ..Batch::default() }).unwrap();
    Wal::open(&path).unwrap()
}

#[test]
fn each_sync_of_a_folding_that_fails_fails_the_folding() {
    install();
    let (mut failed, mut after) = (0, 0);
    loop {
        let disk = Disk::new(1);
        let wal = long_log(&disk);
        disk.plan(Some(Fault { fails: Fails::Sync, after, times: 1, kills: false }));
        let folded = wal.fold();
        if disk.counts().faults_sync == 0 {
            assert!(folded.is_ok(), "no sync has failed: {folded:?}");
            break;
        }
        assert!(folded.is_err(), "the sync after {after} others has failed, and it says {folded:?}");
        (failed, after) = (failed + 1, after + 1);
    }
    assert!(failed > 3, "the log, a portion or more of the main file, and what is left of it: only {failed}");
}
