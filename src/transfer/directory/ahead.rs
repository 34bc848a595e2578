//! Reads the small files of an upload by the dozen: to wake a thread for each costs more than to read it.

use std::path::Path;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::{StreamExt, stream};

use super::{
    find::blocking,
    plan::{Action, Step},
    walk,
};
use crate::transfer::upload;

/// How many are read at once.
const TOGETHER: usize = 16;
/// How many such lots are read while others are sent.
const LOTS: usize = 2;

/// The steps in their order, with the content of the files that are small.
pub(super) fn read<'a>(
    root: &'a Path,
    steps: Vec<Step>,
) -> impl Stream<Item = (Step, Option<Bytes>)> + Send + 'a {
    let mut steps = steps.into_iter().peekable();
    let lots = std::iter::from_fn(move || {
        steps.peek()?;
        Some(steps.by_ref().take(TOGETHER).collect::<Vec<_>>())
    });
    stream::iter(lots)
        .map(|lot| with_content(root, lot))
        .buffered(LOTS)
        .flat_map(stream::iter)
}

async fn with_content(root: &Path, steps: Vec<Step>) -> Vec<(Step, Option<Bytes>)> {
    let is_small = |step: &Step| step.action == Action::Upload && step.bytes <= upload::SMALL;
    let files = steps
        .iter()
        .map(|step| is_small(step).then(|| walk::file(root, &step.path)));
    let files: Vec<_> = files.collect();
    let contents = match files.iter().any(Option::is_some) {
        // Whoever sends one that could not be read finds out why.
        true => blocking(move || {
            let contents = files.iter().map(|file| upload::small(file.as_ref()?));
            contents.collect::<Vec<_>>()
        })
        .await
        .unwrap_or_default(),
        false => Vec::new(),
    };
    let contents = contents.into_iter().chain(std::iter::repeat(None));
    steps.into_iter().zip(contents).collect()
}
