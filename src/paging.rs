//! [`Pages`] and [`Items`]: listings as streams.
//!
//! A listing goes on for as long as the server says that there is more, whatever the pages hold. It is never silently
//! short: a cursor that is empty, or that comes a second time, ends the stream with an error.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    vec,
};

use futures_core::Stream;

use crate::{Call, CallFuture, Error, Operation, Result, error::ErrorKind, models::Pagination};

/// An operation that answers in pages.
pub trait Paged: Operation<Output: Send> + Clone {
    /// An entry of the listing.
    type Item: Send;

    /// Where the page begins: after this entry.
    fn cursor(&self) -> Option<&str>;

    /// Sets where the page begins.
    fn set_cursor(&mut self, cursor: String);

    /// Where an answer stands in the listing.
    fn page(output: &Self::Output) -> &Pagination;

    /// The entries of an answer.
    fn items(output: Self::Output) -> Vec<Self::Item>;
}

/// The pages of a listing, as a [`Stream`] or by [`next`](Self::next). See [`Call::pages`].
///
/// After an error it ends.
pub struct Pages<Op: Operation> {
    next: Option<Call<Op>>,
    under_way: Option<CallFuture<Op>>,
    cursors: Cursors,
}

/// The entries of a listing, as a [`Stream`] or by [`next`](Self::next). See [`Call::items`].
///
/// After an error it ends.
pub struct Items<Op: Paged> {
    pages: Pages<Op>,
    page: vec::IntoIter<Op::Item>,
}

/// Notices a cursor that goes round in a circle, in constant memory: it keeps one and moves on at every power of two, so
/// that a circle of any length is met (Brent's algorithm).
#[derive(Default)]
struct Cursors {
    kept: Option<String>,
    seen: u64,
}

// ===== impl Pages =====

impl<Op: Paged> Pages<Op> {
    pub(crate) fn new(call: Call<Op>) -> Self {
        Self {
            next: Some(call),
            under_way: None,
            cursors: Cursors::default(),
        }
    }

    /// The next page, or `None` after the last.
    ///
    /// # Errors
    ///
    /// What a single call can fail with, and when the listing's cursor does not advance.
    pub async fn next(&mut self) -> Option<Result<Op::Output>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    fn advance(&mut self, output: &Op::Output, mut call: Call<Op>) -> Result<()> {
        let page = Op::page(output);
        if page.has_more {
            self.cursors
                .check(&page.next_offset, call.operation.cursor())
                .map_err(|error| error.with_operation(Some(Op::META)))?;
            call.operation.set_cursor(page.next_offset.clone());
            self.next = Some(call);
        }
        Ok(())
    }
}

impl<Op: Paged> Stream for Pages<Op> {
    type Item = Result<Op::Output>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(call) = this.next.take() else {
            return Poll::Ready(None);
        };
        let future = this.under_way.get_or_insert_with(|| call.clone().send());
        let Poll::Ready(answer) = Pin::new(future).poll(cx) else {
            this.next = Some(call);
            return Poll::Pending;
        };
        this.under_way = None;
        Poll::Ready(Some(
            answer.and_then(|output| this.advance(&output, call).map(|()| output)),
        ))
    }
}

// The futures inside are `Unpin`: they hold what they wait for in boxes.
impl<Op: Operation> Unpin for Pages<Op> {}

impl<Op: Operation> fmt::Debug for Pages<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("operation", &Op::META.id)
            .finish_non_exhaustive()
    }
}

// ===== impl Items =====

impl<Op: Paged> Items<Op> {
    pub(crate) fn new(pages: Pages<Op>) -> Self {
        Self {
            pages,
            page: Vec::new().into_iter(),
        }
    }

    /// The pages that are left, and what is left of the page at hand.
    #[cfg(feature = "blocking")]
    pub(crate) fn into_parts(self) -> (Pages<Op>, vec::IntoIter<Op::Item>) {
        (self.pages, self.page)
    }

    /// The next entry, or `None` after the last.
    ///
    /// # Errors
    ///
    /// As [`Pages::next`].
    pub async fn next(&mut self) -> Option<Result<Op::Item>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// All entries that are left, in memory.
    ///
    /// # Errors
    ///
    /// As [`Pages::next`].
    pub async fn collect(mut self) -> Result<Vec<Op::Item>> {
        let mut items: Vec<_> = self.page.collect();
        while let Some(page) = self.pages.next().await {
            items.extend(Op::items(page?));
        }
        Ok(items)
    }
}

impl<Op: Paged> Stream for Items<Op> {
    type Item = Result<Op::Item>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.page.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(Pin::new(&mut self.pages).poll_next(cx)) {
                Some(Ok(page)) => self.page = Op::items(page).into_iter(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl<Op: Paged> Unpin for Items<Op> {}

impl<Op: Paged> fmt::Debug for Items<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("operation", &Op::META.id)
            .finish_non_exhaustive()
    }
}

// ===== impl Cursors =====

impl Cursors {
    fn check(&mut self, cursor: &str, last: Option<&str>) -> Result<()> {
        if cursor.is_empty() {
            return Err(Error::new(
                ErrorKind::Paging,
                "the listing says that there is more and gives no cursor (`next_offset` is empty): it would be incomplete",
            ));
        }
        if last == Some(cursor) || self.kept.as_deref() == Some(cursor) {
            return Err(Error::new(
                ErrorKind::Paging,
                format!(
                    "the listing's cursor does not advance (`next_offset` is {cursor:?} again): it would never end"
                ),
            ));
        }
        self.seen += 1;
        if self.seen.is_power_of_two() {
            self.kept = Some(cursor.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends its cursors in a circle would keep a program busy for ever.
    #[test]
    fn a_circle_of_cursors_of_any_length_is_noticed() {
        for length in 1..40 {
            let mut cursors = Cursors::default();
            let noticed =
                (0..1_000).find(|at| cursors.check(&format!("c{}", at % length), None).is_err());
            assert!(
                noticed.is_some_and(|at| at <= 4 * length),
                "length {length}: {noticed:?}"
            );
        }
    }

    #[test]
    fn cursors_that_never_come_again_go_on() {
        let mut cursors = Cursors::default();
        assert!((0..10_000).all(|at| cursors.check(&format!("c{at}"), None).is_ok()));
    }
}
