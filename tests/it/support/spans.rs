//! A subscriber that keeps the spans and events of this crate.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::DefaultGuard,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

/// What was told, in the order of opening.
#[derive(Clone, Default)]
pub(crate) struct Spans(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    spans: Vec<(Id, Span)>,
    events: Vec<(String, BTreeMap<String, String>)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) name: &'static str,
    /// The name of the span around it; empty for none.
    pub(crate) parent: &'static str,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) closed: bool,
}

struct Fields<'f>(&'f mut BTreeMap<String, String>);

// ===== impl Spans =====

impl Spans {
    /// Listens to this thread, until the guard is dropped.
    pub(crate) fn listen() -> (Self, DefaultGuard) {
        let spans = Self::default();
        let guard = tracing_subscriber::registry()
            .with(spans.clone())
            .set_default();
        (spans, guard)
    }

    /// The spans of a name, in the order of opening.
    pub(crate) fn named(&self, name: &str) -> Vec<Span> {
        let told = self.told();
        let spans = told.spans.iter().map(|(_, span)| span);
        spans.filter(|span| span.name == name).cloned().collect()
    }

    /// The messages of the events of this crate, each after the name of the span that it is in.
    pub(crate) fn events(&self) -> Vec<(String, String)> {
        let told = self.told();
        let message = |fields: &BTreeMap<String, String>| fields["message"].clone();
        told.events
            .iter()
            .map(|(span, fields)| (span.clone(), message(fields)))
            .collect()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, id: &Id, change: impl FnOnce(&mut Span)) {
        let mut told = self.told();
        // An id is used again when its span is closed.
        let found = told.spans.iter_mut().rev().find(|(found, _)| found == id);
        if let Some((_, span)) = found {
            change(span);
        }
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let parent = context.span(id).and_then(|span| span.parent());
        let mut span = Span {
            name: attributes.metadata().name(),
            parent: parent.map_or("", |parent| parent.name()),
            fields: BTreeMap::new(),
            closed: false,
        };
        attributes.record(&mut Fields(&mut span.fields));
        if attributes.metadata().target().starts_with("lakefs_sdk") {
            self.told().spans.push((id.clone(), span));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.change(id, |span| values.record(&mut Fields(&mut span.fields)));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let span = context.event_span(event).map_or("", |span| span.name());
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        if fields.contains_key("message") && event.metadata().target().contains("lakefs_sdk") {
            self.told().events.push((span.to_owned(), fields));
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.change(&id, |span| span.closed = true);
    }
}

// ===== impl Span =====

impl Span {
    /// A field's value as text; empty for none.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// All of them, as pairs.
    pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
        let pairs = self.fields.iter();
        pairs.map(|(name, value)| (&**name, &**value)).collect()
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}
