//! Where random ids come from: one seam, so that a seed makes a server repeat itself.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use jiff::Timestamp;

/// The alphabet of lakeFS's 20-character ids.
const BASE32: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// The beginning of the year 3000: ids that are to sort from new to old count back from it.
const YEAR_3000: i64 = 32_500_915_200;

/// Makes ids from a random generator.
#[derive(Debug)]
pub(super) struct Ids {
    rng: Mutex<fastrand::Rng>,
    /// Stands for machine and process in the ids that tell a time.
    origin: [u8; 5],
    counter: AtomicU32,
}

impl Ids {
    pub(super) fn new(seed: Option<u64>) -> Self {
        let mut rng = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let mut origin = [0; 5];
        rng.fork().fill(&mut origin);
        Self {
            rng: Mutex::new(rng),
            origin,
            counter: AtomicU32::new(0),
        }
    }

    /// A place for new object bytes, relative to the storage namespace.
    pub(super) fn address(&self) -> Arc<str> {
        format!("data/{}/{}", self.short(), self.short()).into()
    }

    /// As [`address`](Self::address), but its last part tells when it was made: it is an xid.
    ///
    /// <https://github.com/rs/xid>
    pub(super) fn dated_address(&self, time: Timestamp) -> String {
        let mut id = [0_u8; 12];
        self.rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill(&mut id);
        let seconds = u32::try_from(time.as_second()).unwrap_or(0);
        id[..4].copy_from_slice(&seconds.to_be_bytes());
        format!("data/{}/{}", self.short(), base32(&id))
    }

    /// When an address was made by [`dated_address`](Self::dated_address).
    pub(super) fn address_time(address: &str) -> Option<Timestamp> {
        // Seven digits of five bits hold the 32 bits of the seconds, and three more.
        let digits = address.rsplit('/').next()?.as_bytes().get(..7)?;
        let value = digits.iter().try_fold(0_u64, |value, digit| {
            let digit = BASE32.iter().position(|known| known == digit)?;
            Some(value << 5 | digit as u64)
        })?;
        Timestamp::from_second(i64::try_from(value >> 3).ok()?).ok()
    }

    /// 20 characters, as tasks have.
    pub(super) fn short(&self) -> String {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        (0..20)
            .map(|_| char::from(BASE32[rng.usize(..BASE32.len())]))
            .collect()
    }

    /// The id of an action run or a pull request: a later second sorts before an earlier one, and within a second the
    /// order is that of making.
    pub(super) fn run(&self, now: Timestamp) -> String {
        self.timed(YEAR_3000.saturating_sub(now.as_second()))
    }

    /// The id of an import: a later one sorts after an earlier one.
    pub(super) fn import(&self, now: Timestamp) -> String {
        self.timed(now.as_second())
    }

    /// 12 bytes in base 32: four of time, five of origin, three of a counter.
    fn timed(&self, seconds: i64) -> String {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        let time = seconds.to_be_bytes();
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&time[4..]);
        bytes[4..9].copy_from_slice(&self.origin);
        bytes[9..].copy_from_slice(&counter.to_be_bytes()[1..]);
        base32(&bytes)
    }

    /// A random UUID.
    pub(super) fn uuid(&self) -> String {
        let random = self
            .rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .u128(..);
        let versioned = random & !(0xf << 76) & !(0b11 << 62) | (4 << 76) | (0b10 << 62);
        let hex = format!("{versioned:032x}");
        [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ]
        .join("-")
    }

    /// The id of an access key, which sorts by its number.
    pub(super) fn access_key(&self, number: u32) -> String {
        let digit = |shift: u32| BASE32[(number >> shift) as usize % BASE32.len()];
        let digits = (0..7).rev().map(|place| char::from(digit(5 * place)));
        let random = self.short();
        let id: String = digits.chain(random.chars().take(7)).collect();
        format!("AKIAJ{}Q", id.to_ascii_uppercase())
    }

    /// The secret of an access key.
    pub(super) fn secret_key(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(&self.secret()[..30])
    }

    /// A secret for signing.
    pub(super) fn secret(&self) -> [u8; 32] {
        let mut secret = [0; 32];
        self.rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill(&mut secret);
        secret
    }
}

/// Whether a text could be an id that tells a time.
pub(super) fn is_timed(id: &str) -> bool {
    // Of the last digit, the 96 bits fill one bit only.
    id.len() == 20 && id.bytes().all(|byte| BASE32.contains(&byte)) && id.ends_with(['0', 'g'])
}

/// As an xid is written: the first bits are the first digit, and the last digit is filled with zeros.
fn base32(bytes: &[u8]) -> String {
    let bit = |at: usize| {
        bytes
            .get(at / 8)
            .is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1)
    };
    let digit =
        |first: usize| (0..5).fold(0, |value, at| value << 1 | usize::from(bit(first + at)));
    (0..bytes.len() * 8)
        .step_by(5)
        .map(|first| char::from(BASE32[digit(first)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_sort_from_new_to_old_by_second() {
        let ids = Ids::new(Some(7));
        let at = |second| Timestamp::from_second(second).unwrap();
        let (first, second) = (ids.run(at(1_800_000_000)), ids.run(at(1_800_000_000)));
        let later = ids.run(at(1_800_000_001));
        assert!(first < second && later < first);
        assert!(is_timed(&first) && is_timed(&later));
        assert!(ids.import(at(1)) < ids.import(at(2)));
        assert!(!is_timed("nope") && !is_timed("zzzzzzzzzzzzzzzzzzzz"));
    }

    #[test]
    fn ids_have_the_shapes_of_the_real_server_and_repeat_with_a_seed() {
        let (ids, again) = (Ids::new(Some(7)), Ids::new(Some(7)));
        let address = ids.address();
        assert_eq!(address.len(), "data/".len() + 41);
        assert_eq!(address, again.address());
        let dated = ids.dated_address(Timestamp::from_second(1_700_000_000).unwrap());
        assert_eq!(dated.len(), address.len());
        assert_eq!(
            Ids::address_time(&dated).unwrap().as_second(),
            1_700_000_000
        );
        let uuid = ids.uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'4');
    }
}
