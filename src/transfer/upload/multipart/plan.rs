//! How large each part is.

use crate::{Error, Result, error::ErrorKind, transfer::MIN_PART};

/// The most parts that an object can have.
pub(super) const MAX_PARTS: u64 = 10_000;
/// After so many parts of data whose end is not known, the next are twice as large.
const DOUBLE_AFTER: u64 = 1_000;
/// The largest object of S3, in bytes.
const MAX_OBJECT: u64 = 5 * 1024 * 1024 * 1024 * 1024;
const MIB: u64 = 1024 * 1024;

/// The sizes of the parts of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    part_size: u64,
    size: Option<u64>,
}

// ===== impl Plan =====

impl Plan {
    /// Parts of `part_size`, or larger ones where that would be too many.
    pub(super) fn new(part_size: u64, size: Option<u64>) -> Result<Self> {
        if let Some(size) = size.filter(|size| *size > MAX_OBJECT) {
            return Err(Error::invalid_input(format!(
                "the object has {size} bytes; object stores take at most {MAX_OBJECT}"
            )));
        }
        let least = size.map_or(0, |size| size.div_ceil(MAX_PARTS).next_multiple_of(MIB));
        Ok(Self {
            part_size: part_size.max(MIN_PART).max(least),
            size,
        })
    }

    /// The number of parts, where it is known.
    pub(super) fn count(self) -> Option<u64> {
        self.size.map(|size| size.div_ceil(self.part_size).max(1))
    }

    /// The size of a part, counted from 1; of the last one, at most. Where the end is not known, they double every 1,000:
    /// 10,000 parts are then enough for the largest object that stores take.
    pub(super) fn size_of(self, number: u64) -> Result<u64> {
        if number > MAX_PARTS {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the stream has more data than an object can have; split it",
            ));
        }
        Ok(match self.size {
            Some(_) => self.part_size,
            None => self.part_size << ((number - 1) / DOUBLE_AFTER),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1024 * MIB;

    /// O20: parts were capped at 1,000; a store takes 10,000, of 5 MiB and more.
    #[test]
    fn a_plan_has_at_most_10_000_parts_of_at_least_5_mib() {
        for size in [
            1,
            5 * MIB,
            25 * GIB,
            50 * GIB,
            500 * GIB,
            1024 * GIB,
            MAX_OBJECT,
        ] {
            for part_size in [0, 1, 5 * MIB, 8 * MIB, 5 * GIB] {
                let plan = Plan::new(part_size, Some(size)).unwrap();
                let (count, part) = (plan.count().unwrap(), plan.size_of(1).unwrap());
                assert!(count <= MAX_PARTS, "{size}: {count} parts");
                assert!(part >= MIN_PART, "{size}: parts of {part}");
                assert!(part * (count - 1) < size && size <= part * count);
            }
        }
        assert!(Plan::new(MIN_PART, Some(MAX_OBJECT + 1)).is_err());
    }

    /// A stream tells its end only there: parts of the first size would run out at 50 GB.
    #[test]
    fn parts_of_a_stream_grow_until_the_largest_object_fits() {
        let plan = Plan::new(MIN_PART, None).unwrap();
        let sizes = (1..=MAX_PARTS).map(|number| plan.size_of(number).unwrap());
        assert!(sizes.clone().sum::<u64>() > MAX_OBJECT - MAX_OBJECT / 25);
        assert!(sizes.max().unwrap() <= 5 * GIB);
        assert_eq!(plan.size_of(1_000).unwrap(), MIN_PART);
        assert_eq!(plan.size_of(1_001).unwrap(), 2 * MIN_PART);
        assert!(plan.size_of(MAX_PARTS + 1).is_err());
    }
}
