//! The blocks of a table.

use super::super::proto::put_varint;

/// Sorted pairs; a key leaves out what it shares with the one before, but for every so many.
#[derive(Debug)]
pub(super) struct Block {
    bytes: Vec<u8>,
    pub(super) restarts: Vec<u32>,
    interval: usize,
    since_restart: usize,
    last: Vec<u8>,
}

// ===== impl Block =====

impl Block {
    pub(super) fn new(interval: usize) -> Self {
        Self {
            bytes: Vec::new(),
            restarts: Vec::new(),
            interval,
            since_restart: 0,
            last: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        let mut shared = 0;
        if self.restarts.is_empty() || self.since_restart == self.interval {
            // A block that outgrows 4 GiB could not be addressed; the rule for closing blocks keeps it small.
            self.restarts.push(self.bytes.len() as u32);
            self.since_restart = 0;
        } else {
            let same = |(left, right): &(&u8, &u8)| left == right;
            shared = self.last.iter().zip(key).take_while(same).count();
        }
        for number in [shared, key.len() - shared, value.len()] {
            put_varint(&mut self.bytes, number as u64);
        }
        self.bytes.extend_from_slice(&key[shared..]);
        self.bytes.extend_from_slice(value);
        self.last = key.to_vec();
        self.since_restart += 1;
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.len() + 4 * self.restarts.len() + 4
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.restarts.is_empty() {
            self.restarts.push(0);
        }
        for restart in &self.restarts {
            self.bytes.extend(restart.to_le_bytes());
        }
        self.bytes
            .extend((self.restarts.len() as u32).to_le_bytes());
        self.bytes
    }
}

/// A short key that is no less than the last key of a block, and less than the first of the next.
pub(super) fn separator(last: &[u8], next: Option<&[u8]>) -> Vec<u8> {
    let at = match next {
        Some(next) => last.iter().zip(next).take_while(|(a, b)| a == b).count(),
        None => last.iter().take_while(|byte| **byte == 0xff).count(),
    };
    match last.get(at) {
        Some(byte) if *byte < 0xff && next.is_none_or(|next| next.get(at) > Some(&(byte + 1))) => {
            let mut short = last[..at].to_vec();
            short.push(byte + 1);
            short
        }
        _ => last.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_lie_between_blocks() {
        assert_eq!(separator(b"a.txt", None), b"b");
        assert_eq!(separator(b"\xff\xff", None), b"\xff\xff");
        assert_eq!(separator(b"abc1", Some(b"abz")), b"abd");
        assert_eq!(separator(b"abc", Some(b"abd")), b"abc");
        assert_eq!(separator(b"ab", Some(b"abd")), b"ab");
    }
}
