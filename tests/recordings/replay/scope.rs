//! What of the recordings is not expected to hold, and why.

/// What of a scenario does not hold.
pub(crate) struct Scope {
    pub(crate) scenario: &'static str,
    /// Why it is not sent at all.
    pub(crate) left_out: Option<&'static str>,
    /// Exchanges that are known to be answered otherwise, by index, and why.
    pub(crate) differ: &'static [(usize, &'static str)],
}

impl Scope {
    pub(crate) const WHOLE: Self = Self {
        scenario: "",
        left_out: None,
        differ: &[],
    };
}

pub(crate) const SCOPES: &[Scope] = &[
    Scope {
        scenario: "33-presigned",
        differ: &[(
            10,
            "moto serves a URL whose signature was changed; S3 and we do not",
        )],
        ..Scope::WHOLE
    },
    Scope {
        scenario: "45-cherry-pick-server-bug",
        left_out: Some("the recorded server lost a commit that it had made"),
        ..Scope::WHOLE
    },
];
