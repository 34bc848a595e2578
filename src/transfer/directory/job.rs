//! [`Job`]: which of the transfers of many it is, and between which places.

use std::path::PathBuf;

pub(super) use super::remote::Place;

/// What a transfer of many does.
#[derive(Clone, Debug)]
pub(super) enum Job {
    Upload { root: PathBuf, to: Place },
    Download { from: Place, root: PathBuf },
    Copy { from: Place, to: Place },
    Delete { at: Place },
}

// ===== impl Job =====

impl Job {
    pub(super) fn copy(from: Place, to: Place) -> Result<Self, String> {
        if from.repository != to.repository {
            return Err(format!(
                "a copy stays in its repository, and is not possible from {:?} to {:?}; download and upload instead, or import",
                from.repository, to.repository
            ));
        }
        if from == to {
            return Err(format!(
                "the copy's source and destination are both {:?} on {:?}",
                from.prefix, from.reference
            ));
        }
        Ok(Self::Copy { from, to })
    }

    /// The place that the paths of a report are below, for telling progress.
    pub(super) fn place(&self) -> &Place {
        match self {
            Self::Upload { to, .. } | Self::Copy { to, .. } => to,
            Self::Download { from, .. } => from,
            Self::Delete { at } => at,
        }
    }
}
