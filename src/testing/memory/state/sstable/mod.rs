//! Sorted tables, as lakeFS writes its metaranges and ranges: the block-based format of RocksDB, blocks uncompressed.
//!
//! Keys and values in blocks, an index over the blocks, a block of properties, and a footer that tells where they are.

mod block;

use std::collections::BTreeMap;

use block::{Block, separator};

use super::ident::Identity;
use super::proto::put_varint;
use crate::testing::memory::storage::hex;

/// The last bytes of every table.
const MAGIC: [u8; 8] = [0xf7, 0xcf, 0xf4, 0x85, 0xb7, 0x41, 0xe2, 0x88];
/// A block is closed before it would grow larger.
const BLOCK_BYTES: usize = 4096;
/// Follows a key that is set: sequence number 0, kind 1.
const SET: [u8; 8] = [1, 0, 0, 0, 0, 0, 0, 0];
/// Follows a key that only separates: the highest sequence number, kind 17.
const SEPARATOR: [u8; 8] = [0x11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// Writes a table, key after key in ascending order.
#[derive(Debug)]
pub(super) struct TableWriter {
    file: Vec<u8>,
    block: Block,
    index: Block,
    digest: Identity,
    properties: BTreeMap<String, String>,
    first: Vec<u8>,
    last: Vec<u8>,
    count: u64,
    blocks: u64,
    key_bytes: u64,
    value_bytes: u64,
}

/// A finished table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The digest of keys, values and properties: equal content, equal id.
    pub(super) id: String,
    pub(super) bytes: Vec<u8>,
    pub(super) first: Vec<u8>,
    pub(super) last: Vec<u8>,
    pub(super) count: u64,
    pub(super) estimated_bytes: u64,
}

// ===== impl TableWriter =====

impl TableWriter {
    /// A table with properties of its own, among them its `type`.
    pub(super) fn new(properties: &[(&str, &str)]) -> Self {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Self {
            file: Vec::new(),
            block: Block::new(16),
            index: Block::new(1),
            digest: Identity::default(),
            properties: properties.iter().map(owned).collect(),
            first: Vec::new(),
            last: Vec::new(),
            count: 0,
            blocks: 0,
            key_bytes: 0,
            value_bytes: 0,
        }
    }

    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        let grown = self.block.size() + key.len() + SET.len() + value.len();
        if !self.block.restarts.is_empty() && grown > BLOCK_BYTES {
            self.close_block(separator(&self.last, Some(key)));
        }
        let stored = [key, &SET].concat();
        self.block.add(&stored, value);
        for part in [key, value] {
            let digest = std::mem::take(&mut self.digest);
            self.digest = digest
                .raw(part.len().to_string().as_bytes())
                .raw(part)
                .raw(b"|");
        }
        if self.count == 0 {
            self.first = key.to_vec();
        }
        self.last = key.to_vec();
        self.count += 1;
        self.key_bytes += stored.len() as u64;
        self.value_bytes += value.len() as u64;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn estimated_bytes(&self) -> u64 {
        (self.file.len() + self.block.size() + self.index.size()) as u64
    }

    pub(super) fn finish(mut self) -> Table {
        let id = hex(&self.digest.map(&self.properties).finish());
        self.digest = Identity::default();
        let estimated_bytes = self.estimated_bytes();
        if self.count > 0 {
            self.close_block(separator(&self.last, None));
        }
        let (first, last) = (
            std::mem::take(&mut self.first),
            std::mem::take(&mut self.last),
        );
        let data_bytes = self.file.len() as u64;
        let index = std::mem::replace(&mut self.index, Block::new(1)).finish();
        let index_bytes = (index.len() + 5) as u64;
        let index = append(&mut self.file, &index);

        let mut properties: BTreeMap<Vec<u8>, Vec<u8>> = self.fixed_properties();
        let mut add = |key: &str, value: Vec<u8>| {
            properties.insert(key.as_bytes().to_vec(), value);
        };
        for (key, value) in &self.properties {
            add(key, value.clone().into_bytes());
        }
        add("min_key", first.clone());
        add("max_key", last.clone());
        add("count", self.count.to_string().into_bytes());
        add(
            "estimated_size_bytes",
            estimated_bytes.to_string().into_bytes(),
        );
        add("rocksdb.data.size", varint(data_bytes));
        add("rocksdb.index.size", varint(index_bytes));
        let mut block = Block::new(usize::MAX);
        properties
            .iter()
            .for_each(|(key, value)| block.add(key, value));
        let properties = append(&mut self.file, &block.finish());

        let mut meta = Block::new(1);
        meta.add(b"rocksdb.properties", &properties);
        let meta = append(&mut self.file, &meta.finish());

        // CRC-32C; both handles, padded; version 2.
        let mut footer = vec![1];
        footer.extend(meta);
        footer.extend(index);
        footer.resize(41, 0);
        footer.extend(2_u32.to_le_bytes());
        footer.extend(MAGIC);
        self.file.extend(footer);
        Table {
            id,
            bytes: self.file,
            first,
            last,
            count: self.count,
            estimated_bytes,
        }
    }

    fn close_block(&mut self, separator: Vec<u8>) {
        let block = std::mem::replace(&mut self.block, Block::new(16)).finish();
        let handle = append(&mut self.file, &block);
        self.index
            .add(&[&separator[..], &SEPARATOR].concat(), &handle);
        self.blocks += 1;
    }

