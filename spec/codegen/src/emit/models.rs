//! Schemas as structs and enums.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{
    docs,
    types::{ident, keep, stored, taken},
};
use crate::model::*;

pub fn group(api: &Api, group: &Group) -> TokenStream {
    let enums = api
        .enums
        .values()
        .filter(|found| found.tag == group.tag)
        .map(open_enum);
    let models = group.models.iter().map(model);
    quote! { #(#models)* #(#enums)* }
}

fn model(model: &Model) -> TokenStream {
    let name = format_ident!("{}", model.name);
    let doc = docs::item(&model.doc);
    let source = docs::doc(&format!("\nSchema `{}`.", model.name));
    let fields = match &model.shape {
        Shape::Alias(ty) => {
            let ty = stored(ty);
            return quote! { #doc #source pub type #name = #ty; };
        }
        Shape::Fields(fields) => fields,
    };
    let members = fields.iter().map(|field| {
        let doc = docs::item(&field.doc);
        let name = ident(&field.rust);
        let serde = serde(field);
        let ty = stored(&field.ty);
        let ty = if optional(field) {
            quote!(Option<#ty>)
        } else {
            ty
        };
        quote! { #doc #serde pub #name: #ty, }
    });
    let debug = fields.iter().any(|field| field.shown != Shown::All);
    let derive_debug = (!debug).then(|| quote!(Debug,));
    let no_required = fields.iter().all(optional);
    let derive_default = (model.request && no_required).then(|| quote!(Default,));
    let debug = debug.then(|| debug_impl(model, fields));
    let new = model.request.then(|| new_and_setters(model, fields));
    let validate = (model.request && model.validated).then(|| validate_impl(model, fields));
    quote! {
        #doc #source
        #[derive(#derive_debug Clone, #derive_default PartialEq, serde::Deserialize, serde::Serialize)]
        #[non_exhaustive]
        pub struct #name { #(#members)* }
        #new
        #debug
        #validate
    }
}

fn optional(field: &Field) -> bool {
    !field.required
}

fn serde(field: &Field) -> TokenStream {
    let plain = field.rust == field.wire;
    let rename = (!plain).then(|| {
        let wire = &field.wire;
        quote!(rename = #wire)
    });
    let rest = match (&field.ty, optional(field)) {
        (Type::UnixSeconds, true) => Some(quote!(
            default,
            skip_serializing_if = "Option::is_none",
            with = "crate::codec::time::optional_unix"
        )),
        (_, true) => Some(quote!(default, skip_serializing_if = "Option::is_none")),
        (Type::UnixSeconds, false) => Some(quote!(with = "crate::codec::time::unix")),
        // Servers send null, or nothing, for an empty list.
        (Type::List(_) | Type::Map(_), false) => Some(quote!(
            default,
            deserialize_with = "crate::codec::null_is_default"
        )),
        _ if field.lenient => Some(quote!(
            default,
            deserialize_with = "crate::codec::null_is_default"
        )),
        _ => None,
    };
    let parts: Vec<_> = rename.into_iter().chain(rest).collect();
    if parts.is_empty() {
        quote!()
    } else {
        quote!(#[serde(#(#parts),*)])
    }
}

/// The constructor of a model, and a setter for each of its fields.
pub fn new_and_setters(model: &Model, fields: &[Field]) -> TokenStream {
    let name = format_ident!("{}", model.name);
    let required: Vec<_> = fields.iter().filter(|field| !optional(field)).collect();
    let arguments = required.iter().map(|field| {
        let (name, ty) = (ident(&field.rust), taken(&field.ty));
        quote!(#name: #ty)
    });
    let values = fields.iter().map(|field| {
        let name = ident(&field.rust);
        if optional(field) {
            quote!(#name: None)
        } else {
            let kept = keep(&field.ty, &name);
            if name == kept.to_string() {
                quote!(#name)
            } else {
                quote!(#name: #kept)
            }
        }
    });
    let setters = fields.iter().map(|field| {
        let doc = docs::item(&field.doc);
        let (name, ty) = (ident(&field.rust), taken(&field.ty));
        let kept = keep(&field.ty, &name);
        let value = if optional(field) {
            quote!(Some(#kept))
        } else {
            kept
        };
        quote! {
            #doc
            #[must_use]
            pub fn #name(mut self, #name: #ty) -> Self { self.#name = #value; self }
        }
    });
    let doc = docs::doc(if required.is_empty() {
        "With nothing set."
    } else {
        "With all that is required, and nothing else."
    });
    let many = (required.len() > 7).then(
        || quote!(#[expect(clippy::too_many_arguments, reason = "the API requires them all")]),
    );
    quote! {
        impl #name {
            #doc
            #many
            #[must_use]
            pub fn new(#(#arguments),*) -> Self { Self { #(#values),* } }
            #(#setters)*
        }
    }
}

fn debug_impl(model: &Model, fields: &[Field]) -> TokenStream {
    let name = format_ident!("{}", model.name);
    let text = &model.name;
    let fields = fields.iter().map(|field| {
        let name = ident(&field.rust);
        let label = &field.rust;
        match field.shown {
            Shown::All => quote!(.field(#label, &self.#name)),
            Shown::Nothing => quote!(.field(#label, &crate::codec::Redacted)),
            Shown::WithoutQuery => quote!(.field(#label, &crate::codec::WithoutQuery(&self.#name))),
        }
    });
    quote! {
        impl std::fmt::Debug for #name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(#text) #(#fields)* .finish()
            }
        }
    }
}

fn validate_impl(model: &Model, fields: &[Field]) -> TokenStream {
    let name = format_ident!("{}", model.name);
    let own = fields.iter().any(|field| field.checks != Checks::default());
    let import = own.then(|| {
        quote!(
            use crate::codec::validate;
        )
    });
    let checks = fields.iter().flat_map(|field| {
        let name = ident(&field.rust);
        let wire = &field.wire;
        let mut checks = Vec::new();
        let mut check = |test: TokenStream| {
            checks.push(if optional(field) {
                quote! { if let Some(value) = &self.#name { #test } }
            } else {
                quote! { { let value = &self.#name; #test } }
            });
        };
        if field.checks.not_empty {
            check(quote! { validate::field(#wire, validate::not_empty(value.len()))?; });
        }
        if let Some(pattern) = &field.checks.pattern {
            let pattern = ident(pattern);
            check(quote! { validate::field(#wire, validate::#pattern(value))?; });
        }
        if field.checks.minimum.is_some() || field.checks.maximum.is_some() {
            let (minimum, maximum) = bounds(&field.checks);
            check(
                quote! { validate::field(#wire, validate::within(*value, #minimum, #maximum))?; },
            );
        }
        if field.validated {
            check(quote! { value.validate().map_err(|invalid| invalid.within(#wire))?; });
        }
        checks
    });
    quote! {
        impl crate::codec::validate::Validate for #name {
            fn validate(&self) -> Result<(), crate::codec::validate::Invalid> {
                #import
                #(#checks)*
                Ok(())
            }
        }
    }
}

/// Both bounds, where at least one is set.
pub fn bounds(checks: &Checks) -> (TokenStream, TokenStream) {
    let minimum = checks
        .minimum
        .map_or_else(|| quote!(i64::MIN), |value| quote!(#value));
    let maximum = checks
        .maximum
        .map_or_else(|| quote!(i64::MAX), |value| quote!(#value));
    (minimum, maximum)
}

fn open_enum(found: &Enum) -> TokenStream {
    let name = format_ident!("{}", found.name);
    let doc = docs::doc(&found.doc);
    let variants = found.values.iter().map(|(_, variant, meaning)| {
        let (variant, doc) = (format_ident!("{variant}"), docs::item(meaning));
        quote! { #doc #variant, }
    });
    let names = found.values.iter().map(|(wire, variant, _)| {
        let variant = format_ident!("{variant}");
        quote!(#variant = #wire)
    });
    quote! {
        #doc
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum #name {
            #(#variants)*
            /// A value that this version of the crate does not know; it is sent as it is.
            Unknown(String),
        }
        crate::codec::open_enum!(#name: #(#names),*);
    }
}
