//! YAML → [`model`](crate::model). Stops on everything that it does not know, naming where it stands.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use heck::{ToSnakeCase, ToUpperCamelCase};
use openapiv3::{
    AdditionalProperties, MediaType, OpenAPI, Operation as ApiOperation, Parameter, ParameterData,
    ParameterSchemaOrContent, ReferenceOr, Schema, SchemaKind, StatusCode, StringFormat,
    Type as ApiType, VariantOrUnknownOrEmpty,
};
use yaml_serde::Value;

use crate::{Result, model::*, overlay::Overlay};

/// Settings of `Call` that a parameter must not be named like.
const RESERVED: [&str; 10] = [
    "send",
    "send_response",
    "timeout",
    "header",
    "retry",
    "into_request",
    "pages",
    "items",
    "operation",
    "client",
];

/// Reads a document and its overlay.
///
/// # Errors
///
/// When one of them cannot be read, or says something that the generator does not know.
pub fn read(document: &Path, overlay: &Path) -> Result<Api> {
    let text = fs::read_to_string(document)?;
    let reader = Reader {
        api: yaml_serde::from_str(&text)?,
        raw: yaml_serde::from_str(&text)?,
        overlay: yaml_serde::from_str(&fs::read_to_string(overlay)?)?,
        enums: BTreeMap::new(),
        used: BTreeSet::new(),
    };
    reader.read()
}

struct Reader {
    api: OpenAPI,
    /// The same document untyped, for the descriptions beside a `$ref`, which OpenAPI 3.0 drops.
    raw: Value,
    overlay: Overlay,
    enums: BTreeMap<String, Enum>,
    /// What the overlay was asked for, to notice entries that mean nothing.
    used: BTreeSet<String>,
}

impl Reader {
    fn read(mut self) -> Result<Api> {
        let mut groups: Vec<Group> = self
            .overlay
            .groups
            .iter()
            .map(|(tag, doc)| Group {
                tag: tag.clone(),
                module: tag.to_snake_case(),
                doc: doc.clone(),
                operations: Vec::new(),
                models: Vec::new(),
            })
            .collect();
        let mut requests = BTreeSet::new();
        let paths = self.api.paths.paths.clone();
        for (path, item) in &paths {
            let ReferenceOr::Item(item) = item else {
                return Err(format!("{path}: a path that is a reference").into());
            };
            for (method, operation) in item.iter() {
                let id = operation
                    .operation_id
                    .clone()
                    .ok_or_else(|| format!("{method} {path}: no operationId"))?;
                let parameters: Vec<_> = item
                    .parameters
                    .iter()
                    .chain(&operation.parameters)
                    .cloned()
                    .collect();
                let operation_read = self
                    .operation(&id, method, path, operation, &parameters)
                    .map_err(|error| format!("{id}: {error}"))?;
                for input in &operation_read.inputs {
                    self.reach(&input.ty, &mut requests)?;
                }
                let group = groups
                    .iter_mut()
                    .find(|group| operation.tags.contains(&group.tag))
                    .ok_or_else(|| format!("{id}: none of its tags is a group of the overlay"))?;
                group.operations.push(Operation {
                    tag: group.tag.clone(),
                    ..operation_read
                });
            }
        }
        self.models(&mut groups, &requests)?;
        let api = Api {
            groups,
            enums: self.enums,
        };
        unknown("operations", self.overlay.operations.keys(), &self.used)?;
        unknown("enums", self.overlay.enums.keys(), &self.used)?;
        for (section, names) in [
            ("unix_seconds", &self.overlay.unix_seconds),
            ("secrets", &self.overlay.secrets),
            ("presigned", &self.overlay.presigned),
            ("lenient", &self.overlay.lenient),
            ("maps", &self.overlay.maps),
        ] {
            unknown(section, names.iter(), &self.used)?;
        }
        Ok(api)
    }

    // ===== operations =====

