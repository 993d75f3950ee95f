//! The keys at hand: the log's signing key, the tenant key, and the subjects' keys it unwraps.

use std::collections::{BTreeMap, HashMap};

use evidence::{RecordKey, SealError, SubjectKey, TenantKey, WrappedKey};
use store::{NewSubject, StoreError};
use types::id::RecordId;
use types::{Code, cbor};

use crate::port::{Random, draw};
use crate::ring::LogRing;

/// Is what a journal needs from the key folder.
#[derive(Clone)]
pub struct LogKeys {
    /// Wraps the subjects' keys.
    pub tenant: TenantKey,
    /// Sign checkpoints; their name is the log's origin.
    pub log: LogRing,
}

impl std::fmt::Debug for LogKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogKeys({:?})", self.log)
    }
}

/// Says why the subjects' keys cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A subject's key was wrapped under another tenant key.
    #[error("a subject's key does not open with this tenant key: {0}")]
    Keys(SealError),
}

impl KeyringError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Keys(_) => Code::KeysUnusable,
        }
    }
}

fn damaged(why: impl std::fmt::Display) -> KeyringError {
    StoreError::Damaged(format!("a subject's stored key cannot be read: {why}")).into()
}

/// Holds the keys of all subjects that were ever written about and not erased.
#[derive(Debug)]
pub struct Subjects {
    tenant: TenantKey,
    common: SubjectKey,
    by_tag: BTreeMap<[u8; 32], i64>,
    /// The subjects met since the start, so that a tag is computed once for each.
    by_name: HashMap<String, i64>,
    by_id: BTreeMap<i64, SubjectKey>,
    next: i64,
}

impl Subjects {
    /// Unwraps the stored subjects.
    ///
    /// # Errors
    ///
    /// [`KeyringError::Keys`] if a key was wrapped under another tenant key; [`StoreError::Damaged`] if a row is none
    /// that was ever stored.
    pub fn load(tenant: TenantKey, rows: Vec<store::reader::SubjectRow>) -> Result<Self, KeyringError> {
        let common = tenant.common();
        let mut all =
            Self { tenant, common, by_tag: BTreeMap::new(), by_name: HashMap::new(), by_id: BTreeMap::new(), next: 1 };
        for row in rows {
            let tag: [u8; 32] = row.tag.as_slice().try_into().map_err(|_| damaged("its tag is not of 32 bytes"))?;
            let wrapped: WrappedKey = cbor::decode(&row.wrapped).map_err(damaged)?;
            let key = all.tenant.unwrap(&hex::encode(tag), &wrapped).map_err(KeyringError::Keys)?;
            all.next = all.next.max(row.id + 1);
            all.by_tag.insert(tag, row.id);
            all.by_id.insert(row.id, key);
        }
        Ok(all)
    }

    /// Reads the stored subjects of a journal.
    ///
    /// # Errors
    ///
    /// [`KeyringError`], as described there.
    pub fn read(tenant: &TenantKey, reader: &store::Reader) -> Result<Self, KeyringError> {
        Self::load(tenant.clone(), reader.subjects()?)
    }

    /// Returns the number of a subject that was written about and not erased.
    pub fn number_of(&self, subject: &str) -> Option<i64> {
        self.by_tag.get(&self.tenant.tag(subject)).copied()
    }

    /// Forgets an erased subject; its key is overwritten in memory.
    pub fn forget(&mut self, number: i64) {
        self.by_tag.retain(|_, known| *known != number);
        self.by_name.retain(|_, known| *known != number);
        self.by_id.remove(&number);
    }

    /// Returns the numbers of the subjects, adding those that are new to `added`.
    ///
    /// # Errors
    ///
    /// [`SealError::Cipher`] if a new key cannot be wrapped.
    pub fn numbers(
        &mut self,
        subjects: &[String],
        random: &dyn Random,
        added: &mut Vec<NewSubject>,
    ) -> Result<Vec<i64>, SealError> {
        subjects.iter().map(|subject| self.known(subject, random, added)).collect()
    }

    fn known(&mut self, subject: &str, random: &dyn Random, added: &mut Vec<NewSubject>) -> Result<i64, SealError> {
        if let Some(id) = self.by_name.get(subject) {
            return Ok(*id);
        }
        let id = self.number(subject, random, added)?;
        self.by_name.insert(subject.to_owned(), id);
        Ok(id)
    }

    fn number(&mut self, subject: &str, random: &dyn Random, added: &mut Vec<NewSubject>) -> Result<i64, SealError> {
        let tag = self.tenant.tag(subject);
        if let Some(id) = self.by_tag.get(&tag) {
            return Ok(*id);
        }
        let key = SubjectKey::from_bytes(draw(random));
        let wrapped = cbor::encode(&self.tenant.wrap(&hex::encode(tag), &key, draw(random))?);
        let id = self.next;
        self.next += 1;
        self.by_tag.insert(tag, id);
        self.by_id.insert(id, key);
        added.push(NewSubject { id, tag, wrapped });
        Ok(id)
    }

    /// Derives the key of a record; `None` if the key of one of its subjects is gone.
    pub fn record_key(&self, record: &RecordId, numbers: &[i64]) -> Option<RecordKey> {
        let keys: Option<Vec<&SubjectKey>> = numbers.iter().map(|id| self.by_id.get(id)).collect();
        Some(RecordKey::derive(record, &self.common, keys?))
    }
}
