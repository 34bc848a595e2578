//! Messages in the Protocol Buffers wire format, written field by field. Zeros and empty texts are left out, as in proto3.

/// The bytes of a message.
#[derive(Clone, Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn integer(mut self, field: u8, number: i64) -> Self {
        if number != 0 {
            self.0.push(field << 3);
            // Negative numbers take ten bytes, as two's complement.
            put_varint(&mut self.0, number as u64);
        }
        self
    }

    pub(super) fn text(self, field: u8, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub(super) fn bytes(self, field: u8, bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return self;
        }
        self.delimited(field, bytes)
    }

    /// A message in the message, also when it is empty.
    pub(super) fn message(self, field: u8, message: Self) -> Self {
        self.delimited(field, &message.0)
    }

    /// A map of texts: a message per entry.
    pub(super) fn map(self, field: u8, map: &std::collections::BTreeMap<String, String>) -> Self {
        map.iter().fold(self, |message, (key, value)| {
            message.message(field, Self::default().text(1, key).text(2, value))
        })
    }

    pub(super) fn time(self, field: u8, time: jiff::Timestamp) -> Self {
        // Nanoseconds count forward also before 1970.
        let (mut seconds, mut nanos) = (time.as_second(), time.subsec_nanosecond());
        if nanos < 0 {
            seconds -= 1;
            nanos += 1_000_000_000;
        }
        let time = Self::default().integer(1, seconds).integer(2, nanos.into());
        self.message(field, time)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn delimited(mut self, field: u8, bytes: &[u8]) -> Self {
        self.0.push(field << 3 | 2);
        put_varint(&mut self.0, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }
}

/// Seven bits a byte, the lowest first; the high bit says that more follow.
pub(super) fn put_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_as_in_proto3() {
        let message = Message::default()
            .integer(1, 300)
            .integer(2, 0)
            .text(3, "hi")
            .message(4, Message::default());
        assert_eq!(message.as_bytes(), b"\x08\xac\x02\x1a\x02hi\x22\x00");
        let before = jiff::Timestamp::UNIX_EPOCH - jiff::SignedDuration::from_nanos(1);
        let mut expected = b"\x0a\x11\x08".to_vec();
        expected.extend([0xff; 9]);
        expected.extend(b"\x01\x10\xff\x93\xeb\xdc\x03");
        assert_eq!(Message::default().time(1, before).as_bytes(), expected);
    }
}
