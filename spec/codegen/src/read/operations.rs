//! Paths → operations.

use heck::{ToSnakeCase, ToUpperCamelCase};
use openapiv3::{
    MediaType, Operation as ApiOperation, Parameter, ParameterData, ParameterSchemaOrContent,
    ReferenceOr, SchemaKind, StatusCode, Type as ApiType,
};

use super::{RESERVED, Reader, last};
use crate::{Result, model::*};

impl Reader {
    pub(super) fn operation(
        &mut self,
        id: &str,
        method: &str,
        path: &str,
        operation: &ApiOperation,
        parameters: &[ReferenceOr<Parameter>],
    ) -> Result<Operation> {
        let settings = self
            .overlay
            .operations
            .get(id)
            .ok_or("not in the overlay's `operations`")?;
        let (repeat, paged) = (settings.repeat, settings.paged);
        self.used.insert(id.to_owned());
        let mut inputs = self.path_inputs(id, path, parameters)?;
        let mut optional = Vec::new();
        for parameter in parameters {
            let Some(input) = self.other_input(id, parameter)? else {
                continue;
            };
            if input.required {
                inputs.push(input)
            } else {
                optional.push(input)
            }
        }
        if let Some(body) = self.body(id, operation)? {
            if body.required {
                inputs.push(body)
            } else {
                optional.push(body)
            }
        }
        for (rust, header) in self.overlay.headers.get(id).into_iter().flatten() {
            optional.push(Input {
                wire: header
                    .name
                    .clone()
                    .or(header.prefix.clone())
                    .ok_or("a header without name or prefix")?,
                rust: rust.clone(),
                doc: header.doc.clone(),
                place: match &header.prefix {
                    Some(prefix) => Place::HeaderPrefix(prefix.clone()),
                    None => Place::Header {
                        allow_empty: false,
                        default: header.default.clone(),
                    },
                },
                ty: if header.prefix.is_some() {
                    Type::Map(Box::new(Type::Text))
                } else {
                    Type::Text
                },
                required: false,
                checks: Checks::default(),
            });
        }
        inputs.append(&mut optional);
        if let Some(input) = inputs
            .iter()
            .find(|input| RESERVED.contains(&input.rust.as_str()))
        {
            return Err(format!(
                "its parameter {} is named like a setting of Call; rename it in `names`",
                input.wire
            )
            .into());
        }
        let output = self.output(id, operation)?;
        let paging = if paged {
            Some(self.paging(&inputs, &output)?)
        } else {
            None
        };
        let experimental = operation.tags.iter().any(|tag| tag == "experimental");
        let internal = operation.tags.iter().any(|tag| tag == "internal");
        Ok(Operation {
            id: id.to_owned(),
            tag: String::new(),
            method_name: self.words(id).to_snake_case(),
            type_name: self.words(id).to_upper_camel_case(),
            summary: operation.summary.clone().ok_or("no summary")?,
            description: operation.description.clone().unwrap_or_default(),
            http_method: method.to_uppercase(),
            path: path.to_owned(),
            repeat,
            authenticated: operation
                .security
                .as_ref()
                .is_none_or(|rules| !rules.is_empty()),
            stability: match (operation.deprecated, internal, experimental) {
                (true, ..) => "Deprecated",
                (_, true, _) => "Internal",
                (_, _, true) => "Experimental",
                _ => "Stable",
            },
            deprecated: operation.deprecated,
            inputs,
            output,
            status: match self.overlay.statuses.get(id) {
                Some(status) => *status,
                None => status(operation)?,
            },
            paging,
            failures: self.failures(path, method, operation)?,
        })
    }

    /// The path's parameters, in the order of its template.
    pub(super) fn path_inputs(
        &mut self,
        id: &str,
        path: &str,
        parameters: &[ReferenceOr<Parameter>],
    ) -> Result<Vec<Input>> {
        let mut inputs = Vec::new();
        for segment in path.split('/').filter(|segment| segment.contains('{')) {
            let name = segment
                .strip_prefix('{')
                .and_then(|name| name.strip_suffix('}'));
            let name =
                name.ok_or_else(|| format!("the segment {segment} is not wholly a parameter"))?;
            let data =
                parameters
                    .iter()
                    .find_map(|parameter| match self.resolve_parameter(parameter) {
                        Ok(Parameter::Path { parameter_data, .. })
                            if parameter_data.name == name =>
                        {
                            Some(parameter_data)
                        }
                        _ => None,
                    });
            let data = data.ok_or_else(|| format!("no parameter for {{{name}}}"))?;
            inputs.push(self.input(id, &data, Place::Path)?);
        }
        Ok(inputs)
    }

