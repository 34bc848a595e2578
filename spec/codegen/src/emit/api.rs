//! Operations as structs, and the methods that make them.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{
    docs,
    models::bounds,
    types::{ident, keep, stored, taken},
};
use crate::model::*;

pub fn group(group: &Group) -> TokenStream {
    let doc = docs::inner(&group.doc);
    let operations = group.operations.iter().map(operation);
    let methods = group.operations.iter().map(client_method);
    let block = docs::doc(&format!(
        "{}\n\nThe group `{}` of the API.",
        group.doc, group.tag
    ));
    quote! {
        #doc
        use bytes::Bytes;
        use http::{Method, Request, response::Parts};
        use crate::{
            Body, Call, Client, Result,
            codec::{Encoder, decode},
            operation::{Idempotency, Operation, OperationMeta, Stability},
        };
        #block
        impl Client { #(#methods)* }
        #(#operations)*
    }
}

fn client_method(operation: &Operation) -> TokenStream {
    let name = ident(&operation.method_name);
    let ty = format_ident!("{}", operation.type_name);
    let doc = docs::doc(&docs::method(operation));
    let deprecated = operation
        .deprecated
        .then(|| quote!(#[deprecated = "lakeFS has replaced this operation by another"]));
    let required: Vec<_> = operation
        .inputs
        .iter()
        .filter(|input| input.required)
        .collect();
    let names: Vec<_> = required.iter().map(|input| ident(&input.rust)).collect();
    let types = required.iter().map(|input| taken(&input.ty));
    quote! {
        #doc
        #deprecated
        pub fn #name(&self, #(#names: #types),*) -> Call<#ty> { self.call(#ty::new(#(#names),*)) }
    }
}

fn operation(operation: &Operation) -> TokenStream {
    let ty = format_ident!("{}", operation.type_name);
    let doc = docs::doc(&format!(
        "{}\n\n{} Made by [`Client::{}`].",
        operation.summary,
        docs::source(operation),
        operation.method_name
    ));
    let fields = operation.inputs.iter().map(|input| {
        let (name, doc) = (ident(&input.rust), docs::item(&input.doc));
        let ty = field_type(input);
        quote! { #doc pub #name: #ty, }
    });
    let has_data = operation.inputs.iter().any(|input| input.ty == Type::Data);
    let clone = (!has_data).then(|| quote!(Clone,));
    let default = operation
        .inputs
        .iter()
        .all(|input| !input.required)
        .then(|| quote!(, Default));
    let new = new(operation);
    let implementation = implementation(operation);
    let setters = setters(operation);
    let paged = operation
        .paging
        .as_ref()
        .map(|paging| paged(operation, paging));
    quote! {
        #doc
        #[derive(#clone Debug #default)]
        #[non_exhaustive]
        pub struct #ty { #(#fields)* }
        #new
        #implementation
        #paged
        #setters
    }
}

fn field_type(input: &Input) -> TokenStream {
    let ty = stored(&input.ty);
    match (&input.ty, input.required) {
        (_, true) => ty,
        // An empty list or map is sent as nothing, so nothing needs no other name.
        (Type::List(_) | Type::Map(_), false) => ty,
        _ => quote!(Option<#ty>),
    }
}

fn new(operation: &Operation) -> TokenStream {
    let ty = format_ident!("{}", operation.type_name);
    let arguments = operation
        .inputs
        .iter()
        .filter(|input| input.required)
        .map(|input| {
            let (name, ty) = (ident(&input.rust), taken(&input.ty));
            quote!(#name: #ty)
        });
    let values = operation.inputs.iter().map(|input| {
        let name = ident(&input.rust);
        match (&input.ty, input.required) {
            (ty, true) => {
                let kept = keep(ty, &name);
                if name == kept.to_string() {
                    quote!(#name)
                } else {
                    quote!(#name: #kept)
                }
            }
            (Type::List(_) | Type::Map(_), false) => quote!(#name: Default::default()),
            _ => quote!(#name: None),
        }
    });
    let empty = operation.inputs.is_empty();
    let body = if empty {
        quote!(Self {})
    } else {
        quote!(Self { #(#values),* })
    };
    let doc = docs::doc("With all that is required, and nothing else.");
    let must_use = quote!(#[must_use]);
    quote! { impl #ty { #doc #must_use pub fn new(#(#arguments),*) -> Self { #body } } }
}

/// `#[inline]` leaves the compiling of an operation to the programs that use it: most use a few of them.
fn implementation(operation: &Operation) -> TokenStream {
    let ty = format_ident!("{}", operation.type_name);
    let output = match &operation.output {
        Output::Nothing => quote!(()),
        Output::Json(ty) => stored(ty),
        Output::Own { rust, .. } => rust.parse().unwrap_or_default(),
    };
    let meta = meta(operation);
    let request = request(operation);
    let (decode, stream) = match &operation.output {
        Output::Nothing => (quote!(decode::empty(&parts, &body)), None),
        Output::Json(_) => (quote!(decode::json(&parts, &body)), None),
        Output::Own {
            decode,
            stream: false,
            ..
        } => {
            let decode = ident(decode);
            (quote!(decode::#decode(&parts, &body)), None)
        }
        Output::Own {
            decode,
            stream: true,
            ..
        } => {
            let decode = ident(decode);
            let stream = quote! {
                #[inline]
                fn decode_stream(parts: Parts, body: Body) -> Result<Self::Output> { decode::#decode(&parts, body) }
            };
            (
                quote!(decode::#decode(&parts, Body::from(body))),
                Some(stream),
            )
        }
    };
    quote! {
        impl Operation for #ty {
            type Output = #output;
            const META: &'static OperationMeta = #meta;
            #[inline]
            fn into_request(self) -> Result<Request<Body>> { #request }
            #[inline]
            fn decode(parts: Parts, body: Bytes) -> Result<Self::Output> { #decode }
            #stream
        }
    }
}

fn meta(operation: &Operation) -> TokenStream {
    let Operation { id, path, .. } = operation;
    let method = format_ident!("{}", operation.http_method);
    let stability = format_ident!("{}", operation.stability);
    let repeat = match operation.repeat {
        Repeat::Safe => quote!(Idempotency::Safe),
        Repeat::Idempotent => quote!(Idempotency::Idempotent),
        Repeat::Once => quote!(Idempotency::NonIdempotent),
    };
    let tag = &operation.tag;
    let anonymous = (!operation.authenticated).then(|| quote!(.without_credentials()));
    let pages = operation.paging.is_some().then(|| quote!(.with_pages()));
    let streamed = matches!(operation.output, Output::Own { stream: true, .. })
        .then(|| quote!(.with_streamed_body()));
    let uploads = operation
        .inputs
        .iter()
        .any(|input| input.place == Place::DataBody)
        .then(|| quote!(.with_data_body()));
    quote! {
        &OperationMeta::new(#id, Method::#method, #path)
            .with_tag(#tag)
            .with_idempotency(#repeat)
            .with_stability(Stability::#stability)
            #anonymous #pages #streamed #uploads
    }
}

fn request(operation: &Operation) -> TokenStream {
    let mut finish = quote!(.empty());
    let mut prelude = quote!();
    let mut steps = Vec::new();
    for input in &operation.inputs {
        let (name, wire) = (ident(&input.rust), &input.wire);
        let text = matches!(input.ty, Type::Text);
        let as_text = if input.required {
            quote!(self.#name.as_str())
        } else {
            quote!(self.#name.as_deref())
        };
        if input.checks.minimum.is_some() || input.checks.maximum.is_some() {
            let (minimum, maximum) = bounds(&input.checks);
            steps.push(quote!(.bounded(#wire, self.#name, #minimum, #maximum)));
        }
        if let Some(pattern) = &input.checks.pattern {
            let pattern = ident(pattern);
            steps.push(quote!(.checked(#wire, #as_text, crate::codec::validate::#pattern)));
        }
        match &input.place {
            Place::Path => steps.push(match input.ty {
                Type::Text => quote!(.path(#wire, &self.#name)),
                Type::Enum(_) => quote!(.path(#wire, self.#name.as_str())),
                _ => quote!(.path(#wire, &self.#name.to_string())),
            }),
            Place::Query { allow_empty: false } if text => {
                steps.push(quote!(.query_non_empty(#wire, #as_text)))
            }
            Place::Query { .. } => steps.push(quote!(.query(#wire, self.#name))),
            Place::Header {
                allow_empty,
                default,
            } => {
                let header = wire.to_lowercase();
                let header = quote!(http::HeaderName::from_static(#header));
                steps.push(match (allow_empty, default) {
                    (_, Some(default)) => {
                        quote!(.header_non_empty(#header, self.#name.as_deref().or(Some(#default))))
                    }
                    (true, None) => quote!(.header(#header, #as_text)),
                    (false, None) => quote!(.header_non_empty(#header, #as_text)),
                });
            }
            Place::HeaderPrefix(prefix) => {
                steps.push(quote!(.prefixed_headers(#prefix, &self.#name)))
            }
            Place::JsonBody { validated } => {
                let json = if *validated {
                    quote!(valid_json)
                } else {
                    quote!(json)
                };
                if input.required {
                    finish = quote!(.#json(&self.#name));
                } else {
                    prelude = quote!(let request =);
                    finish = quote! {
                        ;
                        match &self.#name {
                            Some(body) => request.#json(body),
                            None => request.empty(),
                        }
                    };
                }
            }
            Place::DataBody => {
                finish = if input.required {
                    quote!(.data(self.#name))
                } else {
                    quote!(.data(self.#name.unwrap_or_default()))
                };
            }
        }
    }
    quote! { #prelude Encoder::new(Self::META) #(#steps)* #finish }
}

fn setters(operation: &Operation) -> TokenStream {
    let ty = format_ident!("{}", operation.type_name);
    let setters: Vec<_> = operation
        .inputs
        .iter()
        .filter(|input| !input.required)
        .map(|input| {
            let doc = docs::item(&input.doc);
            let (name, taken) = (ident(&input.rust), taken(&input.ty));
            let kept = keep(&input.ty, &name);
            let value = if matches!(input.ty, Type::List(_) | Type::Map(_)) { kept } else { quote!(Some(#kept)) };
            quote! {
                #doc
                pub fn #name(mut self, #name: #taken) -> Self { self.operation.#name = #value; self }
            }
        })
        .collect();
    if setters.is_empty() {
        quote!()
    } else {
        quote! { impl Call<#ty> { #(#setters)* } }
    }
}

fn paged(operation: &Operation, paging: &Paging) -> TokenStream {
    let ty = format_ident!("{}", operation.type_name);
    let cursor = ident(&paging.cursor);
    let item = stored(&paging.item);
    quote! {
        impl crate::paging::Paged for #ty {
            type Item = #item;
            fn cursor(&self) -> Option<&str> { self.#cursor.as_deref() }
            fn set_cursor(&mut self, cursor: String) { self.#cursor = Some(cursor); }
            fn page(output: &Self::Output) -> &crate::models::Pagination { &output.pagination }
            fn items(output: Self::Output) -> Vec<Self::Item> { output.results }
        }
    }
}
