//! Whether local files have the checksums that their objects have.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use md5::{Digest, Md5};

use super::{
    find::blocking,
    plan::{Reason, Verdict, Verdicts},
    walk,
};
use crate::{
    Result,
    transfer::{
        MIB,
        checksum::{Sum, is_md5},
    },
};

/// How much of a file is read at once.
const PIECE: usize = 64 * 1024;

/// The sizes that parts usually have, in MiB: this crate's, those of the AWS command line and libraries, Hadoop, rclone, s3cmd.
const PART_SIZES: [u64; 13] = [5, 8, 10, 15, 16, 25, 32, 50, 64, 100, 128, 256, 512];

/// What a checksum tells of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Md5,
    /// The MD5 of the MD5s of so many parts, as S3 gives it to an object that was uploaded in parts.
    OfParts(u64),
}

/// Sums up a file part by part.
struct Parts {
    size: u64,
    /// What is left of the part that is being read.
    left: u64,
    part: Md5,
    parts: Vec<Sum>,
}

/// Whether the content of a file can be compared with a checksum.
pub(super) fn is_comparable(checksum: &str) -> bool {
    Kind::of(checksum).is_some()
}

/// Whether files have the checksums that their objects have; some are read side by side.
///
/// A file that cannot be read differs: what is to be done with it will fail, and tell why.
pub(super) async fn ask(
    root: &Path,
    files: Vec<(String, String)>,
    part_size: u64,
    readers: usize,
) -> Result<Verdicts> {
    let verdicts = stream::iter(files).map(|(path, expected)| {
        let file = walk::file(root, &path);
        async move {
            let compare = move || match compare(&file, &expected, part_size) {
                Ok(Some(true)) => Verdict::Same,
                Ok(None) => Verdict::Differs(Reason::ChecksumUnknown),
                Ok(Some(false)) | Err(_) => Verdict::Differs(Reason::ContentDiffers),
            };
            Ok((path, blocking(compare).await?))
        }
    });
    verdicts.buffer_unordered(readers).try_collect().await
}

/// Whether a file has a checksum; `None` where that depends on what nobody told.
///
/// It blocks.
fn compare(path: &Path, expected: &str, part_size: u64) -> io::Result<Option<bool>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let sizes = match Kind::of(expected) {
        // Also that of one part, without its number, as lakeFS's S3 gateway keeps it.
        Some(Kind::Md5 | Kind::OfParts(1)) => vec![size.max(1)],
        Some(Kind::OfParts(count)) => {
            let usual = PART_SIZES.iter().map(|size| size * MIB);
            let mut sizes: Vec<u64> = usual.chain([part_size]).collect();
            sizes.sort_unstable();
            sizes.dedup();
            sizes.retain(|&part| size.div_ceil(part.max(1)) == count);
            sizes
        }
        None => return Ok(None),
    };
    if sizes.is_empty() {
        return Ok(None);
    }
    let mut sums: Vec<Parts> = sizes.into_iter().map(Parts::new).collect();
    read(file, &mut sums)?;
    Ok(Some(sums.into_iter().any(|sums| sums.are(expected))))
}

fn read(mut file: File, sums: &mut [Parts]) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => sums.iter_mut().for_each(|sums| sums.add(&piece[..read])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

// ===== impl Kind =====

impl Kind {
    fn of(checksum: &str) -> Option<Self> {
        if is_md5(checksum) {
            return Some(Self::Md5);
        }
        let (md5, count) = checksum.split_once('-')?;
        let count = count.parse().ok().filter(|&count| count > 0)?;
        is_md5(md5).then_some(Self::OfParts(count))
    }
}

// ===== impl Parts =====

impl Parts {
    fn new(size: u64) -> Self {
        Self {
            size,
            left: size,
            part: Md5::new(),
            parts: Vec::new(),
        }
    }

    fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let fits = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
            let (now, rest) = bytes.split_at(fits);
            self.part.update(now);
            self.left -= now.len() as u64;
            if self.left == 0 {
                self.end_part();
            }
            bytes = rest;
        }
    }

    fn end_part(&mut self) {
        self.parts.push(Sum::finish(std::mem::take(&mut self.part)));
        self.left = self.size;
    }

    /// Whether all that was added has this checksum.
    fn are(mut self, checksum: &str) -> bool {
        if self.left < self.size || self.parts.is_empty() {
            self.end_part();
        }
        let is = |sum: String| sum.eq_ignore_ascii_case(checksum);
        let is_of_one = match self.parts[..] {
            [one] => is(one.hex()) || is(Sum::of_sums(&self.parts).hex()),
            _ => false,
        };
        is_of_one || is(Sum::of_parts(&self.parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that is the same, and is sent again with every run, makes of a copy by checksum one without.
    #[test]
    fn files_are_compared_with_the_checksums_of_parts_too() {
        let (directory, part) = (tempfile::tempdir().unwrap(), 5 * MIB);
        let path = directory.path().join("a");
        let content: Vec<u8> = (0..2 * part + 9).map(|at| (at / 777) as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let sum = |bytes: &[u8]| Sum::finish(Md5::new_with_prefix(bytes));
        let whole = sum(&content);
        let parts = |size: usize| -> Vec<Sum> { content.chunks(size).map(sum).collect() };
        let of_five = Sum::of_parts(&parts(5 * MIB as usize));
        let of_eight = Sum::of_parts(&parts(8 * MIB as usize));
        let of_odd = Sum::of_parts(&parts(7_654_321));
        let one = Sum::of_parts(&[whole]);
        let compare = |expected: &str, own: u64| compare(&path, expected, own).unwrap();

        assert_eq!(compare(&whole.hex(), part), Some(true));
        assert_eq!(compare(&whole.hex().to_uppercase(), part), Some(true));
        assert_eq!(compare(&of_five, 8 * MIB), Some(true));
        assert_eq!(compare(&of_eight, 5 * MIB), Some(true));
        assert_eq!(compare(&one, part), Some(true));
        assert_eq!(compare(one.trim_end_matches("-1"), part), Some(true));
        assert_eq!(compare(&of_odd, part), Some(false));
        assert_eq!(compare(&of_odd, 7_654_321), Some(true));
        // No usual size makes so many of it.
        assert_eq!(compare(&of_five.replace("-3", "-9"), part), None);
        assert_eq!(compare("0x8DC", part), None);

        std::fs::write(&path, &content[1..]).unwrap();
        assert_eq!(compare(&whole.hex(), part), Some(false));
        assert_eq!(compare(&of_five, part), Some(false));
    }
}
