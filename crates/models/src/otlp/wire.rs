//! The wire format of protobuf: fields, one behind the other.

use super::OtlpError;

/// Is the value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
}

/// Are the fields of a message, read one by one.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let [byte] = self.take(1)? else { return None };
            // What is beyond 64 bits is dropped, as every reader of protobuf does.
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn field(&mut self) -> Option<(u64, Wire<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Wire::Fixed32
            }
            // Groups are of a past that OTLP has never seen.
            _ => return None,
        };
        let number = tag >> 3;
        (number > 0).then_some((number, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Wire<'a>), OtlpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field().ok_or(OtlpError::Malformed);
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Reads a text.
pub(crate) fn text(bytes: &[u8]) -> Result<String, OtlpError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| OtlpError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(message: &[u8]) -> Result<Vec<(u64, Wire<'_>)>, OtlpError> {
        Fields::of(message).collect()
    }

    #[test]
    fn fields_are_read_in_every_form() {
        let message = [0x08, 0x96, 0x01, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x1a, 2, b'h', b'i', 0x25, 9, 9, 9, 9];
        let expected = vec![(1, Wire::Varint(150)), (2, Wire::Fixed64(1)), (3, Wire::Bytes(b"hi")), (4, Wire::Fixed32)];
        assert_eq!(fields(&message), Ok(expected));
        let all_ones = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(fields(&all_ones), Ok(vec![(1, Wire::Varint(u64::MAX))]));
    }

    #[test]
    fn what_is_cut_off_or_unknown_is_malformed() {
        for wrong in [
            &[0x08][..],
            &[0x08, 0x80],
            &[0x11, 1, 2],
            &[0x1a, 5, b'h'],
            &[0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0x25, 1],
            &[0x0b, 0x0c],
            &[0x0e],
            &[0x00, 0x01],
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ] {
            assert_eq!(fields(wrong), Err(OtlpError::Malformed), "{wrong:?}");
        }
    }
}
