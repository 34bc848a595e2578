use std::{
    error::Error as StdError,
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Either, Shared, select},
};
use http::HeaderMap;

use super::{AuthHeader, Credentials, Exchange, Source};
use crate::{BoxError, Error, Result, error::ErrorKind, timer::SharedTimer};

/// How long a provider may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How long before their expiry credentials are refreshed, at least.
const LEAD: Duration = Duration::from_secs(30);
/// How long after a failure nobody tries again, while the old credentials are good; and after a refusal that was answered by
/// new credentials, when those are refused.
const BACK_OFF: Duration = Duration::from_secs(5);

/// The credentials of a client, refreshed when that is due.
pub(crate) struct Cache {
    source: Arc<dyn Source>,
    exchange: Exchange,
    timer: SharedTimer,
    /// Never locked across an await.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Arc<Issued>>,
    /// At most one is under way. It is here, so that a caller who leaves does not take it along.
    refresh: Option<Refresh>,
    not_before: Option<Instant>,
    generation: u64,
}

/// Credentials as they were fetched.
pub(crate) struct Issued {
    header: Option<AuthHeader>,
    generation: u64,
    refresh_at: Option<Instant>,
    expires_at: Option<Instant>,
    /// Until then a refusal is final: they are the answer to one.
    final_until: Option<Instant>,
}

/// A refresh under way, for everybody who waits for it. Whoever polls it drives it; no task is needed.
pub(crate) type Refresh = Shared<BoxFuture<'static, Result<Arc<Issued>, Failure>>>;

/// Why there are no credentials.
#[derive(Clone)]
pub(crate) struct Failure {
    cause: Arc<dyn StdError + Send + Sync>,
    /// It came to no end of its own, so whoever joined it later has not had a try.
    abandoned: bool,
}

/// What there is to send.
pub(crate) enum Found {
    Fresh(Arc<Issued>),
    /// Still good; the refresh is to be driven meanwhile.
    Due(Arc<Issued>, Refresh),
    Missing,
}

// ===== impl Cache =====

impl Cache {
    pub(crate) fn new(source: Arc<dyn Source>, exchange: Exchange, timer: SharedTimer) -> Self {
        Self {
            source,
            exchange,
            timer,
            state: Mutex::default(),
        }
    }

    /// What there is now.
    pub(crate) fn look(self: &Arc<Self>) -> Found {
        let now = self.now();
        let mut state = self.state();
        let Some(current) = state.good(now) else {
            return Found::Missing;
        };
        let waits = state.refresh.is_none() && !passed(state.not_before, now).unwrap_or(true);
        if !passed(current.refresh_at, now).unwrap_or(false) || waits {
            return Found::Fresh(current);
        }
        let (refresh, _) = self.join(&mut state, false);
        Found::Due(current, refresh)
    }

    /// Waits until there are credentials.
    pub(crate) async fn fetch(self: &Arc<Self>) -> Result<Arc<Issued>> {
        self.next(None).await.map_err(|failure| {
            failure.error("there are no valid credentials, and new ones could not be had")
        })
    }

    /// Waits for others than those, which the server refused. `None` when it would refuse others too.
    pub(crate) async fn replace(self: &Arc<Self>, refused: &Issued) -> Result<Option<Arc<Issued>>> {
        // Where every login gives credentials that are refused, not every call needs one.
        if passed(refused.final_until, self.now()) == Some(false) {
            return Ok(None);
        }
        let replaced = self.next(Some(refused.generation)).await;
        let replaced = replaced.map_err(|failure| {
            failure.error("the server refused the credentials, and new ones could not be had")
        })?;
        // The same ones would be refused again.
        Ok(Some(replaced).filter(|replaced| replaced.header != refused.header))
    }

    async fn next(self: &Arc<Self>, refused: Option<u64>) -> Result<Arc<Issued>, Failure> {
        loop {
            let (refresh, joined) = {
                let now = self.now();
                let mut state = self.state();
                // Somebody else was faster.
                if let Some(current) = state.good(now) {
                    if refused != Some(current.generation) {
                        return Ok(current);
                    }
                }
                self.join(&mut state, refused.is_some())
            };
            match refresh.await {
                Err(failure) if joined && failure.abandoned => {}
                outcome => return outcome,
            }
        }
    }

    /// The refresh that is under way, or a new one.
    fn join(self: &Arc<Self>, state: &mut State, refused: bool) -> (Refresh, bool) {
        if let Some(refresh) = &state.refresh {
            return (refresh.clone(), true);
        }
        let cache = Arc::downgrade(self);
        let (source, exchange) = (Arc::clone(&self.source), self.exchange.clone());
        let timer = self.timer.clone();
        let refresh = async move {
            // A panic would otherwise meet everybody who ever asks again.
            let fetched = AssertUnwindSafe(limited(&*source, &exchange, timer)).catch_unwind();
            let fetched = fetched.await.unwrap_or_else(|_| {
                Err(Failure::abandoned(
                    "the provider of the credentials panicked".into(),
                ))
            });
            match cache.upgrade() {
                Some(cache) => cache.settle(fetched, refused),
                None => Err(Failure::abandoned("the client is gone".into())),
            }
        };
        let refresh = refresh.boxed().shared();
        state.refresh = Some(refresh.clone());
        (refresh, false)
    }

