//! The notes of a run, and the server behind the gateway, which keeps its own in them.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use connectors::mcp::{Answering, Peer};
use serde_json::Value;
use store::Reader;
use types::jsonrpc::Frame;

use crate::bundles::{TOOLS, listed};
use crate::linger;
use crate::told::{Arrival, Event, Told};

/// Is what was written down, in one order.
pub struct Pages {
    moment: u64,
    journal: Reader,
    /// What everybody was told.
    pub events: Vec<Event>,
    /// What reached the server.
    pub arrivals: Vec<Arrival>,
}

/// Is where everybody writes down what they see. Writing is no step: what is seen and its note are one.
#[derive(Clone)]
pub struct Notes(Arc<Mutex<Pages>>);

impl Pages {
    fn now(&mut self) -> (u64, u64) {
        self.moment += 1;
        (self.moment, self.journal.head().unwrap().size)
    }
}

impl Notes {
    /// Begins notes beside a journal.
    pub fn beside(journal: &Path) -> Self {
        let journal = Reader::open(journal).unwrap();
        Self(Arc::new(Mutex::new(Pages { moment: 0, journal, events: Vec::new(), arrivals: Vec::new() })))
    }

    /// Opens the notes. Nobody may take a step before they are closed.
    pub fn open(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap()
    }

    /// Returns the next moment.
    pub fn moment(&self) -> u64 {
        self.open().now().0
    }

    /// Writes down what somebody was told.
    pub fn told(&self, told: Told) {
        let mut pages = self.open();
        let (moment, size) = pages.now();
        pages.events.push(Event { moment, size, told });
    }

    fn arrive(&self, frame: &Frame) -> usize {
        let params: Value = serde_json::from_str(frame.member("params").unwrap()).unwrap();
        let mut pages = self.open();
        let (moment, size) = pages.now();
        pages.arrivals.push(Arrival {
            moment,
            size,
            call: frame.id().unwrap().as_json().parse().unwrap(),
            tool: params["name"].as_str().unwrap().to_owned(),
            arguments: params["arguments"].clone(),
            answered: None,
        });
        pages.arrivals.len() - 1
    }

    fn answer(&self, arrival: usize) {
        let mut pages = self.open();
        let (moment, _) = pages.now();
        pages.arrivals[arrival].answered = Some(moment);
    }
}

impl Peer for Notes {
    fn call(&self, request: Frame) -> Answering {
        let id = request.id().unwrap().clone();
        if request.method() == Some("tools/list") {
            let tools = TOOLS.map(listed).join(",");
            let answer = Frame::result(&id, &format!("{{\"tools\":[{tools}]}}"));
            return Box::pin(async move { Ok(answer) });
        }
        let (notes, arrival) = (self.clone(), self.arrive(&request));
        Box::pin(async move {
            linger();
            notes.answer(arrival);
            Ok(Frame::result(&id, r#"{"content":[]}"#))
        })
    }
}
