//! Which points this thread waits at.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll};

type Waiting = BTreeMap<&'static str, u64>;

thread_local! {
    static LIFE: Cell<u64> = const { Cell::new(0) };
    static LAST: Cell<Option<&'static str>> = const { Cell::new(None) };
    static WAITING: RefCell<Waiting> = const { RefCell::new(Waiting::new()) };
}

/// Is a future that tells where it waits. It is polled and dropped on one thread.
pub struct At<F> {
    future: Pin<Box<F>>,
    point: &'static str,
    /// The life in which it was counted as waiting.
    counted: Option<u64>,
}

impl<F> At<F> {
    pub(super) fn new(point: &'static str, future: F) -> Self {
        Self { future: Box::pin(future), point, counted: None }
    }

    fn goes_on(&mut self) {
        if self.counted.take() == Some(LIFE.get()) {
            WAITING.with_borrow_mut(|waiting| {
                if let Some(count) = waiting.get_mut(self.point) {
                    *count = count.saturating_sub(1);
                }
            });
        }
    }
}

impl<F: Future> Future for At<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        LAST.set(None);
        let polled = self.future.as_mut().poll(context);
        // Where it waits for something that names its own point, it waits there.
        if polled.is_ready() || LAST.get().is_some() {
            self.goes_on();
            return polled;
        }
        LAST.set(Some(self.point));
        if self.counted.is_none() {
            self.counted = Some(LIFE.get());
            WAITING.with_borrow_mut(|waiting| *waiting.entry(self.point).or_default() += 1);
        }
        polled
    }
}

impl<F> Drop for At<F> {
    fn drop(&mut self) {
        self.goes_on();
    }
}

/// Returns the point that something on this thread has come to since this was asked last, if it has come to one.
pub fn last() -> Option<&'static str> {
    LAST.take()
}

/// Returns how many wait at a point.
pub fn waiting(point: &str) -> u64 {
    WAITING.with_borrow(|waiting| waiting.get(point).copied().unwrap_or(0))
}

/// Returns how many wait at each point; none of them is counted any more, as they fall with their process.
pub fn take_all() -> BTreeMap<&'static str, u64> {
    LIFE.set(LIFE.get() + 1);
    let mut waiting = WAITING.take();
    waiting.retain(|_, count| *count > 0);
    waiting
}