    fn operation(
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
            paging,
            failures: self.failures(path, method, operation)?,
        })
    }

    /// The path's parameters, in the order of its template.
    fn path_inputs(
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

    fn other_input(
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

    fn raw_allows_empty_header(&self, name: &str, id: &str) -> bool {
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

    fn resolve_parameter(&self, parameter: &ReferenceOr<Parameter>) -> Result<Parameter> {
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

    fn input(&mut self, id: &str, data: &ParameterData, place: Place) -> Result<Input> {
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

    fn body(&mut self, id: &str, operation: &ApiOperation) -> Result<Option<Input>> {
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

    fn media(
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

    fn output(&mut self, id: &str, operation: &ApiOperation) -> Result<Output> {
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

    fn paging(&self, inputs: &[Input], output: &Output) -> Result<Paging> {
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

    fn failures(
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

    fn shared_response(&self, name: &str) -> Result<String> {
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

    // ===== schemas =====

    /// The type that a schema stands for. `place` names it: `Schema.property` or `operation.parameter`.
    fn ty(&mut self, place: &str, schema: &ReferenceOr<Schema>) -> Result<(Type, Checks)> {
        let schema = match schema {
            ReferenceOr::Reference { reference } => {
                return Ok((self.named(&last(reference))?, Checks::default()));
            }
            ReferenceOr::Item(schema) => schema.clone(),
        };
        let mut checks = Checks::default();
        let fail =
            |what: &str| -> Result<(Type, Checks)> { Err(format!("{place}: {what}").into()) };
        if self.overlay.maps.iter().any(|entry| entry == place) {
            self.used.insert(place.to_owned());
            return Ok((Type::Map(Box::new(Type::Text)), checks));
        }
        let SchemaKind::Type(ty) = &schema.schema_kind else {
            return fail("a schema that is no plain type");
        };
        let ty = match ty {
            ApiType::String(string) => {
                checks.not_empty = match string.min_length {
                    None => false,
                    Some(1) => true,
                    Some(_) => return fail("a minLength other than 1"),
                };
                if let Some(pattern) = &string.pattern {
                    let check = self.overlay.patterns.get(pattern);
                    checks.pattern = Some(
                        check
                            .ok_or_else(|| {
                                format!("{place}: a pattern that the overlay does not know")
                            })?
                            .clone(),
                    );
                }
                if !string.enumeration.is_empty() {
                    let values = string.enumeration.iter().flatten().cloned().collect();
                    self.inline_enum(place, values)?
                } else {
                    match &string.format {
                        VariantOrUnknownOrEmpty::Empty => Type::Text,
                        VariantOrUnknownOrEmpty::Item(StringFormat::DateTime) => Type::DateTime,
                        VariantOrUnknownOrEmpty::Item(StringFormat::Binary) => Type::Data,
                        _ => return fail("an unknown format"),
                    }
                }
            }
            ApiType::Integer(integer) => {
                checks.minimum = integer.minimum;
                checks.maximum = integer.maximum;
                if self.overlay.unix_seconds.iter().any(|entry| entry == place) {
                    self.used.insert(place.to_owned());
                    Type::UnixSeconds
                } else {
                    Type::Integer
                }
            }
            ApiType::Boolean(_) => Type::Boolean,
            ApiType::Array(array) => {
                checks.not_empty = match array.min_items {
                    None => false,
                    Some(1) => true,
                    Some(_) => return fail("a minItems other than 1"),
                };
                let items = array
                    .items
                    .clone()
                    .ok_or_else(|| format!("{place}: a list of nothing"))?
                    .unbox();
                Type::List(Box::new(self.ty(place, &items)?.0))
            }
            ApiType::Object(object) => match &object.additional_properties {
                Some(AdditionalProperties::Schema(values)) => {
                    Type::Map(Box::new(self.ty(place, values)?.0))
                }
                Some(AdditionalProperties::Any(_)) => {
                    return fail("additionalProperties without a schema");
                }
                None if object.properties.is_empty() => Type::Json,
                None => return fail("an object in place; give it a name"),
            },
            ApiType::Number(_) => return fail("a number that is no integer"),
        };
        Ok((ty, checks))
    }

    /// The type that a named schema stands for: lists and maps are themselves, objects are models.
    fn named(&mut self, name: &str) -> Result<Type> {
        let schema = self.schema(name)?;
        match &schema.schema_kind {
            SchemaKind::AllOf { .. } => Ok(Type::Model(name.to_owned())),
            SchemaKind::Type(ApiType::Object(object)) if object.additional_properties.is_none() => {
                Ok(Type::Model(name.to_owned()))
            }
            _ => Ok(self.ty(name, &ReferenceOr::Item(schema))?.0),
        }
    }

    fn schema(&self, name: &str) -> Result<Schema> {
        match self
            .api
            .components
            .as_ref()
            .and_then(|components| components.schemas.get(name))
        {
            Some(ReferenceOr::Item(schema)) => Ok(schema.clone()),
            _ => Err(format!("the schema {name} does not exist").into()),
        }
    }

    fn inline_enum(&mut self, place: &str, values: Vec<String>) -> Result<Type> {
        let entry = self
            .overlay
            .enums
            .get(place)
            .ok_or_else(|| format!("{place}: an enum that the overlay does not name"))?;
        self.used.insert(place.to_owned());
        let name = entry.name.clone();
        if !self.enums.contains_key(&name) {
            let mut variants = Vec::new();
            for value in &values {
                // Enums that share a name may leave the meanings to one of them.
                let mut same = self
                    .overlay
                    .enums
                    .values()
                    .filter(|other| other.name == name);
                let doc = same.find_map(|entry| entry.values.get(value));
                let doc =
                    doc.ok_or_else(|| format!("{place}: no meaning of {value} in the overlay"))?;
                variants.push((value.clone(), value.to_upper_camel_case(), doc.clone()));
            }
            let doc = format!("The values of `{place}`.");
            self.enums.insert(
                name.clone(),
                Enum {
                    name: name.clone(),
                    doc,
                    tag: String::new(),
                    values: variants,
                },
            );
        }
        Ok(Type::Enum(name))
    }

    /// The properties of a model, those of all its `allOf` parts together, and which of them are required.
    fn properties(&self, name: &str) -> Result<(Properties, BTreeSet<String>)> {
        let mut properties = Properties::new();
        let mut required = BTreeSet::new();
        let mut add = |schema: &Schema| -> Result<()> {
            match &schema.schema_kind {
                SchemaKind::Type(ApiType::Object(object)) => {
                    properties.extend(object.properties.clone());
                    required.extend(object.required.iter().cloned());
                }
                // A part that only says what is required.
                SchemaKind::Any(any) if any.properties.is_empty() => {
                    required.extend(any.required.iter().cloned())
                }
                _ => return Err(format!("{name}: a part that is no object").into()),
            }
            Ok(())
        };
        let schema = self.schema(name)?;
        match &schema.schema_kind {
            SchemaKind::AllOf { all_of } => {
                for part in all_of {
                    match part {
                        ReferenceOr::Item(part) => add(part)?,
                        ReferenceOr::Reference { reference } => {
                            add(&self.schema(&last(reference))?)?
                        }
                    }
                }
            }
            _ => add(&schema)?,
        }
        Ok((properties, required))
    }

    /// All models that a type is made of.
    fn reach(&mut self, ty: &Type, reached: &mut BTreeSet<String>) -> Result<()> {
        match ty {
            Type::List(inner) | Type::Map(inner) => self.reach(inner, reached),
            Type::Model(name) if reached.insert(name.clone()) => {
                for (property, schema) in self.properties(name)?.0 {
                    let ty = self.ty(&self.place(name, &property), &schema.unbox())?.0;
                    self.reach(&ty, reached)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Where a property is described: an `allOf` takes some of its properties from another schema.
    fn place(&self, model: &str, property: &str) -> String {
        let owner = self.api.components.as_ref().and_then(|components| {
            match components.schemas.get(model)? {
                ReferenceOr::Item(Schema {
                    schema_kind: SchemaKind::AllOf { all_of },
                    ..
                }) => all_of.iter().find_map(|part| match part {
                    ReferenceOr::Reference { reference } => {
                        let name = last(reference);
                        self.properties(&name)
                            .ok()?
                            .0
                            .contains_key(property)
                            .then_some(name)
                    }
                    ReferenceOr::Item(_) => None,
                }),
                _ => None,
            }
        });
        format!("{}.{property}", owner.as_deref().unwrap_or(model))
    }

    fn has_bounds(&mut self, ty: &Type) -> Result<bool> {
        match ty {
            Type::List(inner) | Type::Map(inner) => self.has_bounds(inner),
            Type::Model(name) => {
                for (property, schema) in self.properties(name)?.0 {
                    let (ty, checks) = self.ty(&self.place(name, &property), &schema.unbox())?;
                    if checks != Checks::default() || self.has_bounds(&ty)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    // ===== models =====

    /// Puts every schema into the first group that uses it, and those that none uses into the last.
    fn models(&mut self, groups: &mut [Group], requests: &BTreeSet<String>) -> Result<()> {
        let mut placed = BTreeSet::new();
        let names: Vec<String> = self
            .api
            .components
            .iter()
            .flat_map(|components| components.schemas.keys().cloned())
            .collect();
        let last_group = groups.len().saturating_sub(1);
        for (index, group) in groups.iter_mut().enumerate() {
            let mut used = BTreeSet::new();
            let mut enums = BTreeSet::new();
            for operation in &group.operations {
                for ty in operation.inputs.iter().map(|input| &input.ty) {
                    self.reach(ty, &mut used)?;
                    collect_enums(ty, &mut enums);
                }
                if let Output::Json(ty) = &operation.output {
                    self.reach(ty, &mut used)?;
                }
            }
            for name in &names {
                let alias = !matches!(self.named(name)?, Type::Model(_));
                let wanted = used.contains(name)
                    || index == last_group
                    || (alias && self.alias_is_used(name, group)?);
                if wanted && placed.insert(name.clone()) {
                    let model = self
                        .model(name, requests.contains(name))
                        .map_err(|error| format!("{name}: {error}"))?;
                    if let Shape::Fields(fields) = &model.shape {
                        fields
                            .iter()
                            .for_each(|field| collect_enums(&field.ty, &mut enums));
                    }
                    group.models.push(model);
                }
            }
            for name in enums {
                if let Some(found) = self
                    .enums
                    .get_mut(&name)
                    .filter(|found| found.tag.is_empty())
                {
                    found.tag = group.tag.clone();
                }
            }
        }
        Ok(())
    }

    /// Whether an operation of the group, or a model that it already has, names the list or map.
    fn alias_is_used(&self, name: &str, group: &Group) -> Result<bool> {
        let reference = format!("#/components/schemas/{name}");
        let mentions =
            |value: &Value| yaml_serde::to_string(value).map(|text| text.contains(&reference));
        for model in &group.models {
            if mentions(&self.raw["components"]["schemas"][model.name.as_str()])? {
                return Ok(true);
            }
        }
        for operation in &group.operations {
            if mentions(&self.raw["paths"][operation.path.as_str()])? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn model(&mut self, name: &str, request: bool) -> Result<Model> {
        let schema = self.schema(name)?;
        let doc = schema
            .schema_data
            .description
            .clone()
            .ok_or("no description")?;
        let ty = self.named(name)?;
        let shape = match &ty {
            Type::Model(_) => Shape::Fields(self.fields(name)?),
            alias => Shape::Alias(alias.clone()),
        };
        Ok(Model {
            name: name.to_owned(),
            doc,
            shape,
            request,
            validated: self.has_bounds(&ty)?,
        })
    }

    fn fields(&mut self, name: &str) -> Result<Vec<Field>> {
        let (properties, required) = self.properties(name)?;
        let mut fields = Vec::new();
        for (property, schema) in properties {
            let schema = schema.unbox();
            let place = self.place(name, &property);
            let doc = match &schema {
                ReferenceOr::Item(schema) => schema.schema_data.description.clone(),
                ReferenceOr::Reference { .. } => self.beside_reference(name, &property),
            };
            let (ty, checks) = self.ty(&place, &schema)?;
            let shown = if self.marked(&self.overlay.secrets.clone(), &place) {
                Shown::Nothing
            } else if self.marked(&self.overlay.presigned.clone(), &place) {
                Shown::WithoutQuery
            } else {
                Shown::All
            };
            fields.push(Field {
                rust: self.name(&property),
                doc: doc.ok_or_else(|| format!("{property}: no description"))?,
                required: required.contains(&property),
                lenient: self.marked(&self.overlay.lenient.clone(), &format!("{name}.{property}")),
                shown,
                validated: self.has_bounds(&ty)?,
                wire: property,
                ty,
                checks,
            });
        }
        Ok(fields)
    }

    fn beside_reference(&self, model: &str, property: &str) -> Option<String> {
        let schema = &self.raw["components"]["schemas"][model];
        let parts = schema["allOf"].as_sequence().into_iter().flatten();
        let found = parts
            .chain([schema])
            .find_map(|part| part["properties"][property]["description"].as_str());
        found.map(str::to_owned)
    }

    fn marked(&mut self, list: &[String], place: &str) -> bool {
        let marked = list.iter().any(|entry| entry == place);
        if marked {
            self.used.insert(place.to_owned());
        }
        marked
    }

    // ===== names =====

    fn words(&self, name: &str) -> String {
        self.overlay
            .words
            .iter()
            .fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
    }

    fn name(&self, wire: &str) -> String {
        self.overlay
            .names
            .get(wire)
            .cloned()
            .unwrap_or_else(|| self.words(wire).to_snake_case())
    }
}

type Properties = indexmap::IndexMap<String, ReferenceOr<Box<Schema>>>;

fn last(reference: &str) -> String {
    reference.rsplit('/').next().unwrap_or_default().to_owned()
}

fn first_sentence(text: &str) -> String {
    match text.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => text.to_owned(),
    }
}

fn collect_enums(ty: &Type, enums: &mut BTreeSet<String>) {
    match ty {
        Type::Enum(name) => {
            enums.insert(name.clone());
        }
        Type::List(inner) | Type::Map(inner) => collect_enums(inner, enums),
        _ => {}
    }
}

fn unknown<'n>(
    section: &str,
    names: impl Iterator<Item = &'n String>,
    used: &BTreeSet<String>,
) -> Result<()> {
    let unknown: Vec<_> = names
        .filter(|name| !used.contains(*name))
        .cloned()
        .collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "the overlay's `{section}` has entries that mean nothing: {}",
            unknown.join(", ")
        )
        .into())
    }
}