    pub(super) fn other_input(
        &mut self,
        id: &str,
        parameter: &ReferenceOr<Parameter>,
    ) -> Result<Option<Input>> {
        match self.resolve_parameter(parameter)? {
            Parameter::Path { .. } => Ok(None),
            Parameter::Query {
                parameter_data,
                allow_empty_value,
                ..
            } => {
                let place = Place::Query {
                    allow_empty: allow_empty_value == Some(true),
                };
                self.input(id, &parameter_data, place).map(Some)
            }
            Parameter::Header { parameter_data, .. } => {
                // openapiv3 has no `allowEmptyValue` for headers; it lands in no field, so the raw document is asked.
                let allow_empty = self.raw_allows_empty_header(&parameter_data.name, id);
                self.input(
                    id,
                    &parameter_data,
                    Place::Header {
                        allow_empty,
                        default: None,
                    },
                )
                .map(Some)
            }
            Parameter::Cookie { parameter_data, .. } => {
                Err(format!("{}: a cookie parameter", parameter_data.name).into())
            }
        }
    }

    pub(super) fn raw_allows_empty_header(&self, name: &str, id: &str) -> bool {
        let paths = self.raw["paths"].as_mapping().into_iter().flatten();
        let operations = paths
            .filter_map(|(_, item)| item.as_mapping())
            .flatten()
            .map(|(_, operation)| operation);
        let operation = operations
            .into_iter()
            .find(|operation| operation["operationId"].as_str() == Some(id));
        operation
            .and_then(|operation| operation["parameters"].as_sequence())
            .into_iter()
            .flatten()
            .any(|parameter| {
                parameter["name"].as_str() == Some(name)
                    && parameter["allowEmptyValue"].as_bool() == Some(true)
            })
    }

    pub(super) fn resolve_parameter(
        &self,
        parameter: &ReferenceOr<Parameter>,
    ) -> Result<Parameter> {
        match parameter {
            ReferenceOr::Item(parameter) => Ok(parameter.clone()),
            ReferenceOr::Reference { reference } => {
                let name = reference.rsplit('/').next().unwrap_or_default();
                let components = self.api.components.as_ref().ok_or("no components")?;
                match components.parameters.get(name) {
                    Some(ReferenceOr::Item(parameter)) => Ok(parameter.clone()),
                    _ => Err(format!("{reference} leads nowhere").into()),
                }
            }
        }
    }

    pub(super) fn input(&mut self, id: &str, data: &ParameterData, place: Place) -> Result<Input> {
        let ParameterSchemaOrContent::Schema(schema) = &data.format else {
            return Err(format!("{}: a parameter with content", data.name).into());
        };
        let (ty, checks) = self.ty(&format!("{id}.{}", data.name), schema)?;
        Ok(Input {
            wire: data.name.clone(),
            rust: self.name(&data.name),
            doc: data
                .description
                .clone()
                .ok_or_else(|| format!("{}: no description", data.name))?,
            place,
            ty,
            required: data.required,
            checks,
        })
    }

    pub(super) fn body(&mut self, id: &str, operation: &ApiOperation) -> Result<Option<Input>> {
        let body = match &operation.request_body {
            None => return Ok(None),
            Some(ReferenceOr::Item(body)) => body.clone(),
            Some(ReferenceOr::Reference { .. }) => return Err("a body that is a reference".into()),
        };
        let (ty, place) = if body.content.contains_key("application/octet-stream") {
            (Type::Data, Place::DataBody)
        } else {
            let ty = match self.overlay.bodies.get(id) {
                Some(model) => Type::Model(model.clone()),
                None => self.media(&format!("{id}.body"), &body.content)?,
            };
            let validated = self.has_bounds(&ty)?;
            (ty, Place::JsonBody { validated })
        };
        Ok(Some(Input {
            wire: "body".into(),
            rust: "body".into(),
            doc: body
                .description
                .clone()
                .ok_or("a body without description")?,
            place,
            ty,
            required: body.required,
            checks: Checks::default(),
        }))
    }

    pub(super) fn media(
        &mut self,
        place: &str,
        content: &indexmap::IndexMap<String, MediaType>,
    ) -> Result<Type> {
        let media = content
            .get("application/json")
            .ok_or("a body that is not JSON")?;
        let schema = media.schema.as_ref().ok_or("a body without schema")?;
        Ok(self.ty(place, schema)?.0)
    }

