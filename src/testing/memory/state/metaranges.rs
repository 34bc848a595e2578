//! Metaranges and ranges: what a commit holds as tables in the object store, as Spark clients and garbage collection read
//! them. They are written when somebody asks for them; until then a [`Tree`] stands for its metarange.

use super::entry::Entry;
use super::proto::{Message, put_varint};
use super::sstable::{Table, TableWriter};
use super::tree::Tree;
use crate::testing::memory::storage::address;

/// A range is closed after a key whose hash is a multiple of this …
const RAGGEDNESS: u64 = 50_000;
/// … or when it is as large as this.
const MAX_RANGE_BYTES: u64 = 20 * 1024 * 1024;

const TYPE: &str = "type";

/// A metarange, and the ranges it lists.
#[derive(Debug)]
pub(in super::super) struct Metarange {
    table: Table,
    ranges: Vec<Table>,
}

impl Metarange {
    /// The metarange of records that come in ascending order of their keys, with properties that say what they are.
    pub(super) fn of(
        records: impl Iterator<Item = (Vec<u8>, Vec<u8>)>,
        properties: &[(&str, &str)],
    ) -> Self {
        let with_type = |kind| [properties, &[(TYPE, kind)]].concat();
        let new_range = || TableWriter::new(&with_type("ranges"));
        let mut ranges = Vec::new();
        let mut range = new_range();
        for (key, value) in records {
            range.add(&key, &value);
            if range.estimated_bytes() >= MAX_RANGE_BYTES || fnv(&key) % RAGGEDNESS == 0 {
                ranges.push(std::mem::replace(&mut range, new_range()).finish());
            }
        }
        if !range.is_empty() {
            ranges.push(range.finish());
        }
        let mut metarange = TableWriter::new(&with_type("metaranges"));
        for range in &ranges {
            let facts = Message::default()
                .bytes(1, &range.first)
                .bytes(2, &range.last)
                .integer(3, range.estimated_bytes as i64)
                .integer(4, range.count as i64);
            metarange.add(&range.last, &value(range.id.as_bytes(), &facts));
        }
        Self {
            table: metarange.finish(),
            ranges,
        }
    }

    /// The metarange of a tree.
    pub(super) fn of_tree(tree: &Tree) -> Self {
        let entries = tree.from(std::ops::Bound::Unbounded);
        Self::of(
            entries.map(|(path, entry)| (path.to_vec(), entry.to_value())),
            &[],
        )
    }

    pub(in super::super) fn id(&self) -> &str {
        &self.table.id
    }

    pub(in super::super) fn bytes(&self) -> &[u8] {
        &self.table.bytes
    }

    /// The ids of the ranges, and their bytes.
    pub(in super::super) fn into_ranges(self) -> impl Iterator<Item = (String, Vec<u8>)> {
        self.ranges.into_iter().map(|range| (range.id, range.bytes))
    }
}

impl Entry {
    /// An entry as ranges hold it.
    fn to_value(&self) -> Vec<u8> {
        const RELATIVE: i64 = 1;
        const FULL: i64 = 2;
        let relative = address::is_relative(&self.address);
        let message = Message::default()
            .text(1, &self.address)
            .time(2, self.modified)
            .integer(3, self.size)
            .text(4, &self.checksum)
            .map(5, &self.metadata)
            .integer(6, if relative { RELATIVE } else { FULL })
            .text(7, &self.content_type);
        value(self.identity(), &message)
    }
}

/// A value of a table: what it is known by, and what is known of it, each after its length.
pub(super) fn value(identity: &[u8], data: &Message) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(identity.len() + data.as_bytes().len() + 4);
    for part in [identity, data.as_bytes()] {
        // Lengths are signed, zigzag.
        put_varint(&mut bytes, 2 * part.len() as u64);
        bytes.extend_from_slice(part);
    }
    bytes
}

/// FNV-1a, 64 bits.
fn fnv(key: &[u8]) -> u64 {
    key.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use serde_json::Value;

    use super::super::entry::EntryData;
    use super::*;

    /// What a real server wrote for a commit of one object, byte for byte: readers of tables can read ours.
    #[test]
    fn tables_are_those_of_a_real_server() -> Result<(), Box<dyn std::error::Error>> {
        let recorded = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/data/recordings/scenarios/36-commit-source-metarange.json"
        ));
        let recorded: Value = serde_json::from_str(recorded)?;
        let body = |index: usize| {
            let body = &recorded["exchanges"][index]["response"]["body"]["base64"];
            base64::engine::general_purpose::STANDARD.decode(body.as_str().unwrap_or_default())
        };
        let entry = Entry::new(EntryData {
            checksum: "f97c5d29941bfb1b2fdab0874906ab82".into(),
            size: 3,
            address: "data/ft4das9ksdufih13cri0/dc33lg1ksdufih13pbu0".into(),
            modified: jiff::Timestamp::new(1_795_570_368, 484_045_005)?,
            content_type: "application/octet-stream".into(),
            metadata: Default::default(),
        });
        let mut tree = Tree::default();
        tree.insert("a.txt".into(), entry);
        let metarange = Metarange::of_tree(&tree);
        assert_eq!(metarange.bytes(), body(8)?);
        let ranges: Vec<_> = metarange.into_ranges().collect();
        let id = "bdf3851018b05cb931b298e671daaa62ed829f6bab91ee3d53c6167796f8c163";
        assert_eq!(ranges, [(id.to_owned(), body(25)?)]);
        Ok(())
    }

    #[test]
    fn many_records_make_several_blocks_and_ranges() {
        let records =
            |count: u32| (0..count).map(|n| (format!("{n:06}").into_bytes(), vec![b'x'; 100]));
        let one = Metarange::of(records(1_000), &[]);
        assert_eq!(one.ranges.len(), 1);
        assert_eq!(one.ranges[0].count, 1_000);
        assert!(one.ranges[0].bytes.len() > 100_000);
        let many = Metarange::of(records(200_000), &[]);
        assert!(many.ranges.len() > 1, "{}", many.ranges.len());
        assert_eq!(
            many.ranges.iter().map(|range| range.count).sum::<u64>(),
            200_000
        );
    }
}