    /// Keeps what was fetched.
    fn settle(
        &self,
        fetched: Result<Credentials, Failure>,
        refused: bool,
    ) -> Result<Arc<Issued>, Failure> {
        let now = self.now();
        let pause = now.and_then(|now| now.checked_add(BACK_OFF));
        let issued = fetched.and_then(|credentials| Issued::new(&credentials, now));
        if let Err(failure) = &issued {
            report(failure);
        }
        let mut state = self.state();
        state.refresh = None;
        match issued {
            Ok(mut issued) => {
                state.generation += 1;
                issued.generation = state.generation;
                issued.final_until = pause.filter(|_| refused);
                let issued = Arc::new(issued);
                state.current = Some(Arc::clone(&issued));
                state.not_before = None;
                Ok(issued)
            }
            Err(failure) => {
                state.not_before = pause;
                Err(failure)
            }
        }
    }

    fn now(&self) -> Option<Instant> {
        self.timer.as_ref().map(|timer| timer.now())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl State {
    fn good(&self, now: Option<Instant>) -> Option<Arc<Issued>> {
        let current = self.current.as_ref()?;
        let expired = passed(current.expires_at, now).unwrap_or(false);
        (!expired).then(|| Arc::clone(current))
    }
}

/// `None` where there is no such time, or no clock.
fn passed(time: Option<Instant>, now: Option<Instant>) -> Option<bool> {
    Some(time? <= now?)
}

async fn limited(
    source: &dyn Source,
    exchange: &Exchange,
    timer: SharedTimer,
) -> Result<Credentials, Failure> {
    let fetched = source.credentials(exchange);
    let Some(timer) = timer else {
        return fetched.await.map_err(Failure::new);
    };
    match select(fetched, timer.sleep(LIMIT)).await {
        Either::Left((fetched, _)) => fetched.map_err(Failure::new),
        Either::Right(_) => Err(Failure::abandoned(
            Error::new(
                ErrorKind::Timeout,
                format!("the provider of the credentials gave none within {LIMIT:?}"),
            )
            .into(),
        )),
    }
}

#[cfg(feature = "tracing")]
fn report(failure: &Failure) {
    tracing::warn!(error = %failure.cause, "credentials could not be refreshed");
}

#[cfg(not(feature = "tracing"))]
fn report(_: &Failure) {}

// ===== impl Issued =====

impl Issued {
    fn new(credentials: &Credentials, now: Option<Instant>) -> Result<Self, Failure> {
        let header = credentials
            .header()
            .map_err(|error| Failure::new(error.into()))?;
        let life = credentials.life();
        if life.is_some_and(|life| life.is_zero()) {
            return Err(Failure::new(
                "the credentials that were fetched have expired already; is this machine's clock right?"
                    .into(),
            ));
        }
        let after = |wait: Option<Duration>| now?.checked_add(wait?);
        let refresh = credentials.refresh_after;
        let refresh = refresh.or_else(|| life.map(|life| life - lead(life)));
        Ok(Self {
            header,
            generation: 0,
            final_until: None,
            refresh_at: after(refresh),
            expires_at: after(life),
        })
    }

    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        if let Some(header) = &self.header {
            header.apply(headers);
        }
    }
}

/// How long before the end of their life credentials are refreshed: up to a quarter less than the most, by chance.
fn lead(life: Duration) -> Duration {
    let most = (life / 5).max(LEAD).min(life / 2);
    most - (most / 4).mul_f64(fastrand::f64())
}

// ===== impl Failure =====

impl Failure {
    fn new(cause: BoxError) -> Self {
        Self {
            cause: cause.into(),
            abandoned: false,
        }
    }

    fn abandoned(cause: BoxError) -> Self {
        Self {
            abandoned: true,
            ..Self::new(cause)
        }
    }

    fn error(self, message: &'static str) -> Error {
        Error::new(ErrorKind::Unauthenticated, message).with_shared_source(self.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lead that is too long asks all the time, one that is too short lets a slow login meet the expiry.
    #[test]
    fn credentials_are_refreshed_in_the_last_part_of_their_life() {
        for (life, least, most) in [
            (3600, 540, 720),
            (604_800, 90_720, 120_960),
            (60, 22, 30),
            (10, 3, 5),
        ] {
            for _ in 0..50 {
                let lead = lead(Duration::from_secs(life));
                assert!(
                    Duration::from_secs(least) <= lead && lead <= Duration::from_secs(most),
                    "{life} s: {lead:?}"
                );
            }
        }
    }
}
