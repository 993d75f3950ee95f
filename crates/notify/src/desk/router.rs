//! The router: finds what is to be told, and puts it into the outbox of every target that wants it.

use std::sync::Arc;
use std::time::Duration;

use store::outbox::{Cursor, NewNotice};

use super::{Desk, beside};
use crate::settings::Target;
use crate::source::Found;

/// Is how long the router rests when there is nothing new.
const REST: Duration = Duration::from_millis(200);

/// Is how long it rests after it could not go on.
const AGAIN: Duration = Duration::from_secs(2);

/// Is how many notices wait for a target before further ones are only counted.
pub const ROOM: u64 = 1_000;

/// Is how often what has had its time is swept away, in milliseconds.
const SWEEP_EVERY_MS: i64 = 5_000;

/// Is how long finished notices are kept, in milliseconds.
const KEEP_MS: i64 = 30 * 86_400_000;

/// Is what came of one round.
enum Round {
    /// There is more to be found already.
    More(Cursor),
    /// Everything was found.
    Rest(Cursor),
    /// The application has ended.
    Ended,
}

/// Follows until the source has ended.
pub(super) async fn run(desk: Arc<Desk>) {
    let (mut cursor, mut swept) = (None, i64::MIN);
    loop {
        let round = beside(&desk, move |desk| desk.route(cursor)).await;
        match round {
            Some(Ok(Round::Ended)) => return,
            Some(Ok(Round::More(at))) => cursor = Some(at),
            Some(Ok(Round::Rest(at))) => {
                cursor = Some(at);
                tokio::time::sleep(REST).await;
            }
            Some(Err(why)) => {
                tracing::warn!(%why, "notifications are held up");
                tokio::time::sleep(AGAIN).await;
            }
            None => tokio::time::sleep(AGAIN).await,
        }
        swept = beside(&desk, move |desk| desk.sweep(swept)).await.unwrap_or(swept);
    }
}

impl Desk {
    /// Notes where a first start begins; later ones go on from where the one before had come to.
    pub(super) fn take_place(&self) -> Result<(), String> {
        let known = self.outbox().cursor().map_err(|error| error.to_string())?;
        if known.is_none() { self.route(None).map(drop) } else { Ok(()) }
    }

    /// Finds what is new since a place and puts it into the outbox, together with the place.
    fn route(&self, from: Option<Cursor>) -> Result<Round, String> {
        if self.source.now().is_none() {
            return Ok(Round::Ended);
        }
        let from = match from {
            None => self.outbox().cursor().map_err(|error| error.to_string())?,
            from => from,
        };
        let followed = self.source.follow(from)?;
        let new: Vec<NewNotice> = followed.found.iter().flat_map(|found| self.addressed(found)).collect();
        if from != Some(followed.cursor) || !new.is_empty() {
            self.outbox().add(followed.cursor, &new, ROOM).map_err(|error| error.to_string())?;
        }
        if !new.is_empty() {
            self.news.send_modify(|n| *n = n.wrapping_add(1));
        }
        Ok(if followed.more { Round::More(followed.cursor) } else { Round::Rest(followed.cursor) })
    }

    fn addressed(&self, found: &Found) -> impl Iterator<Item = NewNotice> {
        let groups: Vec<&str> = found.groups.iter().map(String::as_str).collect();
        let profiles: Vec<&str> = found.profiles.iter().map(String::as_str).collect();
        let wants = |target: &&Target| target.wants(found.kind, &groups, &profiles);
        let new = |target: &Target| NewNotice {
            target: target.name.clone(),
            id: found.id.clone(),
            kind: found.kind.as_str().to_owned(),
            about: found.about.clone(),
            urgent: !found.kind.may_join(),
            at: found.at.0,
            due: found.due.0,
            until: found.until.0,
        };
        self.settings.targets.iter().filter(wants).map(new).collect::<Vec<_>>().into_iter()
    }

    /// Ends what has had its time, now and then; returns when that was last done.
    fn sweep(&self, swept: i64) -> i64 {
        let Some(now) = self.source.now() else { return swept };
        if now.0.saturating_sub(swept) < SWEEP_EVERY_MS {
            return swept;
        }
        match self.outbox().sweep(now.0, now.0.saturating_sub(KEEP_MS)) {
            Ok(0) => {}
            Ok(ended) => tracing::warn!(ended, "notices were not delivered in time"),
            Err(error) => tracing::warn!(%error, "the outbox was not swept"),
        }
        now.0
    }
}
