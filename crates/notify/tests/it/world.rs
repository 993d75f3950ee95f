//! A scripted application, and events to tell.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use countersign_notify::event::{AskedTold, Body, CaseTold};
use countersign_notify::source::{Followed, Found};
use countersign_notify::{Event, EventKind, Source};
use store::outbox::{Cursor, Notice};
use types::{CaseId, Millis};

/// Is when every script begins.
pub const START: i64 = 1_767_607_200_000;

/// Is an application in which things happen as a test says.
#[derive(Default)]
pub struct Script {
    now: AtomicI64,
    random: AtomicU64,
    over: AtomicBool,
    happened: Mutex<Vec<Found>>,
    /// What a notice tells, by its `about`; one that is not here is over.
    told: Mutex<BTreeMap<String, Event>>,
}

impl Script {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { now: AtomicI64::new(START), ..Self::default() })
    }

    pub fn now_ms(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    pub fn advance(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    /// Ends the application: every task of its desk ends.
    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Has a case opened that waits for ten minutes.
    pub fn open(&self, number: u64) -> String {
        self.happen(number, EventKind::CaseOpened, 600_000)
    }

    pub fn happen(&self, number: u64, kind: EventKind, lasts_ms: i64) -> String {
        let (at, id) = (Millis(self.now_ms()), format!("{}_{number}", kind.as_str()));
        let about = format!("{}/{number}", kind.as_str());
        let event = Event { id: id.clone(), ..case_event(kind) };
        self.told.lock().unwrap().insert(about.clone(), event);
        self.happened.lock().unwrap().push(Found {
            id: id.clone(),
            kind,
            about,
            at,
            due: at,
            until: at.plus(lasts_ms),
            groups: ["owners".to_owned()].into(),
            profiles: ["owner".to_owned()].into(),
        });
        id
    }

    /// Has what a notice tells be over.
    pub fn forget(&self, number: u64, kind: EventKind) {
        self.told.lock().unwrap().remove(&format!("{}/{number}", kind.as_str()));
    }
}

impl Source for Script {
    fn now(&self) -> Option<Millis> {
        (!self.over.load(Ordering::SeqCst)).then(|| Millis(self.now_ms()))
    }

    fn random(&self) -> u64 {
        self.random.fetch_add(1, Ordering::SeqCst)
    }

    fn follow(&self, from: Option<Cursor>) -> Result<Followed, String> {
        let happened = self.happened.lock().unwrap();
        let from = from.map_or(happened.len(), |cursor| usize::try_from(cursor.record).unwrap());
        let to = happened.len().min(from + 100);
        let cursor = Cursor { log: 1, record: to as u64 };
        Ok(Followed { cursor, found: happened[from..to].to_vec(), more: to < happened.len() })
    }

    fn tell(&self, notice: &Notice) -> Result<Option<Event>, String> {
        Ok(self.told.lock().unwrap().get(&notice.new.about).cloned())
    }

    fn inbox(&self) -> String {
        "https://c.example/v1/approvals".to_owned()
    }
}

pub fn case_event(kind: EventKind) -> Event {
    let case = CaseId::draw(Millis(START), [7; 10]);
    let told = CaseTold {
        case,
        requester: "agent:sre-bot".to_owned(),
        tool: "sre.restart".parse().unwrap(),
        environment: Some("prod".to_owned()),
        asked: vec![AskedTold {
            profile: "owner".parse().unwrap(),
            group: "owners".to_owned(),
            approvals: 1,
            until: Millis(START + 600_000),
        }],
        expires: Millis(START + 600_000),
        state: "open",
    };
    Event {
        id: format!("{case}_opened"),
        at: Millis(START),
        link: format!("https://c.example/inbox/{case}"),
        body: Body::Case(kind, told),
    }
}
