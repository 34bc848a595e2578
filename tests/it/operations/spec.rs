//! Reads `spec/lakefs.yaml`, without the generator's code.

use serde_json::Value;

/// The API document.
pub(crate) struct Spec {
    document: Value,
}

/// An operation of the document.
pub(crate) struct Described<'s> {
    pub(crate) method: &'s str,
    pub(crate) path: &'s str,
    item: &'s Value,
    pub(crate) operation: &'s Value,
}

/// A parameter of the document.
pub(crate) struct Parameter<'s> {
    pub(crate) name: &'s str,
    pub(crate) place: &'s str,
    pub(crate) required: bool,
    pub(crate) schema: &'s Value,
}

// ===== impl Spec =====

impl Spec {
    pub(crate) fn read() -> Result<Self, String> {
        let text = include_str!("../../../spec/lakefs.yaml");
        let document: yaml_serde::Value =
            yaml_serde::from_str(text).map_err(|error| error.to_string())?;
        Ok(Self {
            document: json(document)?,
        })
    }

    /// All operationIds, in the document's order.
    pub(crate) fn ids(&self) -> Vec<&str> {
        self.operations()
            .filter_map(|described| described.operation["operationId"].as_str())
            .collect()
    }

    /// Follows `$ref` as often as need be.
    pub(crate) fn resolve<'s>(&'s self, mut node: &'s Value) -> Result<&'s Value, String> {
        while let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            node = reference
                .strip_prefix('#')
                .and_then(|pointer| self.document.pointer(pointer))
                .ok_or_else(|| format!("{reference} leads nowhere"))?;
        }
        Ok(node)
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = Described<'_>> {
        let paths = self.document["paths"].as_object();
        paths.into_iter().flatten().flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods
                .filter(|(key, _)| *key != "parameters")
                .map(move |(method, operation)| Described {
                    method,
                    path,
                    item,
                    operation,
                })
        })
    }

    /// The operation's parameters, with those of its path that it does not replace.
    pub(crate) fn parameters<'s>(
        &'s self,
        described: &Described<'s>,
    ) -> Result<Vec<Parameter<'s>>, String> {
        let mut parameters: Vec<Parameter<'s>> = Vec::new();
        for holder in [described.operation, described.item] {
            for node in holder["parameters"].as_array().into_iter().flatten() {
                let node = self.resolve(node)?;
                let parameter = Parameter {
                    name: node["name"].as_str().ok_or("a parameter has no name")?,
                    place: node["in"].as_str().ok_or("a parameter has no place")?,
                    required: node["required"] == true,
                    schema: self.resolve(&node["schema"])?,
                };
                let replaced = parameters
                    .iter()
                    .any(|other| (other.name, other.place) == (parameter.name, parameter.place));
                if !replaced {
                    parameters.push(parameter);
                }
            }
        }
        Ok(parameters)
    }

    /// Whether the operation asks for credentials.
    pub(crate) fn authenticated(&self, described: &Described<'_>) -> bool {
        let own = described.operation.get("security");
        let security = own.unwrap_or(&self.document["security"]);
        security.as_array().is_some_and(|ways| !ways.is_empty())
    }

    /// Whether the operation's answers are data, not a document.
    pub(crate) fn answers_data(&self, described: &Described<'_>) -> Result<bool, String> {
        let responses = described.operation["responses"].as_object();
        for (status, response) in responses.into_iter().flatten() {
            let content = &self.resolve(response)?["content"];
            if status.starts_with('2') && content.get("application/octet-stream").is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// YAML as JSON: keys that are numbers, such as the statuses, become text.
fn json(value: yaml_serde::Value) -> Result<Value, String> {
    use yaml_serde::Value as Yaml;
    match value {
        Yaml::Mapping(mapping) => {
            let entries = mapping.into_iter().map(|(key, value)| {
                let key = match key {
                    Yaml::String(key) => key,
                    Yaml::Number(number) => number.to_string(),
                    other => return Err(format!("{other:?} is a key")),
                };
                Ok((key, json(value)?))
            });
            entries.collect()
        }
        Yaml::Sequence(sequence) => sequence.into_iter().map(json).collect(),
        other => serde_json::to_value(other).map_err(|error| error.to_string()),
    }
}
