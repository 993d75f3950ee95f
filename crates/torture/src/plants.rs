//! Planted faults: what the checker must see, on the real programs, before anything it says is believed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::aim::Aim;
use crate::checker::Rule;
use crate::program::copy;
use crate::round::{Round, Stage, judge, play};
use crate::watcher::Change;

/// Is how many kills a round with a planted fault has.
const KILLS: u64 = 3;

/// Names a planted fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// The target acts twice now and then.
    ActsTwice,
    /// The target acts though nobody asked.
    ActsAlone,
    /// After the last kill an older copy of the whole folder, keys and all, is put back.
    OlderFolder,
    /// After the last kill an older copy of the data folder alone is put back.
    OlderData,
}

impl Plant {
    /// Lists them all.
    pub const ALL: [Self; 4] = [Self::ActsTwice, Self::ActsAlone, Self::OlderFolder, Self::OlderData];

    /// Says it in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ActsTwice => "the target acts twice",
            Self::ActsAlone => "the target acts without a record",
            Self::OlderFolder => "an older copy of the whole folder is put back",
            Self::OlderData => "an older copy of the data folder alone is put back",
        }
    }

    /// Says where a kill is aimed, so that there is something to see: after the first, calls are answered that an older
    /// copy does not have, and before the last one the head file sees more than such a copy holds.
    pub(crate) fn aim(self, n: u64, kills: u64) -> Option<Aim> {
        if n == 0 {
            return None;
        }
        Some(if n + 1 == kills { Aim::File(Change::HeadSaved, 1) } else { Aim::Told(40) })
    }

    /// Does what is planted between a kill and the next start.
    pub(crate) fn after_kill(self, round: &Round<'_>, n: u64, kills: u64) -> Result<(), String> {
        let (first, last) = (n == 0, n + 1 == kills);
        match self {
            Self::ActsTwice if first => round.stage.sink.act_twice(5),
            Self::ActsAlone if first => round.stage.sink.act_alone("nobody-1")?,
            Self::OlderFolder | Self::OlderData if first => copy(&round.folder, &older(&round.folder))?,
            Self::OlderFolder if last => {
                put_back(&round.folder, "data")?;
                put_back(&round.folder, "keys")?;
            }
            Self::OlderData if last => put_back(&round.folder, "data")?,
            _ => {}
        }
        Ok(())
    }

    /// Says what is missing from what must be found.
    fn missed(self, played: Result<Vec<Rule>, String>) -> Option<String> {
        let wanted: &[Rule] = match self {
            Self::ActsTwice => &[Rule::DoubleEffect],
            Self::ActsAlone => &[Rule::UnrecordedEffect],
            Self::OlderFolder => &[Rule::LostRecord, Rule::UnrecordedEffect],
            Self::OlderData => {
                let refused = matches!(&played, Err(why) if why.contains("journal-behind"));
                return (!refused).then(|| format!("the server did not refuse: {played:?}"));
            }
        };
        match played {
            Ok(rules) if wanted.iter().all(|rule| rules.contains(rule)) => None,
            other => Some(format!("{wanted:?} were to be found, and there is {other:?}")),
        }
    }
}

fn older(folder: &Path) -> PathBuf {
    folder.with_extension("older")
}

/// Puts the older copy of a folder back in place of the present one.
fn put_back(folder: &Path, name: &str) -> Result<(), String> {
    fs::remove_dir_all(folder.join(name)).map_err(|error| error.to_string())?;
    copy(&older(folder).join(name), &folder.join(name))
}

/// Plays a short round with each planted fault below a folder.
///
/// # Errors
///
/// The planted fault that was not seen.
pub async fn all_are_seen(stage: &Stage, below: &Path) -> Result<(), String> {
    for (n, plant) in Plant::ALL.into_iter().enumerate() {
        let folder = below.join(format!("plant-{n}"));
        let played = play(stage, &folder, &format!("p{n}"), KILLS, Some(plant)).await;
        stage.sink.act_twice(0);
        let judged = match played {
            Ok(left) => judge(stage.programs.clone(), folder.clone(), left).await,
            Err(why) => Err(why),
        };
        let rules = judged.map(|(_, violations)| violations.into_iter().map(|violation| violation.rule).collect());
        if let Some(why) = plant.missed(rules) {
            return Err(format!("the planted fault was not seen: {}: {why}", plant.name()));
        }
        for path in [folder.clone(), older(&folder)].iter().filter(|path| path.exists()) {
            fs::remove_dir_all(path).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}
