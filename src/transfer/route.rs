//! What a server offers, and so which way data can take.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::OnceCell;

use super::{Mode, Transfer};
use crate::{Client, Error, Result, error::ErrorKind, models::StorageConfig};

/// What the server offers.
#[derive(Debug, Default)]
pub(super) struct Offer {
    stores: Stores,
    /// A store was not reached from here when it was tried.
    unreachable: AtomicBool,
    /// A store was reached: where it is not now, that will pass.
    reached: AtomicBool,
}

/// The object stores behind a server.
#[derive(Debug, Default)]
enum Stores {
    /// The server would not tell.
    #[default]
    Unknown,
    One(Store),
    Several(Several),
}

/// What an object store offers.
#[derive(Clone, Copy, Debug)]
struct Store {
    presign: bool,
    multipart: bool,
    azure: bool,
}

/// Stores by their ids. Which one a repository is in, is asked for once.
#[derive(Debug)]
struct Several {
    stores: HashMap<String, Store>,
    of: Mutex<HashMap<String, Arc<OnceCell<Store>>>>,
}

/// The way that the data of one object can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// By presigned URLs.
    pub(super) presigned: bool,
    /// In parts, by presigned URLs.
    pub(super) multipart: bool,
    /// To Azure, which has a header of its own.
    pub(super) azure: bool,
}

// ===== impl Transfer =====

impl Transfer {
    /// Which way the data of a repository can take. Asks the server the first time.
    pub(super) async fn route(&self, repository: &str) -> Result<Route> {
        if self.mode == Mode::Direct {
            return Ok(Route::DIRECT);
        }
        let offer = self.offer.get_or_try_init(|| ask(&self.client)).await?;
        let insists = self.mode == Mode::Presigned;
        let store = match &offer.stores {
            // Who insists on it, and may not know, learns from the answer.
            Stores::Unknown => Store {
                presign: insists,
                multipart: false,
                azure: false,
            },
            Stores::One(store) => *store,
            Stores::Several(several) => several.store_of(&self.client, repository).await?,
        };
        if insists && !store.presign {
            return Err(no_url());
        }
        let usable = insists || !offer.unreachable.load(Ordering::Relaxed);
        Ok(Route {
            presigned: usable && store.presign,
            multipart: usable && store.multipart,
            azure: store.azure,
        })
    }

    /// Keeps in mind that the object store can be reached from here.
    pub(super) fn store_was_reached(&self) {
        if let Some(offer) = self.offer.get() {
            offer.reached.store(true, Ordering::Relaxed);
        }
    }

    /// Keeps in mind that the object store cannot be reached from here, and answers whether it is given up: one that was
    /// reached before is only away for a moment.
    pub(super) fn avoid_store(&self) -> bool {
        let Some(offer) = self.offer.get() else {
            return true;
        };
        let gives_up = !offer.reached.load(Ordering::Relaxed);
        if gives_up {
            offer.unreachable.store(true, Ordering::Relaxed);
        }
        gives_up
    }
}

async fn ask(client: &Client) -> Result<Offer> {
    let config = match client.get_config().await {
        Ok(config) => config,
        Err(error) if may_not_know(&error) => return Ok(Offer::default()),
        Err(error) => return Err(error),
    };
    let several = config.storage_config_list.unwrap_or_default();
    let stores = match (&*several, &config.storage_config) {
        ([], None) => Stores::One(Store::NONE),
        ([], Some(one)) | ([one], _) => Stores::One(Store::of(one)),
        (several, _) => {
            let id = |store: &StorageConfig| store.blockstore_id.clone().unwrap_or_default();
            let stores = several.iter().map(|store| (id(store), Store::of(store)));
            Stores::Several(Several {
                stores: stores.collect(),
                of: Mutex::default(),
            })
        }
    };
    Ok(Offer {
        stores,
        ..Offer::default()
    })
}

/// Whoever may write objects need not be allowed to read the configuration, or about repositories.
fn may_not_know(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::NotImplemented
    )
}

// ===== impl Several =====

impl Several {
    async fn store_of(&self, client: &Client, repository: &str) -> Result<Store> {
        let known = {
            let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
            match of.get(repository) {
                Some(known) => Arc::clone(known),
                None => Arc::clone(of.entry(repository.to_owned()).or_default()),
            }
        };
        let store = known
            .get_or_try_init(|| self.find(client, repository))
            .await?;
        Ok(*store)
    }

    async fn find(&self, client: &Client, repository: &str) -> Result<Store> {
        let id = match client.get_repository(repository).await {
            Ok(repository) => Some(repository.storage_id.unwrap_or_default()),
            Err(error) if may_not_know(&error) => None,
            Err(error) => return Err(error),
        };
        let store = id.and_then(|id| self.stores.get(&id)).copied();
        Ok(store.unwrap_or_else(|| self.any()))
    }

    /// What can be relied on, whichever of the stores it is.
    fn any(&self) -> Store {
        let all = |offers: fn(&Store) -> bool| self.stores.values().all(offers);
        Store {
            presign: all(|store| store.presign),
            multipart: all(|store| store.multipart),
            azure: all(|store| store.azure),
        }
    }
}

// ===== impl Store =====

impl Store {
    const NONE: Self = Self {
        presign: false,
        multipart: false,
        azure: false,
    };

    fn of(config: &StorageConfig) -> Self {
        Self {
            presign: config.pre_sign_support,
            multipart: config.pre_sign_multipart_upload == Some(true),
            azure: config.blockstore_type == "azure",
        }
    }
}

// ===== impl Route =====

impl Route {
    pub(super) const DIRECT: Self = Self {
        presigned: false,
        multipart: false,
        azure: false,
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
