//! [`Expectation`]: what a mock is to be asked, how often, and what it does then.

use std::{
    fmt,
    marker::PhantomData,
    panic::Location,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use http::Response;

use super::{
    Mockable, Reply, Sent,
    expected::{Count, Expected},
    reply::Script,
    state::{Shared, State},
};
use crate::{Body, Operation, testing::difference::Difference};

/// What a [`MockTransport`](super::MockTransport) is to be asked, how often, and what it replies.
///
/// Methods say, in any order: which requests are meant ([`matching`](Self::matching), [`field`](Self::field)); what is
/// replied; how often they come ([`times`](Self::times) and others).
///
/// **Replies**: one reply answers every call. Several are a script, one for each call in turn; the last one answers whatever
/// comes after. [`delay`](Self::delay), [`header`](Self::header), [`cut_after`](Self::cut_after) and
/// [`chunks`](Self::chunks) belong to the reply before them.
///
/// **How often**, where nothing is said: at least once; with a script, exactly as often as it has replies.
///
/// # Panics
///
/// A reply that cannot be sent panics where it is given, such as a document that the operation does not understand.
pub struct Expectation<Op> {
    shared: Arc<Shared>,
    index: usize,
    operation: PhantomData<fn() -> Op>,
}

/// What an expectation says of a request: [`Expectation::matching`].
pub trait Verdict {
    /// `None` where the request is meant, else why it is not.
    fn objection(self) -> Option<String>;
}

// ===== impl Expectation: which requests =====

impl<Op: Mockable> Expectation<Op> {
    pub(super) fn new(shared: Arc<Shared>, place: &'static Location<'static>) -> Self {
        let index = shared.expect(Expected {
            id: Op::META.id,
            place,
            matchers: Vec::new(),
            replies: Vec::new(),
            count: None,
            calls: 0,
        });
        Self {
            shared,
            index,
            operation: PhantomData,
        }
    }

    /// Only requests of which `check` says yes: `true`, or `Ok` where an `Err` says what is wrong.
    #[track_caller]
    pub fn matching<V: Verdict>(self, check: impl Fn(&Op) -> V + Send + Sync + 'static) -> Self {
        let place = Location::caller();
        self.matched_by(move |sent| {
            let objection = match sent.decode::<Op>() {
                Ok(operation) => check(&operation).objection(),
                Err(error) => Some(format!("{error:#}")),
            };
            let difference = objection.map(|objection| Difference {
                field: "matching".to_owned(),
                expected: Some(format!("the closure at {place} agrees")),
                actual: Some(objection),
            });
            difference.into_iter().collect()
        })
    }

    /// Only requests with this value in a field: a parameter of the path or of the query by its name, a header, or a property
    /// of the body such as `body.name` or `body.metadata.owner`, named as on the wire.
    pub fn field(self, name: &str, value: impl ToString) -> Self {
        let (name, value) = (name.to_owned(), value.to_string());
        self.matched_by(move |sent| {
            let fields = sent.fields();
            let actual = fields.get(&name);
            if actual == Some(&value) {
                return Vec::new();
            }
            vec![Difference {
                field: name.clone(),
                expected: Some(value.clone()),
                actual: actual.map(str::to_owned),
            }]
        })
    }

    pub(super) fn matched_by(
        self,
        matcher: impl Fn(&Sent) -> Vec<Difference> + Send + Sync + 'static,
    ) -> Self {
        self.expected().matchers.push(Arc::new(matcher));
        self
    }
}

// ===== impl Expectation: what is replied =====

impl<Op: Mockable> Expectation<Op> {
    /// Replies with the operation's answer, encoded and with the status as the server does it.
    #[track_caller]
    pub fn reply(self, output: Op::Output) -> Self {
        self.then(Reply::of(output))
    }

    /// Replies with one after the other, and expects exactly so many calls.
    #[track_caller]
    pub fn reply_seq(mut self, outputs: impl IntoIterator<Item = Op::Output>) -> Self {
        for output in outputs {
            self = self.reply(output);
        }
        let count = self.expected().replies.len();
        self.times(count)
    }

    /// Replies with a document, as [`Reply::json`].
    #[track_caller]
    pub fn reply_json(self, document: impl serde::Serialize) -> Self {
        self.then(Reply::json(document))
    }

    /// Replies with a refusal as lakeFS writes it, such as 404 and `repository not found`.
    #[track_caller]
    pub fn reply_error(self, status: u16, message: &str) -> Self {
        self.then(Reply::error(status, message))
    }

    /// Replies with a status and no body, as a proxy does.
    #[track_caller]
    pub fn reply_status(self, status: u16) -> Self {
        self.then(Reply::status(status))
    }

    /// Replies with any response.
    #[track_caller]
    pub fn reply_raw(self, response: Response<impl Into<Body>>) -> Self {
        self.then(Reply::raw(response))
    }

    /// Replies with what `make` makes of the operation that was sent.
    #[track_caller]
    pub fn reply_with(self, make: impl Fn(Op) -> Reply<Op> + Send + Sync + 'static) -> Self {
        self.then(Reply::with(make))
    }

    /// Lets no connection be made, as [`Reply::refuse`]: nothing of the request is read, unless
    /// [`matching`](Self::matching) has to look at it.
    #[track_caller]
    pub fn refuse(self) -> Self {
        self.then(Reply::refuse())
    }

    /// Reads the request and loses the connection, as [`Reply::reset`].
    #[track_caller]
    pub fn reset(self) -> Self {
        self.then(Reply::reset())
    }

    /// Reads the request and never answers, as [`Reply::hang`].
    #[track_caller]
    pub fn hang(self) -> Self {
        self.then(Reply::hang())
    }

    /// Replies so.
    #[track_caller]
    pub fn then(self, reply: Reply<Op>) -> Self {
        if let Some(problem) = reply.script.wrong() {
            refuse(problem);
        }
        self.expected().replies.push(Arc::new(reply.script));
        self
    }

    /// Waits before the reply, as [`Reply::delay`].
    #[track_caller]
    pub fn delay(self, delay: Duration) -> Self {
        self.reshape("delay", |script| script.delay(delay))
    }

    /// Adds a header to the reply, as [`Reply::header`].
    #[track_caller]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.reshape("header", |script| script.header(name, value))
    }

    /// Loses the connection within the reply's body, as [`Reply::cut_after`].
    #[track_caller]
    pub fn cut_after(self, bytes: u64) -> Self {
        self.reshape("cut_after", |script| script.cut_after(bytes))
    }

    /// Sends the reply's body in chunks, as [`Reply::chunks`].
    #[track_caller]
    pub fn chunks(self, bytes: usize, pause: Duration) -> Self {
        self.reshape("chunks", |script| script.chunks(bytes, pause))
    }

    #[track_caller]
    fn reshape(self, method: &str, change: impl FnOnce(&mut Script)) -> Self {
        let mut expected = self.expected();
        let last = expected.replies.last_mut();
        let problem = match last.and_then(Arc::get_mut) {
            Some(script) => {
                change(script);
                script.wrong().map(str::to_owned)
            }
            None => Some(format!(
                "`{method}` belongs to a reply, before the first call: say it after `reply`"
            )),
        };
        drop(expected);
        if let Some(problem) = problem {
            refuse(&problem);
        }
        self
    }
}

