//! Longer texts: how to do a job from its beginning to its end. Their code is compiled and run.

#[cfg(feature = "testing")]
pub mod testing {
    #![doc = include_str!("testing.md")]
}
