use std::{
    fmt,
    future::poll_fn,
    io::{self, BufRead, Read, Seek, SeekFrom},
};

use crate::{
    blocking::runtime,
    transfer::{self, download::io_error},
};

/// An object as a [`Read`], [`BufRead`] and [`Seek`] that fetches what is read, without async. See
/// [`transfer::ObjectReader::into_blocking`].
pub struct ObjectReader {
    /// `None` after it failed.
    object: Option<transfer::ObjectReader>,
}

impl transfer::ObjectReader {
    /// The same without async: a [`Read`], [`BufRead`] and [`Seek`], for libraries that want a file.
    ///
    /// What is here already is read without a detour; the rest by way of the background thread, see
    /// [`blocking`](crate::blocking).
    ///
    /// ```
    /// # use lakefs_sdk::{Client, blocking, models::RepositoryCreation, testing::MemoryLakeFs};
    /// # use std::io::{Read, Seek, SeekFrom};
    /// # fn main() -> Result<(), lakefs_sdk::BoxError> {
    /// # let client = Client::new(MemoryLakeFs::new());
    /// # client.create_repository(RepositoryCreation::new("lake", "mem://lake")).send_blocking()?;
    /// client.upload_object("lake", "main", "a.txt").body("head, body, foot").send_blocking()?;
    /// let transfer = client.transfer();
    /// let object = blocking::run(async move { transfer.reader("lake", "main", "a.txt").await })?;
    /// let mut object = object.into_blocking();
    /// let mut foot = String::new();
    /// object.seek(SeekFrom::End(-4))?;
    /// object.read_to_string(&mut foot)?;
    /// assert_eq!(foot, "foot");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Reading it fails with an [`io::Error`] that holds an [`Error`](crate::Error) of this crate, and so does reading on.
    #[must_use]
    pub fn into_blocking(self) -> ObjectReader {
        ObjectReader { object: Some(self) }
    }
}

// ===== impl ObjectReader =====

impl ObjectReader {
    fn object(&mut self) -> io::Result<&mut transfer::ObjectReader> {
        let object = self.object.as_mut();
        object.ok_or_else(|| io::Error::other("the object failed before"))
    }
}

impl BufRead for ObjectReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let object = self.object()?;
        if object.here().is_empty() && object.position() < object.size() {
            let Some(mut object) = self.object.take() else {
                return Ok(&[]);
            };
            let waited = runtime::wait(async move {
                let filled = poll_fn(|cx| object.poll_fill(cx)).await;
                filled.map(|()| object)
            });
            self.object = Some(waited.and_then(|object| object).map_err(io_error)?);
        }
        Ok(self.object()?.here())
    }

    fn consume(&mut self, count: usize) {
        if let Some(object) = &mut self.object {
            object.skip(count);
        }
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl Seek for ObjectReader {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let object = self.object()?;
        object.move_to(position)?;
        Ok(object.position())
    }
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectReader")
            .field("object", &self.object)
            .finish()
    }
}
