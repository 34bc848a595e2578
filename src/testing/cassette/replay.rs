//! Answers from a recording.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue, Response, header::CONTENT_LENGTH};

use super::file::{Failure, Interaction, Request};
use crate::{Body, BoxError, Error, Result, testing::difference::Fields, transport::ConnectError};

/// A recording that is played.
pub(super) struct Replay {
    interactions: Vec<Interaction>,
    state: Mutex<State>,
}

struct State {
    /// How often each interaction was played.
    played: Vec<usize>,
    /// The first request that was not recorded.
    missing: Option<String>,
}

// ===== impl Replay =====

impl Replay {
    pub(super) fn new(interactions: Vec<Interaction>) -> Self {
        let played = vec![0; interactions.len()];
        Self {
            interactions,
            state: Mutex::new(State {
                played,
                missing: None,
            }),
        }
    }

    /// The answer to a request: the next of the recording, or, loosely, the next that was recorded for such a request, and
    /// the last of those once all were played.
    pub(super) fn play(
        &self,
        operation: Option<&str>,
        request: &Request,
        strict: bool,
    ) -> Result<Response<Body>, BoxError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = (0..self.interactions.len()).filter(|index| state.played[*index] == 0);
        let found = if strict {
            left.next().filter(|index| self.is_of(*index, request))
        } else {
            left.find(|index| self.is_of(*index, request)).or_else(|| {
                let all = 0..self.interactions.len();
                all.rev().find(|index| self.is_of(*index, request))
            })
        };
        let Some(index) = found else {
            let problem = self.problem(&state, operation, request, strict);
            state.missing.get_or_insert_with(|| problem.clone());
            return Err(Error::invalid_input(problem).into());
        };
        state.played[index] += 1;
        drop(state);
        answer(&self.interactions[index])
    }

    /// What was recorded and not asked for, or asked for and not recorded.
    pub(super) fn report(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(missing) = &state.missing {
            return Some(missing.clone());
        }
        let unplayed = (1..).zip(&self.interactions).zip(&state.played);
        let unplayed = unplayed.filter(|(_, played)| **played == 0);
        let lines = unplayed.map(|((number, interaction), _)| {
            format!("\n    {number}: {}", title(&interaction.request))
        });
        let lines: String = lines.collect();
        (!lines.is_empty()).then(|| format!("recorded and never asked for:{lines}"))
    }

    pub(super) fn len(&self) -> usize {
        self.interactions.len()
    }

    fn is_of(&self, index: usize, request: &Request) -> bool {
        self.interactions[index].request == *request
    }

    /// What a request that was not recorded is nearest to.
    fn problem(
        &self,
        state: &State,
        operation: Option<&str>,
        request: &Request,
        strict: bool,
    ) -> String {
        let next = state.played.iter().position(|played| *played == 0);
        let candidates = (1..).zip(&self.interactions).enumerate();
        let nearest = candidates
            .filter(|(index, _)| !strict || next == Some(*index))
            .map(|(_, (number, interaction))| {
                let other = interaction.operation.as_deref() != operation;
                let differences = fields(&interaction.request).differences(&fields(request));
                (other, differences, number, interaction)
            })
            .min_by_key(|(other, differences, ..)| (*other, differences.len()));
        let asked = title(request);
        let Some((_, differences, number, interaction)) = nearest else {
            let all = self.interactions.len();
            return format!(
                "{asked} is not on the cassette: all of its {all} interactions were played"
            );
        };
        let differences: Vec<_> = differences.iter().map(ToString::to_string).collect();
        let which = if strict { "next" } else { "nearest" };
        let recorded = title(&interaction.request);
        format!(
            "{asked} is not on the cassette; the {which} interaction is {number}, {recorded}: {}",
            differences.join("; ")
        )
    }
}

fn title(request: &Request) -> String {
    let path = request.target.split('?').next().unwrap_or_default();
    format!("{} {path}", request.method)
}

fn fields(request: &Request) -> Fields {
    let mut fields = Fields::default();
    fields.insert("method", &request.method);
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    fields.insert("path", path);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        fields.insert(name, value);
    }
    let mut headers = http::HeaderMap::new();
    for (name, values) in &request.headers {
        if let (Ok(name), Some(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            values.values().first(),
        ) {
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.insert(name, value);
            }
        }
    }
    fields.headers(&headers);
    let body = request.body.as_ref().and_then(|body| body.read().ok());
    fields.body(&headers, &body.unwrap_or_default());
    fields
}

fn answer(interaction: &Interaction) -> Result<Response<Body>, BoxError> {
    let recorded = match (&interaction.response, interaction.failure) {
        (Some(response), _) => response,
        (None, Some(Failure::Connect)) => {
            let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
            return Err(ConnectError::new(refused).into());
        }
        (None, _) => return Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
    };
    let body = match &recorded.body {
        Some(body) => body.read()?,
        None => Bytes::new(),
    };
    let mut response = Response::builder().status(recorded.status).body(())?;
    for (name, values) in &recorded.headers {
        let name = HeaderName::from_bytes(name.as_bytes())?;
        for value in values.values() {
            let value = HeaderValue::from_bytes(value.as_bytes())?;
            response.headers_mut().append(name.clone(), value);
        }
    }
    // What was redacted, or written as a document, has another length; the answer to a HEAD tells one without a body.
    let headers = response.headers_mut();
    if !body.is_empty() && !recorded.incomplete && headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, body.len().into());
    }
    let body = if recorded.incomplete {
        let lost = io::Error::new(io::ErrorKind::ConnectionReset, "the recording ends here");
        Body::from_stream(stream::iter([Ok(body), Err(lost)]))
    } else {
        body.into()
    };
    Ok(response.map(|()| body))
}