// ===== impl Expectation: how often =====

impl<Op: Mockable> Expectation<Op> {
    /// Exactly `count` times.
    pub fn times(self, count: usize) -> Self {
        self.count(count, Some(count))
    }

    /// `count` times or more.
    pub fn at_least(self, count: usize) -> Self {
        self.count(count, None)
    }

    /// `count` times or less, not at all included.
    pub fn at_most(self, count: usize) -> Self {
        self.count(0, Some(count))
    }

    /// Not at all.
    pub fn never(self) -> Self {
        self.times(0)
    }

    fn count(self, least: usize, most: Option<usize>) -> Self {
        self.expected().count = Some(Count { least, most });
        self
    }

    /// How often it was met so far.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.expected().calls
    }

    fn expected(&self) -> Entry<'_> {
        Entry {
            state: self.shared.state(),
            index: self.index,
        }
    }
}

#[track_caller]
#[expect(
    clippy::panic,
    reason = "a test that is written wrong ends where it is wrong"
)]
fn refuse(problem: &str) {
    panic!("{problem}");
}

/// An expectation, while nobody else can change it.
struct Entry<'s> {
    state: MutexGuard<'s, State>,
    index: usize,
}

impl std::ops::Deref for Entry<'_> {
    type Target = Expected;

    fn deref(&self) -> &Expected {
        &self.state.expectations[self.index]
    }
}

impl std::ops::DerefMut for Entry<'_> {
    fn deref_mut(&mut self) -> &mut Expected {
        &mut self.state.expectations[self.index]
    }
}

// ===== impl Verdict =====

impl Verdict for bool {
    fn objection(self) -> Option<String> {
        (!self).then(|| "it says no".to_owned())
    }
}

impl<E: fmt::Display> Verdict for Result<(), E> {
    fn objection(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

impl<Op: Operation> fmt::Debug for Expectation<Op> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expectation({})", Op::META.id)
    }
}
