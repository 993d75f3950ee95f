//! Reading DER element by element, for the few structures of a time-stamp token.
//!
//! Lengths are definite and written the one way they can be; whatever remains unread is an error.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber};

use super::error::TimestampError;

/// Is one element: its tag, its content, and all of its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: Tag,
    pub(super) value: &'a [u8],
    pub(super) whole: &'a [u8],
}

/// Is a row of elements that is read from its beginning.
#[derive(Debug, Clone)]
pub(super) struct Elements<'a> {
    bytes: &'a [u8],
    reader: SliceReader<'a>,
}

fn malformed(what: &'static str) -> impl Fn(der::Error) -> TimestampError {
    move |_| TimestampError::Malformed(what)
}

/// Returns the tag `[number]` of a constructed element.
pub(super) fn context(number: u8) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(u32::from(number)) }
}

impl<'a> Elements<'a> {
    /// Reads the elements that a text of bytes consists of.
    pub(super) fn of(bytes: &'a [u8], what: &'static str) -> Result<Self, TimestampError> {
        Ok(Self { bytes, reader: SliceReader::new(bytes).map_err(malformed(what))? })
    }

    /// Takes the next element, whatever its tag is.
    pub(super) fn any(&mut self, what: &'static str) -> Result<Element<'a>, TimestampError> {
        let at = |reader: &SliceReader<'a>| usize::try_from(u32::from(reader.position())).unwrap_or(usize::MAX);
        let from = at(&self.reader);
        let any = AnyRef::decode(&mut self.reader).map_err(malformed(what))?;
        let whole = self.bytes.get(from..at(&self.reader)).ok_or(TimestampError::Malformed(what))?;
        Ok(Element { tag: der::Tagged::tag(&any), value: any.value(), whole })
    }

    /// Takes the next element, which must have this tag.
    pub(super) fn one(&mut self, tag: Tag, what: &'static str) -> Result<Element<'a>, TimestampError> {
        let element = self.any(what)?;
        if element.tag == tag { Ok(element) } else { Err(TimestampError::Malformed(what)) }
    }

    /// Takes the next element if it has this tag.
    pub(super) fn maybe(&mut self, tag: Tag, what: &'static str) -> Result<Option<Element<'a>>, TimestampError> {
        match Tag::peek(&self.reader) {
            Ok(next) if !self.is_done() && next == tag => self.one(tag, what).map(Some),
            _ => Ok(None),
        }
    }

    /// Takes the next element and reads what is in it.
    pub(super) fn inside(&mut self, tag: Tag, what: &'static str) -> Result<Self, TimestampError> {
        Self::of(self.one(tag, what)?.value, what)
    }

    /// Takes an object identifier.
    pub(super) fn oid(&mut self, what: &'static str) -> Result<ObjectIdentifier, TimestampError> {
        let element = self.one(Tag::ObjectIdentifier, what)?;
        ObjectIdentifier::from_bytes(element.value).map_err(|_| TimestampError::Malformed(what))
    }

    /// Takes a whole number from 0 to 127.
    pub(super) fn small(&mut self, what: &'static str) -> Result<u8, TimestampError> {
        match self.one(Tag::Integer, what)?.value {
            [number] if *number < 0x80 => Ok(*number),
            _ => Err(TimestampError::Malformed(what)),
        }
    }

    /// Takes an algorithm without parameters: they are absent or null.
    pub(super) fn algorithm(&mut self, what: &'static str) -> Result<ObjectIdentifier, TimestampError> {
        let mut inside = self.inside(Tag::Sequence, what)?;
        let oid = inside.oid(what)?;
        match inside.maybe(Tag::Null, what)? {
            Some(null) if !null.value.is_empty() => Err(TimestampError::Malformed(what)),
            _ => inside.done(what).map(|()| oid),
        }
    }

    /// Says whether everything was read.
    pub(super) fn is_done(&self) -> bool {
        self.reader.is_finished()
    }

    /// Demands that everything was read.
    pub(super) fn done(self, what: &'static str) -> Result<(), TimestampError> {
        if self.is_done() { Ok(()) } else { Err(TimestampError::Malformed(what)) }
    }
}
