//! [`AttemptNumber`]: which attempt of a call a request is.

use http::Request;

/// Which attempt of a call a request is; in the extensions of every request but the first of a call.
///
/// [`retry`](super::retry) puts it there, and a retry layer of your own can: [`trace`](super::trace) tells it as
/// `http.request.resend_count`. A layer of yours below retries reads it:
///
/// ```
/// # use http::Request;
/// # use lakefs_sdk::middleware::attempt::AttemptNumber;
/// let mut request = Request::new(());
/// assert_eq!(AttemptNumber::of(&request).get(), 1);
/// request.extensions_mut().insert(AttemptNumber::new(2));
/// assert_eq!(AttemptNumber::of(&request).get(), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptNumber(pub(crate) u32);

// ===== impl AttemptNumber =====

impl AttemptNumber {
    /// Counted from 1.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number, from 1.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The one of a request; the first where it says nothing.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Self {
        request.extensions().get().copied().unwrap_or(Self(1))
    }
}
