//! Quantities with their unit in the type: bytes of memory, and the text that a person reads and writes for them.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number of bytes. Shown in powers of 1024, `G` meaning GiB, as Docker reads it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// One KiB.
pub const KIB: u64 = 1024;
/// One MiB.
pub const MIB: u64 = 1024 * KIB;
/// One GiB.
pub const GIB: u64 = 1024 * MIB;

impl Bytes {
    /// Returns this many MiB.
    #[must_use]
    pub const fn mib(count: u64) -> Self {
        Self(count * MIB)
    }

    /// Rounds up to a whole multiple of `unit`, which must not be zero.
    #[must_use]
    pub const fn round_up_to(self, unit: Self) -> Self {
        Self(self.0.div_ceil(unit.0) * unit.0)
    }
}

impl Bytes {
    /// Writes the number so that reading it gives the same number again, in the largest unit that does: `1.5G`, `800M`.
    #[must_use]
    pub fn exact(self) -> String {
        let thousandths = |unit: u64| u128::from(self.0) * 1000 / u128::from(unit);
        let fits = |(unit, _): &&(u64, &str)| {
            self.0 >= *unit && (u128::from(self.0) * 1000).is_multiple_of(u128::from(*unit))
        };
        let (unit, letter) = [(GIB, "G"), (MIB, "M"), (KIB, "K")]
            .iter()
            .find(fits)
            .copied()
            .unwrap_or((1, "B"));
        let number = thousandths(unit);
        let places = format!("{:03}", number % 1000);
        let number = format!("{}.{places}", number / 1000);
        format!(
            "{}{letter}",
            number.trim_end_matches('0').trim_end_matches('.')
        )
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (divisor, letter) = match self.0 {
            0..KIB => return write!(f, "{} B", self.0),
            KIB..MIB => (KIB, 'K'),
            MIB..GIB => (MIB, 'M'),
            _ => (GIB, 'G'),
        };
        let (whole, tenths) = (self.0 / divisor, self.0 % divisor * 10 / divisor);
        if tenths == 0 || whole >= 100 {
            write!(f, "{whole} {letter}")
        } else {
            write!(f, "{whole}.{tenths} {letter}")
        }
    }
}

/// Says why a text is no size.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is no size; write a number and a unit, such as `512M` or `6G`")]
pub struct BytesError {
    text: String,
}

impl FromStr for Bytes {
    type Err = BytesError;

    fn from_str(text: &str) -> Result<Self, BytesError> {
        let error = || BytesError {
            text: text.to_owned(),
        };
        let trimmed = text.trim();
        let digits = trimmed
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let factor = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kib" => KIB,
            "m" | "mib" => MIB,
            "g" | "gib" => GIB,
            _ => return Err(error()),
        };
        let thousandths = thousandths(number).ok_or_else(error)?;
        let bytes = u128::from(thousandths) * u128::from(factor) / 1000;
        u64::try_from(bytes).map(Bytes).map_err(|_| error())
    }
}

/// Reads a decimal number with at most three places, such as `6` or `1.5`, as thousandths.
#[must_use]
pub fn thousandths(number: &str) -> Option<u64> {
    let (whole, places) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(places) || places.len() > 3 {
        return None;
    }
    let fraction: u64 = format!("{places:0<3}").parse().ok()?;
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(1000)?
        .checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_in_powers_of_1024() {
        let shown = |bytes| Bytes(bytes).to_string();
        assert_eq!(shown(12), "12 B");
        assert_eq!(shown(6 * GIB), "6 G");
        assert_eq!(shown(1536 * MIB), "1.5 G");
        assert_eq!(shown(620 * MIB), "620 M");
    }

    #[test]
    fn exact_sizes_are_read_back_as_they_were() {
        for bytes in [
            0,
            1,
            1023,
            1024,
            1536 * MIB,
            6 * GIB,
            6 * GIB + 1,
            u64::MAX / 1000,
        ] {
            assert_eq!(Bytes(bytes).exact().parse(), Ok(Bytes(bytes)));
        }
        assert_eq!(Bytes(1536 * MIB).exact(), "1.5G");
        assert_eq!(Bytes(3846 * MIB).exact(), "3846M");
        assert_eq!(Bytes(10 * GIB).exact(), "10G");
    }

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        assert_eq!("6G".parse(), Ok(Bytes(6 * GIB)));
        assert_eq!("512m".parse(), Ok(Bytes(512 * MIB)));
        assert_eq!("1.5 G".parse(), Ok(Bytes(1536 * MIB)));
        assert!("1.G".parse::<Bytes>().is_err());
        assert!("1.2345G".parse::<Bytes>().is_err());
        assert!("6X".parse::<Bytes>().is_err());
        assert!("".parse::<Bytes>().is_err());
        assert!("99999999999999999999G".parse::<Bytes>().is_err());
    }
}
