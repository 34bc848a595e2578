//! The MD5s of local files.

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
use crate::{Result, transfer::checksum::Sum};

/// How much of a file is read at once.
const PIECE: usize = 64 * 1024;

/// Whether files have the MD5s that their objects have; some are read side by side.
///
/// A file that cannot be read differs: what is to be done with it will fail, and tell why.
pub(super) async fn ask(
    root: &Path,
    files: Vec<(String, String)>,
    readers: usize,
) -> Result<Verdicts> {
    let verdicts = stream::iter(files).map(|(path, expected)| {
        let file = walk::file(root, &path);
        async move {
            let same = move || md5(&file).is_ok_and(|md5| md5.eq_ignore_ascii_case(&expected));
            let verdict = match blocking(same).await? {
                true => Verdict::Same,
                false => Verdict::Differs(Reason::ContentDiffers),
            };
            Ok((path, verdict))
        }
    });
    verdicts.buffer_unordered(readers).try_collect().await
}

fn md5(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut state = Md5::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => state.update(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Sum::finish(state).hex())
}
