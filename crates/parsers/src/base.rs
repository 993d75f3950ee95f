//! Taking an input apart.

/// Reads values off the front of an input; what is not there reads as zero.
pub(crate) struct Taker<'a>(&'a [u8]);

impl<'a> Taker<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    pub(crate) fn short(&mut self) -> u16 {
        let (low, high) = (self.byte(), self.byte());
        u16::from_le_bytes([low, high])
    }

    pub(crate) fn long(&mut self) -> u64 {
        let mut all = [0; 8];
        let taken = self.take(8);
        all[..taken.len()].copy_from_slice(taken);
        u64::from_be_bytes(all)
    }

    /// Takes at most so many bytes.
    pub(crate) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Takes what is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}

/// Splits an input into texts at its zero bytes; what is not UTF-8 is replaced.
pub(crate) fn texts(bytes: &[u8]) -> Vec<String> {
    bytes.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

/// Cuts an input at the places that its first bytes name, and returns the whole and its pieces.
pub(crate) fn pieces(bytes: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let mut taker = Taker::new(bytes);
    let cuts: Vec<usize> = (0..3).map(|_| usize::from(taker.byte())).collect();
    let whole = taker.rest();
    let mut rest = whole;
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, after) = rest.split_at(cut.min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    (whole, pieces)
}

/// Runs a future to its end on a runtime of its own thread.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
