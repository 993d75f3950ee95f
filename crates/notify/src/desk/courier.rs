//! The courier of one target: takes what is due, sends it, and notes what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use store::outbox::{Noted, Notice, NoticeState, OutboxError};
use types::Millis;

use super::{Desk, Stand, beside};
use crate::event::{Body, CasesTold, Event, EventKind};
use crate::send::Failure;
use crate::settings::Target;

/// Is the longest a courier rests before it looks again, though nobody has told it of news.
const REST_MS: i64 = 1_000;

/// Is how long it rests after the outbox or the records could not be read.
const AGAIN_MS: i64 = 2_000;

/// Is how many events there are, by the names of their kinds.
type Counts = BTreeMap<String, u64>;

/// Is what a courier does next.
enum Step {
    /// It looks again after so many milliseconds, or at the next news.
    Rest(i64),
    /// It sends.
    Send(Box<Notice>, Box<Event>),
    /// It looks again at once.
    Again,
    /// The application has ended.
    Ended,
}

/// Delivers to one target until the source has ended.
pub(super) async fn run(desk: Arc<Desk>, place: usize) {
    let mut news = desk.news.subscribe();
    loop {
        news.mark_unchanged();
        match beside(&desk, move |desk| desk.step(place)).await {
            Some(Step::Ended) => return,
            Some(Step::Again) => {}
            Some(Step::Rest(ms)) => rest(ms, &mut news).await,
            Some(Step::Send(notice, event)) => deliver(&desk, place, *notice, &event).await,
            None => rest(AGAIN_MS, &mut news).await,
        }
    }
}

async fn rest(ms: i64, news: &mut tokio::sync::watch::Receiver<u64>) {
    let pause = Duration::from_millis(u64::try_from(ms.clamp(10, AGAIN_MS)).unwrap_or(10));
    // Whether the time ran out or there is news, the next step looks; the sender lives as long as the desk.
    let _ = tokio::time::timeout(pause, news.changed()).await;
}

