//! Types and names of the model as Rust tokens.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use crate::model::Type;

/// A name, raw where it is a keyword.
pub fn ident(name: &str) -> Ident {
    match syn::parse_str::<Ident>(name) {
        Ok(ident) => ident,
        Err(_) => Ident::new_raw(name, Span::call_site()),
    }
}

/// The type that a value is kept as.
pub fn stored(ty: &Type) -> TokenStream {
    match ty {
        Type::Text => quote!(String),
        Type::Integer => quote!(i64),
        Type::Boolean => quote!(bool),
        Type::DateTime | Type::UnixSeconds => quote!(jiff::Timestamp),
        Type::Json => quote!(serde_json::Map<String, serde_json::Value>),
        Type::Data => quote!(crate::Body),
        Type::List(inner) => {
            let inner = stored(inner);
            quote!(Vec<#inner>)
        }
        Type::Map(inner) => {
            let inner = stored(inner);
            quote!(std::collections::BTreeMap<String, #inner>)
        }
        Type::Enum(name) | Type::Model(name) => {
            let name = format_ident!("{name}");
            quote!(crate::models::#name)
        }
    }
}

/// The type that an argument is taken as.
pub fn taken(ty: &Type) -> TokenStream {
    match ty {
        Type::Text => quote!(impl Into<String>),
        Type::Data => quote!(impl Into<crate::Body>),
        Type::List(inner) => {
            let inner = taken(inner);
            quote!(impl IntoIterator<Item = #inner>)
        }
        Type::Map(inner) if **inner == Type::Text => {
            quote!(impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>)
        }
        _ => stored(ty),
    }
}

/// An argument as it is kept.
pub fn keep(ty: &Type, name: &Ident) -> TokenStream {
    match ty {
        Type::Text | Type::Data => quote!(#name.into()),
        Type::List(inner) if matches!(**inner, Type::Text) => {
            quote!(#name.into_iter().map(Into::into).collect())
        }
        Type::List(_) => quote!(#name.into_iter().collect()),
        Type::Map(inner) if **inner == Type::Text => {
            quote!(#name.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
        }
        _ => quote!(#name),
    }
}