    /// What the real server's tables all say of themselves.
    fn fixed_properties(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let text = |text: &str| text.as_bytes().to_vec();
        [
            ("block.based.table.index.type", vec![0; 4]),
            ("block.based.table.prefix.filtering", text("0")),
            ("block.based.table.whole.key.filtering", text("0")),
            ("column.family.id", varint(u64::from(i32::MAX as u32))),
            ("comparator", text("leveldb.BytewiseComparator")),
            ("compression", text("Snappy")),
            (
                "compression_options",
                text(
                    "window_bits=-14; level=32767; strategy=0; max_dict_bytes=0; zstd_max_train_bytes=0; enabled=0; ",
                ),
            ),
            ("creation.time", vec![0]),
            ("deleted.keys", vec![0]),
            ("external_sst_file.global_seqno", vec![0; 8]),
            ("external_sst_file.version", vec![2, 0, 0, 0]),
            ("filter.size", vec![0]),
            ("fixed.key.length", vec![0]),
            ("format.version", vec![0]),
            ("index.key.is.user.key", vec![0]),
            ("index.value.is.delta.encoded", vec![0]),
            ("merge.operands", vec![0]),
            ("merge.operator", text("pebble.concatenate")),
            ("num.data.blocks", varint(self.blocks)),
            ("num.entries", varint(self.count)),
            ("num.range-deletions", vec![0]),
            ("oldest.key.time", vec![0]),
            ("prefix.extractor.name", text("nullptr")),
            ("property.collectors", text("[static]")),
            ("raw.key.size", varint(self.key_bytes)),
            ("raw.value.size", varint(self.value_bytes)),
        ]
        .into_iter()
        .map(|(name, value)| (format!("rocksdb.{name}").into_bytes(), value))
        .collect()
    }
}

// ===== parts of the format =====

/// Appends a block with its trailer; gives its handle, which is where it lies and how long it is.
fn append(file: &mut Vec<u8>, block: &[u8]) -> Vec<u8> {
    const UNCOMPRESSED: u8 = 0;
    let mut handle = varint(file.len() as u64);
    put_varint(&mut handle, block.len() as u64);
    file.extend_from_slice(block);
    file.push(UNCOMPRESSED);
    let checksum = crc32c(block.iter().chain([&UNCOMPRESSED]));
    let masked = checksum.rotate_right(15).wrapping_add(0xa282_ead8);
    file.extend(masked.to_le_bytes());
    handle
}

fn varint(number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_varint(&mut bytes, number);
    bytes
}

/// The Castagnoli checksum, bit by bit through a table of bytes.
fn crc32c<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut value = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                let carry = if value & 1 == 1 { 0x82f6_3b78 } else { 0 };
                value = value >> 1 ^ carry;
                bit += 1;
            }
            table[byte] = value;
            byte += 1;
        }
        table
    };
    !bytes.fold(!0, |checksum: u32, byte| {
        checksum >> 8 ^ TABLE[((checksum ^ u32::from(*byte)) & 0xff) as usize]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_castagnoli() {
        assert_eq!(crc32c(b"123456789".iter()), 0xe306_9283);
    }

    type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

    fn take_varint(bytes: &mut &[u8]) -> usize {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let (byte, rest) = bytes.split_first().expect("a number");
            *bytes = rest;
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }

    /// The pairs of a block, found by its handle.
    fn pairs(file: &[u8], mut handle: &[u8]) -> Pairs {
        let (start, length) = (take_varint(&mut handle), take_varint(&mut handle));
        let block = &file[start..start + length];
        let restarts = u32::from_le_bytes(block[length - 4..].try_into().expect("four bytes"));
        let mut rest = &block[..length - 4 - 4 * restarts as usize];
        let mut key = Vec::new();
        let mut pairs = Vec::new();
        while !rest.is_empty() {
            let [shared, own, value] = [(); 3].map(|()| take_varint(&mut rest));
            key.truncate(shared);
            key.extend_from_slice(&rest[..own]);
            pairs.push((key.clone(), rest[own..own + value].to_vec()));
            rest = &rest[own + value..];
        }
        pairs
    }

    /// A reader finds every key: it looks up the block in the index, and the key in the block.
    #[test]
    fn what_was_written_is_read_by_way_of_the_index() {
        let written: Pairs = (0..500_u32)
            .map(|n| (format!("path/{n:05}").into_bytes(), vec![n as u8; 64]))
            .collect();
        let mut table = TableWriter::new(&[("type", "ranges")]);
        written
            .iter()
            .for_each(|(key, value)| table.add(key, value));
        let file = table.finish().bytes;

        let mut footer = &file[file.len() - 52..];
        let _meta = [take_varint(&mut footer), take_varint(&mut footer)];
        let index = pairs(&file, footer);
        assert!(index.len() > 5, "{}", index.len());
        let user_key = |key: &[u8]| key[..key.len() - 8].to_vec();
        let mut read = Pairs::new();
        for (separator, handle) in index {
            for (key, value) in pairs(&file, &handle) {
                assert!(user_key(&key) <= user_key(&separator));
                read.push((user_key(&key), value));
            }
            let next = written.get(read.len());
            assert!(next.is_none_or(|(key, _)| user_key(&separator) < *key));
        }
        assert_eq!(read, written);
    }
}
