//! Tokio's watch channel with a step before each use, where another thread may go on.
//!
//! Of all of tokio's channels this one alone is used without a lock of ours around it: whoever waits looks, and asks for the next
//! change only then.

use tokio::sync::watch::Ref;
use tokio::sync::watch::error::RecvError;

fn step() {
    shuttle::thread::sleep(std::time::Duration::ZERO);
}

/// Is the end that changes the value.
#[derive(Debug, Default)]
pub struct Sender<T>(tokio::sync::watch::Sender<T>);

/// Is an end that sees the value.
#[derive(Debug, Clone)]
pub struct Receiver<T>(tokio::sync::watch::Receiver<T>);

/// Makes both ends.
pub fn channel<T>(first: T) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = tokio::sync::watch::channel(first);
    (Sender(sender), Receiver(receiver))
}

impl<T> Sender<T> {
    /// Changes the value.
    pub fn send_modify(&self, change: impl FnOnce(&mut T)) {
        step();
        self.0.send_modify(change);
    }

    /// Changes the value, and says so if it has changed.
    pub fn send_if_modified(&self, change: impl FnOnce(&mut T) -> bool) -> bool {
        step();
        self.0.send_if_modified(change)
    }

    /// Returns an end that has seen the value as it is now.
    pub fn subscribe(&self) -> Receiver<T> {
        step();
        Receiver(self.0.subscribe())
    }
}

impl<T> Receiver<T> {
    /// Waits until there is a value that was not seen.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if nobody can change it any more.
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        step();
        self.0.changed().await
    }

    /// Takes the value as it is now for seen.
    pub fn mark_unchanged(&mut self) {
        step();
        self.0.mark_unchanged();
    }

    /// Waits until the value is as told.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if nobody can change it any more.
    pub async fn wait_for(&mut self, is: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, RecvError> {
        step();
        self.0.wait_for(is).await
    }
}
