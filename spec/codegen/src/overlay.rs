//! `overlay.yaml`: what an API document cannot say.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::Repeat;

/// See the comments in `spec/overlay.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    #[serde(deserialize_with = "in_order")]
    pub groups: Vec<(String, String)>,
    pub words: BTreeMap<String, String>,
    pub names: BTreeMap<String, String>,
    pub enums: BTreeMap<String, EnumOverlay>,
    pub unix_seconds: Vec<String>,
    pub secrets: Vec<String>,
    pub presigned: Vec<String>,
    pub lenient: Vec<String>,
    pub maps: Vec<String>,
    pub patterns: BTreeMap<String, String>,
    pub paging: PagingOverlay,
    pub outputs: BTreeMap<String, OutputOverlay>,
    pub statuses: BTreeMap<String, u16>,
    pub bodies: BTreeMap<String, String>,
    pub headers: BTreeMap<String, BTreeMap<String, HeaderOverlay>>,
    pub operations: BTreeMap<String, OperationOverlay>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnumOverlay {
    pub name: String,
    #[serde(default)]
    pub values: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PagingOverlay {
    pub cursor: String,
    pub amount: String,
    pub results: String,
    pub pagination: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputOverlay {
    #[serde(rename = "type")]
    pub rust: String,
    pub decode: Option<String>,
    pub stream: Option<String>,
    pub doc: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderOverlay {
    pub name: Option<String>,
    pub prefix: Option<String>,
    pub doc: String,
    pub default: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationOverlay {
    pub repeat: Repeat,
    #[serde(default)]
    pub paged: bool,
}

/// A mapping whose order matters.
fn in_order<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(String, String)>, D::Error> {
    struct Pairs;
    impl<'de> serde::de::Visitor<'de> for Pairs {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a mapping of text to text")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }
    deserializer.deserialize_map(Pairs)
}
