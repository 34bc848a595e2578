use std::{fmt, iter::FusedIterator, vec};

use crate::{
    Result,
    blocking::runtime,
    paging::{self, Paged},
};

/// The pages of a listing, as an iterator that blocks. See [`paging::Pages::blocking`].
///
/// After an error it ends.
#[must_use = "an iterator does nothing until it is asked"]
pub struct Pages<Op: Paged> {
    pages: Option<paging::Pages<Op>>,
}

/// The entries of a listing, as an iterator that blocks. See [`paging::Items::blocking`].
///
/// After an error it ends.
#[must_use = "an iterator does nothing until it is asked"]
pub struct Items<Op: Paged> {
    pages: Pages<Op>,
    page: vec::IntoIter<Op::Item>,
}

// ===== impl Pages =====

impl<Op: Paged + 'static> paging::Pages<Op> {
    /// The same pages as an [`Iterator`] that waits for each. See [`blocking`](crate::blocking).
    pub fn blocking(self) -> Pages<Op> {
        Pages { pages: Some(self) }
    }
}

impl<Op: Paged + 'static> Iterator for Pages<Op> {
    type Item = Result<Op::Output>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut pages = self.pages.take()?;
        let waited = runtime::wait(async move {
            let page = pages.next().await;
            (pages, page)
        });
        match waited {
            Ok((pages, Some(Ok(page)))) => {
                self.pages = Some(pages);
                Some(Ok(page))
            }
            Ok((_, last)) => last,
            Err(error) => Some(Err(error.with_operation(Some(Op::META)))),
        }
    }
}

impl<Op: Paged + 'static> FusedIterator for Pages<Op> {}

impl<Op: Paged> fmt::Debug for Pages<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("operation", &Op::META.id)
            .finish_non_exhaustive()
    }
}

// ===== impl Items =====

impl<Op: Paged + 'static> paging::Items<Op> {
    /// The same entries as an [`Iterator`] that waits where a page begins. See [`blocking`](crate::blocking).
    ///
    /// ```
    /// # use lakefs_sdk::{Client, Result, models::RepositoryCreation, testing::MemoryLakeFs};
    /// # fn main() -> Result<()> {
    /// # let client = Client::new(MemoryLakeFs::new());
    /// # for id in ["lake", "pond"] {
    /// #     client.create_repository(RepositoryCreation::new(id, format!("mem://{id}"))).send_blocking()?;
    /// # }
    /// let repositories = client.list_repositories().items().blocking().collect::<Result<Vec<_>>>()?;
    /// assert_eq!(repositories.len(), 2);
    /// # Ok(()) }
    /// ```
    pub fn blocking(self) -> Items<Op> {
        let (pages, page) = self.into_parts();
        Items {
            pages: pages.blocking(),
            page,
        }
    }
}

impl<Op: Paged + 'static> Iterator for Items<Op> {
    type Item = Result<Op::Item>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.page.next() {
                return Some(Ok(item));
            }
            match self.pages.next()? {
                Ok(page) => self.page = Op::items(page).into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<Op: Paged + 'static> FusedIterator for Items<Op> {}

impl<Op: Paged> fmt::Debug for Items<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("operation", &Op::META.id)
            .finish_non_exhaustive()
    }
}
