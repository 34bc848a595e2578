//! Digests as lakeFS takes them: typed and length-prefixed, so that equal digests mean equal content.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// Collects what a digest is taken of.
#[derive(Debug, Default)]
pub(super) struct Identity(Sha256);

/// What precedes each value.
#[derive(Clone, Copy)]
enum Type {
    Bytes,
    Text,
    Integer,
    Texts,
    Map,
    Nested,
}

impl Identity {
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.of_type(Type::Bytes);
        self = self.integer(length(bytes.len()));
        self.0.update(bytes);
        self
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        self.of_type(Type::Text);
        self = self.integer(length(text.len()));
        self.0.update(text);
        self
    }

    pub(super) fn integer(mut self, number: i64) -> Self {
        self.of_type(Type::Integer);
        self.0.update([8]);
        self.0.update(number.to_be_bytes());
        self
    }

    pub(super) fn texts<'a>(mut self, texts: impl ExactSizeIterator<Item = &'a str>) -> Self {
        self.of_type(Type::Texts);
        self = self.integer(length(texts.len()));
        texts.fold(self, Self::text)
    }

    pub(super) fn map(mut self, map: &BTreeMap<String, String>) -> Self {
        self.of_type(Type::Map);
        self = self.integer(length(map.len()));
        map.iter()
            .fold(self, |digest, (key, value)| digest.text(key).text(value))
    }

    /// The digest of a part.
    pub(super) fn nested(mut self, part: Self) -> Self {
        self.of_type(Type::Nested);
        self.bytes(&part.finish())
    }

    /// Bytes without a type or length, for the formats that delimit by themselves.
    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.update(bytes);
        self
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    fn of_type(&mut self, kind: Type) {
        self.0.update([kind as u8]);
    }
}

fn length(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The identity of the one object of a recorded range: size 3, MD5 of `one`, no metadata, the default type.
    #[test]
    fn digests_are_those_of_a_real_server() {
        let digest = Identity::default()
            .integer(3)
            .text("f97c5d29941bfb1b2fdab0874906ab82")
            .map(&BTreeMap::new())
            .text("application/octet-stream");
        assert_eq!(
            crate::testing::memory::storage::hex(&digest.finish()),
            "debe124dfb1f40f8019fbb57d59d4e5f8b041f7195e3cd757b38f44de8dcef3c"
        );
    }
}
