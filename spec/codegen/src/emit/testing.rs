//! The other direction, for mocks: operations out of requests, and answers.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{models::new_and_setters, types::ident};
use crate::model::*;

pub fn group(group: &Group) -> TokenStream {
    let operations = group.operations.iter().map(operation);
    let models = group.models.iter().filter_map(answered);
    let body = quote! { #(#operations)* #(#models)* };
    if body.is_empty() {
        return body;
    }
    let uses = group.models.iter().filter(|model| !model.request);
    let uses = uses.filter(|model| matches!(model.shape, Shape::Fields(_)));
    let uses = uses.map(|model| format_ident!("{}", model.name));
    let module = ident(&group.module);
    let api = quote!(api::#module as api,);
    let operations = (!group.operations.is_empty()).then(|| {
        quote! {
            use http::Response;
            use crate::{Body, Result, #api  testing::{Mockable, Sent, mock::encode}};
        }
    });
    quote! { #operations #(use crate::models::#uses;)* #body }
}

/// What only the server makes; the models of requests can be made anyhow.
fn answered(model: &Model) -> Option<TokenStream> {
    match &model.shape {
        Shape::Fields(fields) if !model.request => {
            let new = new_and_setters(model, fields);
            let name = format_ident!("{}", model.name);
            let nothing_required = fields.iter().all(|field| !field.required);
            let default = nothing_required.then(
                || quote! { impl Default for #name { fn default() -> Self { Self::new() } } },
            );
            Some(quote! { #new #default })
        }
        _ => None,
    }
}

fn operation(operation: &Operation) -> TokenStream {
    let ty = format_ident!("{}", operation.type_name);
    let fields = operation.inputs.iter().map(|input| {
        let (name, value) = (ident(&input.rust), read(input));
        quote!(#name: #value)
    });
    let sent = if operation.inputs.is_empty() {
        quote!(_)
    } else {
        quote!(sent)
    };
    let status = operation.status;
    let encode = match &operation.output {
        Output::Nothing => quote!(encode::empty(Self::STATUS, &output)),
        Output::Json(_) => quote!(encode::json(Self::STATUS, &output)),
        Output::Own { decode, .. } => {
            let decode = ident(decode);
            quote!(encode::#decode(Self::STATUS, output))
        }
    };
    quote! {
        impl Mockable for api::#ty {
            const STATUS: u16 = #status;
            fn read(#sent: &Sent) -> Result<Self> { Ok(Self { #(#fields),* }) }
            fn answer(output: Self::Output) -> Result<Response<Body>> { #encode }
        }
    }
}

/// The value of an input, out of a request.
fn read(input: &Input) -> TokenStream {
    let wire = &input.wire;
    let list = matches!(input.ty, Type::List(_));
    match &input.place {
        Place::Path => quote!(sent.path(#wire)?),
        Place::Query { .. } if list => quote!(sent.query_all(#wire)?),
        Place::Query { .. } if input.required => quote!(sent.required_query(#wire)?),
        Place::Query { .. } => quote!(sent.query(#wire)?),
        Place::Header { .. } if input.required => quote!(sent.required_header(#wire)?),
        Place::Header { .. } => quote!(sent.header(#wire)?),
        Place::HeaderPrefix(prefix) => quote!(sent.headers_with(#prefix)),
        Place::JsonBody { .. } if input.required => quote!(sent.json()?),
        Place::JsonBody { .. } => quote!(sent.optional_json()?),
        Place::DataBody if input.required => quote!(sent.data()),
        Place::DataBody => quote!(Some(sent.data())),
    }
}
