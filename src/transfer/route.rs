//! What a server offers, and so which way data can take.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Mode, Transfer};
use crate::{Error, Result, error::ErrorKind, models::StorageConfig};

/// What the server offers.
#[derive(Debug, Default)]
pub(super) struct Offer {
    /// Whether the server said so, or would not tell.
    known: bool,
    presign: bool,
    multipart: bool,
    /// The store was not reached from here when it was tried.
    unreachable: AtomicBool,
}

/// The way that the data of one object can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// By presigned URLs.
    pub(super) presigned: bool,
    /// In parts, by presigned URLs.
    pub(super) multipart: bool,
}

// ===== impl Transfer =====

impl Transfer {
    /// Which way data can take. Asks the server the first time.
    pub(super) async fn route(&self) -> Result<Route> {
        if self.mode == Mode::Direct {
            return Ok(Route::DIRECT);
        }
        let offer = self.offer.get_or_try_init(|| self.ask()).await?;
        let usable = self.mode == Mode::Presigned || !offer.unreachable.load(Ordering::Relaxed);
        if self.mode == Mode::Presigned && !offer.presign && offer.known {
            return Err(no_url());
        }
        // Who insists on it, and may not know, learns from the answer.
        Ok(Route {
            presigned: usable && (offer.presign || self.mode == Mode::Presigned),
            multipart: usable && offer.multipart,
        })
    }

    async fn ask(&self) -> Result<Offer> {
        let config = match self.client.get_config().await {
            Ok(config) => config,
            // Whoever may write objects need not be allowed to read the configuration.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::NotImplemented
                ) =>
            {
                return Ok(Offer::default());
            }
            Err(error) => return Err(error),
        };
        let several = config.storage_config_list.unwrap_or_default();
        let all = |offers: fn(&StorageConfig) -> bool| match &config.storage_config {
            Some(one) if several.is_empty() => offers(one),
            _ => !several.is_empty() && several.iter().all(offers),
        };
        Ok(Offer {
            known: true,
            presign: all(|store| store.pre_sign_support),
            multipart: all(|store| store.pre_sign_multipart_upload == Some(true)),
            unreachable: AtomicBool::new(false),
        })
    }

    /// Keeps in mind that the object store cannot be reached from here.
    pub(super) fn avoid_store(&self) {
        if let Some(offer) = self.offer.get() {
            offer.unreachable.store(true, Ordering::Relaxed);
        }
    }
}

// ===== impl Route =====

impl Route {
    pub(super) const DIRECT: Self = Self {
        presigned: false,
        multipart: false,
    };
}

/// The error of who insists on presigned URLs where there are none.
pub(super) fn no_url() -> Error {
    Error::new(
        ErrorKind::NotImplemented,
        "lakeFS hands out no presigned URLs for this store; use `transfer::Mode::Auto` or `Mode::Direct`, which send the data \
         through lakeFS",
    )
}
