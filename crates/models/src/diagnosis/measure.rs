//! Values of metrics: the doubles that they are, of which nothing but bits and texts is seen outside.

use std::fmt;

use crate::python;

/// Is a value of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure(u64);

/// Says what kind of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeasureKind {
    /// It is a number.
    Finite,
    /// It is not a number.
    NotANumber,
    /// It is infinite, or the largest finite double, as which infinite ones are kept.
    Endless,
}

impl Measure {
    /// Takes the bits of a double.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns the bits of the double.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Says what kind of value it is.
    pub fn kind(self) -> MeasureKind {
        let double = self.double();
        if double.is_nan() {
            MeasureKind::NotANumber
        } else if double.abs() >= f64::MAX {
            MeasureKind::Endless
        } else {
            MeasureKind::Finite
        }
    }

    /// Says whether it can be counted with.
    pub fn is_finite(self) -> bool {
        self.kind() == MeasureKind::Finite
    }

    pub(crate) fn double(self) -> f64 {
        f64::from_bits(self.0)
    }

    pub(super) fn of(double: f64) -> Self {
        Self(double.to_bits())
    }

    /// Returns by what the values of one instant are put in order: what is no number is last, so that it is not hidden.
    pub(super) fn rank(self) -> (u8, u64) {
        let double = self.double();
        // Doubles of one sign are in the order of their bits.
        let bits = if double.is_sign_negative() { !self.0 } else { self.0 | (1 << 63) };
        match self.kind() {
            MeasureKind::Finite => (0, bits),
            MeasureKind::Endless => (1, bits),
            MeasureKind::NotANumber => (2, 0),
        }
    }
}

impl fmt::Display for Measure {
    /// Writes the shortest text that reads as the same double.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            MeasureKind::NotANumber => f.write_str("NaN"),
            MeasureKind::Endless => f.write_str(if self.double() < 0.0 { "-inf" } else { "inf" }),
            MeasureKind::Finite => f.write_str(&python::float(&format!("{:e}", self.double()))),
        }
    }
}
