//! Losses of power, kills and faults: nothing that was acknowledged is lost.

use countersign_sim::apart::{Asked, play_apart};
use countersign_sim::{Counts, again, power_loss};

#[test]
fn a_thousand_losses_take_nothing_that_was_acknowledged() {
    let mut counts = Counts::default();
    let mut seed = 0;
    while counts.losses < 1_000 {
        counts += power_loss(seed)
            .unwrap_or_else(|violation| panic!("{}: {violation}", again::line("power-loss", seed, None)))
            .counts;
        seed += 1;
    }
    println!("{counts}{seed} seeds");
    let Counts { acks, whole, absent, published, taken_over, marks, rot_head_refused, .. } = counts;
    let Counts {
        rot_journal_refused, rot_log_refused, rot_mark_harmless, rot_published_refused, edited_refused, ..
    } = counts;
    let Counts { faults_read, faults_write, faults_sync, faults_full, writes_torn, .. } = counts;
    for (what, count) in [
        ("acks", acks),
        ("whole", whole),
        ("absent", absent),
        ("published", published),
        ("taken over", taken_over),
        ("marks", marks),
        ("rot in the journal", rot_journal_refused),
        ("rot in the log", rot_log_refused),
        ("rot in the mark", rot_mark_harmless),
        ("edited records", edited_refused),
        ("rot in the head file", rot_head_refused),
        ("rot in published files", rot_published_refused),
        ("reads", faults_read),
        ("writes", faults_write),
        ("syncs", faults_sync),
        ("full", faults_full),
        ("torn", writes_torn),
    ] {
        assert!(count > 10, "{what}: only {count}; what is not tried is not shown");
    }
}

#[test]
fn a_seed_does_the_same_again_whatever_ran_before() {
    let first = power_loss(3).unwrap();
    power_loss(4).unwrap();
    assert_eq!(power_loss(3).unwrap(), first);
}

#[test]
fn a_seed_does_the_same_in_a_process_of_its_own() {
    let asked = Asked {
        program: env!("CARGO_BIN_EXE_countersign-sim").into(),
        words: vec!["power-loss".into()],
        from: 0,
        to: 0,
        each: 1,
        threads: 1,
        stop_early: false,
    };
    for played in play_apart(&asked, 3, 5) {
        assert_eq!(played.digest, format!("{:016x}", power_loss(played.seed).unwrap().trace));
        assert_eq!(play_apart(&asked, played.seed, played.seed + 1), [played]);
    }
}