async fn deliver(desk: &Arc<Desk>, place: usize, notice: Notice, event: &Event) {
    let (Some(target), Some(now)) = (desk.settings.targets.get(place), desk.source.now()) else { return };
    let sent = desk.sender.send(target, event, now).await;
    let noted = beside(desk, move |desk| desk.note(place, &notice, &sent)).await;
    if let Some(Err(error)) = noted {
        // It is sent again, under the same id.
        tracing::warn!(%error, "that a notice was sent could not be noted");
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

impl Desk {
    fn step(&self, place: usize) -> Step {
        let (Some(target), Some(now)) = (self.settings.targets.get(place), self.source.now()) else {
            return Step::Ended;
        };
        self.next(target, now).unwrap_or_else(|why| {
            tracing::warn!(to = target.name, why, "notices of a target are held up");
            Step::Rest(AGAIN_MS)
        })
    }

    fn next(&self, target: &Target, now: Millis) -> Result<Step, String> {
        let text = |error: OutboxError| error.to_string();
        let mut stand = self.stand(target, now).map_err(text)?;
        stand.bucket.refill(target.per_minute, now.0);
        if stand.stopped {
            return Ok(Step::Rest(REST_MS));
        }
        if now.0 < stand.not_before {
            return Ok(Step::Rest((stand.not_before - now.0).min(REST_MS)));
        }
        if stand.bucket.whole() < 1 && !self.is_loud(target, now).map_err(text)? {
            return Ok(Step::Rest(stand.bucket.wait_ms(target.per_minute).min(REST_MS)));
        }
        if stand.bucket.whole() <= 1 {
            self.join_due(target, now)?;
        }
        let Some((notice, behind)) = self.due(target, now).map_err(text)? else {
            return Ok(Step::Rest(REST_MS));
        };
        let event = if behind.is_empty() { self.source.tell(&notice)? } else { Some(self.together(&notice, &behind)) };
        match event {
            Some(event) => Ok(Step::Send(Box::new(notice), Box::new(event))),
            None => self.outbox().drop_over(&[notice.seq]).map(|()| Step::Again).map_err(text),
        }
    }

    /// Says whether what goes next waits for no rate: it is about a break-glass. Those are few, since there is one at a time.
    fn is_loud(&self, target: &Target, now: Millis) -> Result<bool, OutboxError> {
        let next = self.outbox().next(&target.name, now.0)?;
        Ok(next.and_then(|notice| EventKind::named(&notice.new.kind)).is_some_and(EventKind::is_for_all))
    }

    fn stand(&self, target: &Target, now: Millis) -> Result<Stand, OutboxError> {
        let stored = self.outbox().target(&target.name)?;
        Ok(Stand::read(target, stored.as_deref()).unwrap_or_else(|| Stand::new(target, now.0)))
    }

    /// Joins everything that is due and not over: the last message that the rate lets through stands for all of it.
    fn join_due(&self, target: &Target, now: Millis) -> Result<(), String> {
        let text = |error: OutboxError| error.to_string();
        let due = self.outbox().joinable(&target.name, now.0).map_err(text)?;
        let mut over = Vec::new();
        // One that was counted for others too stays, since nobody knows of those.
        for notice in due.iter().filter(|notice| due.len() > 1 && notice.more == 0) {
            if self.source.tell(notice)?.is_none() {
                over.push(notice.seq);
            }
        }
        let mut outbox = self.outbox();
        outbox.drop_over(&over).map_err(text)?;
        match outbox.next(&target.name, now.0).map_err(text)? {
            Some(lead) if !lead.new.urgent && lead.attempts == 0 => {
                outbox.join(&target.name, lead.seq, now.0).map_err(text)
            }
            _ => Ok(()),
        }
    }

    /// Returns the notice that goes next, with what it stands for besides.
    fn due(&self, target: &Target, now: Millis) -> Result<Option<(Notice, Counts)>, OutboxError> {
        let outbox = self.outbox();
        let Some(notice) = outbox.next(&target.name, now.0)? else { return Ok(None) };
        let behind = outbox.behind(notice.seq)?;
        Ok(Some((notice, behind)))
    }

    fn together(&self, notice: &Notice, behind: &Counts) -> Event {
        let mut counts: BTreeMap<EventKind, u64> = BTreeMap::new();
        let own = (notice.new.kind.clone(), 1);
        for (kind, count) in behind.clone().into_iter().chain([own]) {
            *counts.entry(EventKind::named(&kind).unwrap_or(EventKind::CaseOpened)).or_default() += count;
        }
        let others: u64 = behind.values().sum();
        Event {
            id: format!("{}_with_{others}", notice.new.id),
            at: Millis(notice.new.at),
            link: self.source.inbox(),
            body: Body::Cases(CasesTold { counts }),
        }
    }

    /// Notes what came of an attempt.
    fn note(&self, place: usize, notice: &Notice, sent: &Result<Option<u16>, Failure>) -> Result<(), OutboxError> {
        let (Some(target), Some(now)) = (self.settings.targets.get(place), self.source.now()) else { return Ok(()) };
        let mut stand = self.stand(target, now)?;
        stand.bucket.refill(target.per_minute, now.0);
        stand.bucket.take();
        let attempts = notice.attempts.saturating_add(1);
        let mut noted =
            Noted { state: NoticeState::Sent, attempts, due: notice.new.due, tried: now.0, code: None, status: None };
        match sent {
            Ok(status) => {
                stand.took(now.0);
                noted.status = *status;
            }
            Err(failure) => {
                stand.failed(failure, now.0, self.source.random());
                noted.state = NoticeState::Waiting;
                noted.due = now.0.saturating_add(crate::backoff::after(attempts, self.source.random()));
                noted.code = Some(failure.code.as_str().to_owned());
                noted.status = failure.status;
                let (to, code) = (&target.name, failure.code);
                tracing::info!(to, %code, attempts, "a notice was not delivered");
            }
        }
        self.outbox().note(notice.seq, &noted, (&target.name, &stand.to_bytes()))
    }
}
