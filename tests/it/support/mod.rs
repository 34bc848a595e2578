//! What several tests stand on. Nothing here asserts.

pub(crate) mod compare;
pub(crate) mod replay;
pub(crate) mod template;
