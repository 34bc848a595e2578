//! Times as lakeFS writes them, for `#[serde(with = "…")]`.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer};

/// Whole seconds since 1970-01-01T00:00:00Z.
///
/// A client may store any number as an object's time. One that no calendar holds (a time in milliseconds, say) becomes
/// the nearest time that there is, so that one odd object does not make a listing unreadable.
pub(crate) mod unix {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        time: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(time.as_second())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(timestamp)
    }

    pub(super) fn timestamp(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap_or(if seconds < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }
}

/// As [`unix`], where it may be absent or `null`.
pub(crate) mod optional_unix {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.serialize_some(&time.as_second()),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(unix::timestamp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A listing with a time in milliseconds must stay readable, and real times must come out exact.
    #[test]
    fn unix_seconds_are_exact_within_the_calendar_and_clamped_beyond() {
        for seconds in [0, -1, 1_700_000_000, -377_705_023_201] {
            assert_eq!(unix::timestamp(seconds).as_second(), seconds);
        }
        assert_eq!(unix::timestamp(1_700_000_000_000), Timestamp::MAX);
        assert_eq!(unix::timestamp(i64::MIN), Timestamp::MIN);
    }
}
