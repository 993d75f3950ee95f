//! One stream of frames to a client: buffered, numbered, and read again after a break.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use crate::lock;

/// Limits how many frames one stream keeps.
const EVENTS_MAX: usize = 512;

/// Limits how many bytes one stream keeps, unless a single frame is longer.
const BYTES_MAX: usize = 16 << 20;

/// Is one frame on a stream.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Its number on the stream, from 1.
    pub(crate) number: u64,
    /// Its text, on one line.
    pub(crate) text: String,
}

/// Is a stream of frames, read by at most one reader at a time.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Its number in the session; 0 is the one that belongs to no request.
    pub(crate) number: u64,
    inner: Mutex<Inner>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Inner {
    events: VecDeque<Event>,
    bytes: usize,
    last: u64,
    delivered: u64,
    ended: Option<u16>,
    readers: u64,
    attached: bool,
}

/// Says how a stream begins, once that is known.
#[derive(Debug)]
pub(crate) enum Opening {
    /// With its answer, and nothing before it; the number is the HTTP status.
    Answer(String, u16),
    /// It ended without anything: the request was withdrawn.
    Nothing,
    /// With something else, or with nothing for a while.
    Frames,
}

impl Inner {
    /// Makes room for a frame: what was delivered goes first; what was not goes only if nobody reads.
    fn make_room(&mut self, bytes: usize) -> bool {
        while self.events.len() >= EVENTS_MAX || (self.bytes + bytes > BYTES_MAX && !self.events.is_empty()) {
            let kept = self.attached && self.events.front().is_some_and(|event| event.number > self.delivered);
            if kept {
                return false;
            }
            if let Some(event) = self.events.pop_front() {
                self.bytes -= event.text.len();
            }
        }
        true
    }

    fn append(&mut self, text: String) {
        self.last += 1;
        self.bytes += text.len();
        self.events.push_back(Event { number: self.last, text });
    }
}

impl Stream {
    /// Opens a stream.
    pub(crate) fn new(number: u64) -> Arc<Self> {
        Arc::new(Self { number, inner: Mutex::default(), changed: watch::Sender::new(()) })
    }

    /// Adds a frame; waits while a reader is there that has not caught up.
    pub(crate) async fn push(&self, text: String) {
        let mut changes = self.changed.subscribe();
        loop {
            {
                let mut inner = lock(&self.inner);
                if inner.ended.is_some() {
                    return;
                }
                if inner.make_room(text.len()) {
                    inner.append(text);
                    break;
                }
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
        self.changed.send_replace(());
    }

    /// Adds the answer, if there is one, and ends the stream.
    pub(crate) fn finish(&self, answer: Option<(String, u16)>) {
        {
            let mut inner = lock(&self.inner);
            if inner.ended.is_some() {
                return;
            }
            let status = answer.as_ref().map_or(202, |(_, status)| *status);
            if let Some((text, _)) = answer {
                inner.append(text);
            }
            inner.ended = Some(status);
        }
        self.changed.send_replace(());
    }

    /// Says whether nothing more will come.
    pub(crate) fn has_ended(&self) -> bool {
        lock(&self.inner).ended.is_some()
    }

    /// Waits until it is known how the stream begins.
    pub(crate) async fn opening(&self, wait: Duration) -> Opening {
        let mut changes = self.changed.subscribe();
        let known = async {
            loop {
                if let Some(opening) = self.begun() {
                    return opening;
                }
                if changes.changed().await.is_err() {
                    return Opening::Nothing;
                }
            }
        };
        tokio::time::timeout(wait, known).await.unwrap_or(Opening::Frames)
    }

    fn begun(&self) -> Option<Opening> {
        let inner = lock(&self.inner);
        match (inner.ended, inner.events.front()) {
            (Some(status), Some(event)) if inner.last == 1 => Some(Opening::Answer(event.text.clone(), status)),
            (Some(_), None) => Some(Opening::Nothing),
            (None, None) => None,
            _ => Some(Opening::Frames),
        }
    }

    /// Reads the stream from after an event, or from where the last reader stopped; an earlier reader ends.
    pub(crate) fn read(self: &Arc<Self>, after: Option<u64>) -> Reader {
        let changes = self.changed.subscribe();
        let (turn, at) = {
            let mut inner = lock(&self.inner);
            inner.readers += 1;
            inner.attached = true;
            (inner.readers, after.unwrap_or(inner.delivered))
        };
        self.changed.send_replace(());
        Reader { stream: Arc::clone(self), turn, at, changes }
    }
}

/// Reads one stream.
#[derive(Debug)]
pub(crate) struct Reader {
    stream: Arc<Stream>,
    turn: u64,
    at: u64,
    changes: watch::Receiver<()>,
}

enum Step {
    Event(Event),
    End,
    Wait,
}

impl Reader {
    /// Returns the number of the stream.
    pub(crate) fn stream(&self) -> u64 {
        self.stream.number
    }

    /// Waits for the next frame; `None` once the stream has ended or another reader has taken over.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            match self.step() {
                Step::Event(event) => {
                    self.stream.changed.send_replace(());
                    return Some(event);
                }
                Step::End => return None,
                Step::Wait => self.changes.changed().await.ok()?,
            }
        }
    }

    fn step(&mut self) -> Step {
        let mut inner = lock(&self.stream.inner);
        if inner.readers != self.turn {
            return Step::End;
        }
        let next = inner.events.iter().find(|event| event.number > self.at).cloned();
        match next {
            Some(event) => {
                self.at = event.number;
                inner.delivered = inner.delivered.max(event.number);
                Step::Event(event)
            }
            None if inner.ended.is_some() => Step::End,
            None => Step::Wait,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        {
            let mut inner = lock(&self.stream.inner);
            if inner.readers == self.turn {
                inner.attached = false;
            }
        }
        self.stream.changed.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_comes_back_to_where_it_was() {
        let stream = Stream::new(3);
        for text in ["a", "b", "c"] {
            stream.push(text.to_owned()).await;
        }
        let mut reader = stream.read(None);
        assert_eq!(reader.next().await.unwrap().text, "a");
        drop(reader);
        assert_eq!(stream.read(None).next().await.unwrap().text, "b");
        assert_eq!(stream.read(Some(1)).next().await.unwrap().text, "b");
        stream.finish(Some(("d".to_owned(), 200)));
        let mut rest = stream.read(Some(2));
        assert_eq!((rest.next().await.unwrap().text, rest.next().await.unwrap().number), ("c".to_owned(), 4));
        assert!(rest.next().await.is_none());
    }

    #[tokio::test]
    async fn a_second_reader_takes_over() {
        let stream = Stream::new(0);
        let mut first = stream.read(None);
        let mut second = stream.read(None);
        stream.push("a".to_owned()).await;
        assert!(first.next().await.is_none());
        assert_eq!(second.next().await.unwrap().text, "a");
    }

    #[tokio::test]
    async fn the_buffer_is_bounded_where_nobody_reads() {
        let stream = Stream::new(0);
        for n in 0..EVENTS_MAX + 10 {
            stream.push(n.to_string()).await;
        }
        assert_eq!(stream.read(Some(0)).next().await.unwrap().text, "10");
    }
}
