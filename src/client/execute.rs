use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::response::Parts;

use super::Observer;
use crate::{
    Body, Error, Result,
    middleware::{
        retry::Attempts,
        timeout::{self, Clock, stage},
    },
    operation::OperationMeta,
    transport::ResponseFuture,
};

/// A request under way through the stack, within its deadline.
pub(crate) struct Execute {
    state: State,
}

enum State {
    /// Refused before anything was sent.
    Failed(Option<Error>),
    Sent {
        response: ResponseFuture,
        clock: Option<Box<Clock>>,
        meta: Option<&'static OperationMeta>,
        observer: Observer,
    },
}

/// What came back.
pub(crate) struct Received {
    pub(crate) parts: Parts,
    pub(crate) body: Body,
    pub(crate) attempts: Attempts,
    /// To be told how it ends.
    pub(crate) observer: Observer,
}

// ===== impl Execute =====

impl Execute {
    pub(super) fn new(
        response: ResponseFuture,
        clock: Option<Box<Clock>>,
        meta: Option<&'static OperationMeta>,
        observer: Observer,
    ) -> Self {
        Self {
            state: State::Sent {
                response,
                clock,
                meta,
                observer,
            },
        }
    }

    pub(crate) fn failed(error: Error) -> Self {
        Self {
            state: State::Failed(Some(error)),
        }
    }
}

impl Future for Execute {
    type Output = Result<Received>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            State::Failed(error) => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
            State::Sent {
                response,
                clock,
                meta,
                observer,
            } => {
                stage::reset();
                if let Poll::Ready(answer) = observer.scope(|| response.as_mut().poll(cx)) {
                    let mut observer = std::mem::take(observer);
                    return Poll::Ready(match answer {
                        Ok(response) => {
                            let (parts, body) = response.into_parts();
                            let attempts = parts
                                .extensions
                                .get::<Attempts>()
                                .copied()
                                .unwrap_or(Attempts::ONE);
                            observer.answered(&parts, attempts);
                            Ok(Received {
                                parts,
                                body,
                                attempts,
                                observer,
                            })
                        }
                        Err(error) => {
                            let error = super::failure(error, *meta);
                            observer.end(Some(&error));
                            Err(error)
                        }
                    });
                }
                let Some(clock) = clock else {
                    return Poll::Pending;
                };
                let limit = ready!(clock.poll(cx));
                let error = timeout::missed(limit).with_operation(*meta);
                let error = Attempts::ONE.mark_error(error.with_effect_of(*meta));
                std::mem::take(observer).end(Some(&error));
                Poll::Ready(Err(error))
            }
        }
    }
}
