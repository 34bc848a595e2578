//! Where hosts are: fixed addresses, else a resolver of the user's, else the system's.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower::{Service, ServiceExt as _};

use super::failed::Failed;
use crate::BoxError;

type Resolving = Pin<Box<dyn Future<Output = Result<vec::IntoIter<SocketAddr>, BoxError>> + Send>>;

#[derive(Clone)]
pub(super) struct Resolver {
    fixed: Arc<HashMap<String, Vec<SocketAddr>>>,
    other: Arc<dyn Resolve>,
}

/// A resolver whose type is forgotten.
trait Resolve: Send + Sync {
    fn resolve(&self, name: Name) -> Resolving;
}

struct Erased<R>(R);

// ===== impl Resolver =====

impl Resolver {
    pub(super) fn system() -> Self {
        Self::custom(GaiResolver::new())
    }

    pub(super) fn custom<R>(resolver: R) -> Self
    where
        R: Service<Name> + Clone + Send + Sync + 'static,
        R::Response: Iterator<Item = SocketAddr>,
        R::Error: Into<BoxError>,
        R::Future: Send,
    {
        Self {
            fixed: Arc::default(),
            other: Arc::new(Erased(resolver)),
        }
    }

    /// The same, with these addresses for a host.
    pub(super) fn with_fixed(mut self, fixed: &[(String, IpAddr)]) -> Self {
        let mut hosts: HashMap<String, Vec<SocketAddr>> = HashMap::new();
        for (host, address) in fixed {
            // Port 0 stands for the request's own.
            let address = SocketAddr::new(*address, 0);
            hosts
                .entry(host.to_ascii_lowercase())
                .or_default()
                .push(address);
        }
        self.fixed = Arc::new(hosts);
        self
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Resolving;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Resolving {
        match self.fixed.get(&name.as_str().to_ascii_lowercase()) {
            Some(addresses) => {
                let addresses = addresses.clone().into_iter();
                Box::pin(async move { Ok(addresses) })
            }
            None => self.other.resolve(name),
        }
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl<R> Resolve for Erased<R>
where
    R: Service<Name> + Clone + Send + Sync + 'static,
    R::Response: Iterator<Item = SocketAddr>,
    R::Error: Into<BoxError>,
    R::Future: Send,
{
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.0.clone();
        Box::pin(async move {
            let host = name.to_string();
            match resolver.oneshot(name).await {
                Ok(addresses) => Ok(addresses.collect::<Vec<_>>().into_iter()),
                Err(error) => Err(Failed::new(format!("no address is known of `{host}`"))
                    .because(error)
                    .into()),
            }
        })
    }
}
