//! Longer texts, each about one job, with code that runs as a test. [`configuration`]: from a client in one line to one for
//! production, and where each setting of lakeFS's other clients is found here. `testing` (feature `testing`): the ways to test
//! code that uses lakeFS, and when to use each. `transfers` (feature `transfer`): data in and out, from bytes to directories, and
//! where the calls of Python and lakectl are found here.

pub mod configuration {
    #![doc = include_str!("configuration.md")]

    // What the text links to; by globs, as a feature that is off takes names away.
    #[cfg(doc)]
    use crate::{auth::CredentialsProvider, config::*, middleware::retry::*, transport::*, *};
}

#[cfg(feature = "testing")]
pub mod testing {
    #![doc = include_str!("testing.md")]
}

#[cfg(feature = "transfer")]
pub mod transfers {
    #![doc = include_str!("transfers.md")]

    #[cfg(doc)]
    use crate::{
        transfer::{directory::Compare, progress::*, *},
        *,
    };
}