    pub(super) fn output(&mut self, id: &str, operation: &ApiOperation) -> Result<Output> {
        if let Some(own) = self.overlay.outputs.get(id) {
            let decode = own
                .decode
                .clone()
                .or(own.stream.clone())
                .ok_or("an output without decode or stream")?;
            return Ok(Output::Own {
                rust: own.rust.clone(),
                decode,
                stream: own.stream.is_some(),
                doc: own.doc.clone(),
            });
        }
        let mut output = Output::Nothing;
        for (status, response) in &operation.responses.responses {
            let StatusCode::Code(200..=299) = status else {
                continue;
            };
            let ReferenceOr::Item(response) = response else {
                return Err("a shared 2xx response".into());
            };
            if !response.content.is_empty() {
                output = Output::Json(self.media(&format!("{id}.{status}"), &response.content)?);
            } else if response.headers.keys().any(|header| header != "Set-Cookie") {
                return Err("an answer of headers alone; give it an output in the overlay".into());
            }
        }
        Ok(output)
    }

    pub(super) fn paging(&self, inputs: &[Input], output: &Output) -> Result<Paging> {
        let rules = &self.overlay.paging;
        for name in [&rules.cursor, &rules.amount] {
            inputs
                .iter()
                .find(|input| input.wire == *name)
                .ok_or_else(|| format!("paged without the parameter {name}"))?;
        }
        let Output::Json(Type::Model(name)) = output else {
            return Err("paged, and answers no model".into());
        };
        let (properties, _) = self.properties(name)?;
        properties
            .get(&rules.pagination)
            .ok_or("a page without pagination")?;
        let results = properties
            .get(&rules.results)
            .ok_or("a page without results")?;
        let ReferenceOr::Item(results) = results else {
            return Err("results that are a reference".into());
        };
        match &results.schema_kind {
            SchemaKind::Type(ApiType::Array(array)) => match &array.items {
                Some(ReferenceOr::Reference { reference }) => Ok(Paging {
                    cursor: self.name(&rules.cursor),
                    item: Type::Model(last(reference)),
                }),
                _ => Err("results without a named schema".into()),
            },
            _ => Err("results that are no list".into()),
        }
    }

    pub(super) fn failures(
        &self,
        path: &str,
        method: &str,
        operation: &ApiOperation,
    ) -> Result<Vec<(u16, String)>> {
        let mut failures = Vec::new();
        for (status, response) in &operation.responses.responses {
            let StatusCode::Code(code @ (400..=428 | 430..=499)) = status else {
                continue;
            };
            let text = match response {
                ReferenceOr::Item(response) => response.description.clone(),
                ReferenceOr::Reference { reference } => {
                    let raw = &self.raw["paths"][path][method.to_lowercase().as_str()]["responses"];
                    let beside = raw.as_mapping().into_iter().flatten().find(|(key, _)| {
                        key.as_u64() == Some(u64::from(*code))
                            || key.as_str() == Some(&code.to_string())
                    });
                    match beside.and_then(|(_, value)| value["description"].as_str()) {
                        Some(text) => text.to_owned(),
                        None => first_sentence(&self.shared_response(&last(reference))?),
                    }
                }
            };
            failures.push((*code, text));
        }
        failures.sort_unstable();
        Ok(failures)
    }

    pub(super) fn shared_response(&self, name: &str) -> Result<String> {
        match self
            .api
            .components
            .as_ref()
            .and_then(|components| components.responses.get(name))
        {
            Some(ReferenceOr::Item(response)) => Ok(response.description.clone()),
            _ => Err(format!("the response {name} does not exist").into()),
        }
    }
}

/// The status of an answer that succeeds: one with a body before one without, and below 400 in any case.
fn status(operation: &ApiOperation) -> Result<u16> {
    let declared = operation.responses.responses.iter();
    let good = declared.filter_map(|(status, response)| match (status, response) {
        (StatusCode::Code(code @ 200..=399), ReferenceOr::Item(response)) => {
            Some((*code >= 300, response.content.is_empty(), *code))
        }
        _ => None,
    });
    let (.., code) = good.min().ok_or("no answer that succeeds")?;
    Ok(code)
}

fn first_sentence(text: &str) -> String {
    match text.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => text.to_owned(),
    }
}
