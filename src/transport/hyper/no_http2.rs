//! What stands for HTTP/2 without the feature `http2`: it is never spoken.

use hyper_util::client::legacy::Builder;

#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {}

impl Settings {
    pub(super) fn new() -> Self {
        Self {}
    }

    #[cfg(feature = "rustls")]
    pub(super) fn offered(&self) -> bool {
        false
    }

    pub(super) fn always(&self) -> bool {
        false
    }

    pub(super) fn apply(&self, _: &mut Builder) {}
}
