//! Objects in and out.

mod lake;
mod upload;
mod upload_cancelled;
mod upload_in_parts;
mod upload_memory;
mod upload_properties;
mod upload_settled;
mod upload_store;
mod upload_writer;
