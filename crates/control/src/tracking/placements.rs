//! Where aliases, stages and what is to run stand, held against the moves that led them there.

use models::names::Stage;
use store::tracking::{ModelMove, MoveKind, Placement};

use super::incidents::{Thing, Wrong};
use super::{Answer, Tracking};

/// Is how many are read from one moment.
const AT_ONCE: u64 = 1_000;

/// Are the kinds of moves that lead something to where it stands, each with what that is.
pub(crate) const KINDS: [(MoveKind, Thing); 3] = [
    (MoveKind::AliasMoved, Thing::Alias),
    (MoveKind::StageMoved, Thing::Stage),
    (MoveKind::DeploymentMoved, Thing::Declaration),
];

/// Is something that stands somewhere, with the last move of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) thing: Thing,
    pub(crate) model: String,
    pub(crate) name: String,
    pub(crate) stands: Option<String>,
    pub(crate) last: Option<ModelMove>,
}

impl Placed {
    /// Says what is wrong where the history leads elsewhere.
    pub(crate) fn elsewhere(&self) -> Option<Wrong> {
        let led = self.last.as_ref().and_then(|last| somewhere(last.after.clone()));
        if led == self.stands {
            return None;
        }
        let wrong = match self.thing {
            Thing::Stage => "stage-around-the-road",
            Thing::Declaration => "declaration-around-the-road",
            Thing::Alias | Thing::Deployment => "alias-around-the-road",
        };
        Some(Wrong { wrong, declared: led, observed: self.stands.clone(), means: None })
    }
}

/// Takes the stage of what is in none for nothing.
fn somewhere(after: Option<String>) -> Option<String> {
    after.filter(|after| after != Stage::None.name())
}

impl Tracking {
    /// Reads everything of a kind that stands somewhere, or should, and gives it to `each`, a page at a time and from one moment each.
    pub(crate) fn each_placed(
        &self,
        (kind, thing): (MoveKind, Thing),
        each: &mut dyn FnMut(Placed) -> Answer<()>,
    ) -> Answer<()> {
        let mut after = (0, String::new());
        loop {
            let page = self.placed(thing, |view| view.placements(kind, &after, AT_ONCE))?;
            let Some((model, last)) = page.last().map(|(one, _)| (one.model, one.of.clone())) else { break };
            after = (model, last);
            page.into_iter().try_for_each(|(_, placed)| each(placed))?;
        }
        let mut after = 0;
        loop {
            let page = self.placed(thing, |view| view.placements_gone(kind, after, AT_ONCE))?;
            let Some(last) = page.last().and_then(|(one, _)| one.last) else { return Ok(()) };
            after = last;
            page.into_iter().try_for_each(|(_, placed)| each(placed))?;
        }
    }

    fn placed(
        &self,
        thing: Thing,
        read: impl Fn(&store::tracking::View<'_>) -> Result<Vec<Placement>, store::tracking::TrackingError>,
    ) -> Answer<Vec<(Placement, Placed)>> {
        self.kept.view(|view| {
            let with_move = |one: Placement| {
                let last = one.last.map_or(Ok(None), |seq| view.model_move(seq))?;
                let (model, name, stands) = (one.name.clone(), one.of.clone(), one.stands.clone());
                Ok((one, Placed { thing, model, name, stands, last }))
            };
            read(view)?.into_iter().map(with_move).collect()
        })
    }
}
