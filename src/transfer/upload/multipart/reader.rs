//! The parts of the data, one after the other.

use super::super::{
    checksum::Sent,
    file::File,
    source::{Chunks, Source, Stream},
};
use crate::{Body, Error, Result, transfer::checksum::Sum};

/// Gives the data part by part.
pub(super) struct Reader {
    source: Source,
    at: u64,
    /// What was given of a stream, as long as all of it may have to be sent in another way.
    given: Option<Chunks>,
}

/// The data of a part; of a file, where it is.
pub(super) enum Part {
    Memory(Chunks),
    File { file: File, start: u64, size: u64 },
}

// ===== impl Reader =====

impl Reader {
    pub(super) fn new(source: Source) -> Self {
        let given = matches!(source, Source::Stream(_)).then(Chunks::default);
        Self {
            source,
            at: 0,
            given,
        }
    }

    /// Where the next part begins.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Whether its parts are held in memory until they are stored: not so where it is all in memory, or can be read again.
    pub(super) fn holds_parts(&self) -> bool {
        matches!(self.source, Source::Stream(_))
    }

    /// The next `size` bytes, or what is left; `None` at the end. Once some are `stored`, there is no way back.
    pub(super) async fn next(&mut self, size: u64, stored: bool) -> Result<Option<Part>> {
        if stored {
            self.given = None;
        }
        let part = match &mut self.source {
            Source::Memory(chunks) => Part::Memory(chunks.slice(self.at, size)),
            Source::File(file) => Part::File {
                file: file.clone(),
                start: self.at,
                size: size.min(file.size() - self.at),
            },
            Source::Stream(stream) => {
                stream.fill(size).await?;
                let chunks = stream.take(size);
                if let Some(given) = &mut self.given {
                    given.append(&chunks);
                }
                Part::Memory(chunks)
            }
        };
        self.at += part.size();
        Ok((part.size() > 0).then_some(part))
    }

    /// The whole data, to be sent in another way; `None` when some of it is gone.
    pub(super) fn rewind(self) -> Option<Source> {
        match self.source {
            Source::Stream(stream) => {
                let mut read = self.given?;
                let (rest, body): (Chunks, Body) = stream.into_parts();
                read.append(&rest);
                Some(Stream::new(read, body).into())
            }
            source => Some(source),
        }
    }
}

// ===== impl Part =====

impl Part {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Memory(chunks) => chunks.size(),
            Self::File { size, .. } => *size,
        }
    }

    /// Its MD5, where it is in memory: parts are large, so that is taken where it holds nobody up. That of a file is taken as
    /// it is read.
    pub(super) async fn sum(&self) -> Result<Option<Sum>> {
        let Self::Memory(chunks) = self else {
            return Ok(None);
        };
        let chunks = chunks.clone().into_vec();
        let hashing = tokio::task::spawn_blocking(move || Sum::of(&chunks));
        hashing
            .await
            .map(Some)
            .map_err(|error| Error::cut("the MD5 of a part could not be taken").with_source(error))
    }

    /// The body of a request.
    pub(super) fn body(&self, sent: &Sent) -> Body {
        match self {
            Self::Memory(chunks) => chunks.clone().body(sent),
            Self::File { file, start, size } => file.body(*start..start + size, sent),
        }
    }
}
