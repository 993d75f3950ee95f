//! A batch: what one transaction adds.

/// Is a record as the journal stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// The leaf's exact bytes.
    pub leaf: Vec<u8>,
    /// The number of the leaf's kind, for listing.
    pub kind: u8,
    /// The action it belongs to, as 16 bytes.
    pub action: Option<[u8; 16]>,
    /// The session it belongs to, as 16 bytes.
    pub session: Option<[u8; 16]>,
    /// The sealed content.
    pub sealed: Vec<u8>,
    /// The numbers of the subjects whose keys seal it, in the order the record key needs.
    pub subjects: Vec<i64>,
}

/// Is a subject that first appears in this batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSubject {
    /// The number it gets; numbers are handed out by the one writer, ascending.
    pub id: i64,
    /// A keyed tag over the subject's name, so that the name itself is not stored.
    pub tag: [u8; 32],
    /// Its key, wrapped.
    pub wrapped: Vec<u8>,
}

/// Is the end of a subject: its key goes, and with it the contents that were sealed under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// The subject's number.
    pub subject: i64,
    /// The records whose contents go; those of this same batch may be among them.
    pub records: Vec<Erased>,
}

/// Is one record that loses its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Its index.
    pub seq: u64,
    /// The index of the record that says so.
    pub by: u64,
}

/// Is one change of what the next decision reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateOp {
    /// Sets a value.
    Put {
        /// The table-like kind, such as `case`.
        kind: &'static str,
        /// The key within the kind.
        key: String,
        /// The value in canonical bytes.
        value: Vec<u8>,
    },
    /// Removes a value.
    Delete {
        /// The table-like kind.
        kind: &'static str,
        /// The key within the kind.
        key: String,
    },
}

impl StateOp {
    /// Returns the kind and key it is about.
    pub fn place(&self) -> (&'static str, &str) {
        match self {
            Self::Put { kind, key, .. } | Self::Delete { kind, key } => (kind, key),
        }
    }
}

/// Is where the journal ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// How many records there are.
    pub size: u64,
    /// The right edge of the Merkle tree over them, as `tlog` writes it.
    pub frontier: Vec<u8>,
    /// Grows each time a writer takes over; a writer with an older epoch cannot commit.
    pub epoch: u64,
    /// How many batches were ever committed, those without records included.
    pub commits: u64,
}

impl Head {
    /// Returns where the journal ends once a batch is in.
    #[must_use]
    pub fn after(&self, batch: &Batch) -> Self {
        Self {
            size: self.size + batch.records.len() as u64,
            frontier: batch.frontier.clone(),
            epoch: self.epoch,
            commits: self.commits + 1,
        }
    }
}

/// Is what one transaction adds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// The records, in order; the first gets the index `size` of the head before.
    pub records: Vec<NewRecord>,
    /// The subjects that first appear.
    pub subjects: Vec<NewSubject>,
    /// The changes of state, in order.
    pub state: Vec<StateOp>,
    /// The subjects that end, once all of the above is in.
    pub erasures: Vec<Erasure>,
    /// The right edge of the tree afterwards.
    pub frontier: Vec<u8>,
}
