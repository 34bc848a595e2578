//! Schemas → types, models and enums.

use std::collections::BTreeSet;

use heck::ToUpperCamelCase;
use openapiv3::{
    AdditionalProperties, ReferenceOr, Schema, SchemaKind, StringFormat, Type as ApiType,
    VariantOrUnknownOrEmpty,
};
use yaml_serde::Value;

use super::{Reader, last};
use crate::{Result, model::*};

pub(super) type Properties = indexmap::IndexMap<String, ReferenceOr<Box<Schema>>>;

impl Reader {
    /// The type that a schema stands for. `place` names it: `Schema.property` or `operation.parameter`.
    pub(super) fn ty(
        &mut self,
        place: &str,
        schema: &ReferenceOr<Schema>,
    ) -> Result<(Type, Checks)> {
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
    pub(super) fn named(&mut self, name: &str) -> Result<Type> {
        let schema = self.schema(name)?;
        match &schema.schema_kind {
            SchemaKind::AllOf { .. } => Ok(Type::Model(name.to_owned())),
            SchemaKind::Type(ApiType::Object(object)) if object.additional_properties.is_none() => {
                Ok(Type::Model(name.to_owned()))
            }
            _ => Ok(self.ty(name, &ReferenceOr::Item(schema))?.0),
        }
    }

    pub(super) fn schema(&self, name: &str) -> Result<Schema> {
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

    pub(super) fn inline_enum(&mut self, place: &str, values: Vec<String>) -> Result<Type> {
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
    pub(super) fn properties(&self, name: &str) -> Result<(Properties, BTreeSet<String>)> {
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
    pub(super) fn reach(&mut self, ty: &Type, reached: &mut BTreeSet<String>) -> Result<()> {
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
    pub(super) fn place(&self, model: &str, property: &str) -> String {
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

    pub(super) fn has_bounds(&mut self, ty: &Type) -> Result<bool> {
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

    /// Puts every schema into the first group that uses it, and those that none uses into the last.
    pub(super) fn models(
        &mut self,
        groups: &mut [Group],
        requests: &BTreeSet<String>,
    ) -> Result<()> {
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
    pub(super) fn alias_is_used(&self, name: &str, group: &Group) -> Result<bool> {
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

    pub(super) fn model(&mut self, name: &str, request: bool) -> Result<Model> {
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

    pub(super) fn fields(&mut self, name: &str) -> Result<Vec<Field>> {
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

    pub(super) fn beside_reference(&self, model: &str, property: &str) -> Option<String> {
        let schema = &self.raw["components"]["schemas"][model];
        let parts = schema["allOf"].as_sequence().into_iter().flatten();
        let found = parts
            .chain([schema])
            .find_map(|part| part["properties"][property]["description"].as_str());
        found.map(str::to_owned)
    }

    pub(super) fn marked(&mut self, list: &[String], place: &str) -> bool {
        let marked = list.iter().any(|entry| entry == place);
        if marked {
            self.used.insert(place.to_owned());
        }
        marked
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
