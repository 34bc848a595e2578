//! Several ranges of an object with few requests.

use std::ops::Range;

use bytes::Bytes;

use super::reader::{MOST, index};
use crate::transfer::MIB;

/// Bytes between two ranges that are fetched along rather than asking twice.
const GAP: u64 = MIB;

/// What is fetched with one request for several ranges.
pub(super) struct Merged {
    pub(super) bytes: Range<u64>,
    /// Which of the ranges are in it.
    ranges: Vec<usize>,
    /// How many bytes they have.
    wanted: u64,
}

/// Without small gaps, and none larger than [`MOST`] unless a single range is.
pub(super) fn merge(ranges: &[Range<u64>]) -> Vec<Merged> {
    let mut sorted: Vec<_> = ranges.iter().enumerate().collect();
    sorted.retain(|(_, range)| !range.is_empty());
    sorted.sort_unstable_by_key(|(_, range)| range.start);
    let mut merged: Vec<Merged> = Vec::new();
    for (at, range) in sorted {
        let wanted = range.end - range.start;
        match merged.last_mut() {
            Some(last) if last.takes(range) => {
                last.bytes.end = last.bytes.end.max(range.end);
                last.ranges.push(at);
                last.wanted += wanted;
            }
            _ => merged.push(Merged {
                bytes: range.clone(),
                ranges: vec![at],
                wanted,
            }),
        }
    }
    merged
}

impl Merged {
    /// Whether a range, which begins no earlier, is worth no request of its own.
    fn takes(&self, range: &Range<u64>) -> bool {
        let Range { start, end } = self.bytes;
        range.end <= end || (range.start < end.saturating_add(GAP) && range.end - start <= MOST)
    }

    /// The ranges. They share the block's memory, unless that would keep much that nobody wants.
    pub(super) fn cut(&self, block: &Bytes, ranges: &[Range<u64>]) -> Vec<(usize, Bytes)> {
        let is_sparse = self.wanted < (self.bytes.end - self.bytes.start) / 2;
        let cut = self.ranges.iter().map(|&at| {
            let Range { start, end } = ranges[at];
            let part = index(start - self.bytes.start)..index(end - self.bytes.start);
            let part = match is_sparse {
                true => Bytes::copy_from_slice(&block[part]),
                false => block.slice(part),
            };
            (at, part)
        });
        cut.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(distance: u64, count: u64) -> Vec<Range<u64>> {
        (0..count)
            .map(|at| at * distance..at * distance + 10)
            .collect()
    }

    /// A hundred thousand small pieces of a large file, merged into one, would be that file.
    #[test]
    fn what_is_merged_stays_small() {
        let ranges = every(MIB / 2, 1000);
        let merged = merge(&ranges);
        assert!(
            merged
                .iter()
                .all(|block| block.bytes.end - block.bytes.start <= MOST)
        );
        assert!(merged.len() < 70, "{}", merged.len());
        assert_eq!(
            merged.iter().map(|block| block.ranges.len()).sum::<usize>(),
            1000
        );
        assert_eq!(merge(&every(2 * MIB, 3)).len(), 3);
        // One that is larger is not cut, and takes along what is in it.
        let large = 0..3 * MOST;
        assert_eq!(merge(&[large.clone(), MOST..MOST + 1, 5..6]).len(), 1);
        assert_eq!(merge(&[large, MOST..3 * MOST + 1]).len(), 2);
    }

    /// A piece that keeps its block would keep all that is between the pieces.
    #[test]
    fn small_pieces_keep_no_block() {
        let block = Bytes::from(vec![7; 1000]);
        for (ranges, shared) in [
            (vec![0..10, 900..1000], false),
            (vec![0..600, 590..1000], true),
        ] {
            let parts = merge(&ranges)[0].cut(&block, &ranges);
            let inside = block.as_ptr_range();
            for (_, part) in parts {
                assert_eq!(inside.contains(&part.as_ptr()), shared, "{ranges:?}");
            }
        }
    }
}
