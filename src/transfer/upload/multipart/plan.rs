//! How large each part is.

use crate::{Error, Result, error::ErrorKind, transfer::MIN_PART};

/// The most parts that an object can have.
pub(super) const MAX_PARTS: u64 = 10_000;
/// Of data whose end is not known, a part is at least the so manieth of what is before it: that makes 5 TiB of 10,000 parts
/// that begin with the smallest.
const SHARE: u64 = 1_280;
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

    /// The size of a part, counted from 1, that begins at `start`; of the last one, at most. Where the end is not known, they
    /// grow with what is before them: 10,000 parts are then enough for the largest object that stores take.
    pub(super) fn size_of(self, number: u64, start: u64) -> Result<u64> {
        if number > MAX_PARTS || start >= MAX_OBJECT {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the stream has more data than an object can have; split it",
            ));
        }
        Ok(match self.size {
            Some(_) => self.part_size,
            None => (start / SHARE).next_multiple_of(MIB).max(self.part_size),
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
                let (count, part) = (plan.count().unwrap(), plan.size_of(1, 0).unwrap());
                assert!(count <= MAX_PARTS, "{size}: {count} parts");
                assert!(part >= MIN_PART, "{size}: parts of {part}");
                assert!(part * (count - 1) < size && size <= part * count);
            }
        }
        assert!(Plan::new(MIN_PART, Some(MAX_OBJECT + 1)).is_err());
    }

    /// A stream tells its end only there: parts of the first size would run out at 50 GB, and parts that are larger than need
    /// be cost memory.
    #[test]
    fn parts_of_a_stream_grow_until_the_largest_object_fits() {
        for part_size in [MIN_PART, 8 * MIB, 64 * MIB, 5 * GIB] {
            let plan = Plan::new(part_size, None).unwrap();
            let (mut at, mut number, mut last) = (0, 1, 0);
            while at < MAX_OBJECT {
                let size = plan.size_of(number, at).unwrap();
                assert!(size >= last && size <= 5 * GIB);
                assert!(size == part_size || size <= at / SHARE + MIB);
                (at, number, last) = (at + size, number + 1, size);
            }
            assert!(plan.size_of(number, at).is_err());
        }
        let plan = Plan::new(MIN_PART, None).unwrap();
        assert_eq!(plan.size_of(1_281, 1_280 * MIN_PART).unwrap(), MIN_PART);
        assert_eq!(plan.size_of(1_282, 1_281 * MIN_PART).unwrap(), 6 * MIB);
        assert!(plan.size_of(MAX_PARTS + 1, 0).is_err());
    }
}
