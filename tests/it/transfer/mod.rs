//! Objects in and out.

mod changes;
mod directories;
mod directory_many;
mod directory_meanwhile;
mod directory_obstacles;
#[cfg(target_os = "linux")]
mod directory_properties;
#[cfg(target_os = "linux")]
mod directory_same_file;
mod directory_sources;
mod download;
mod download_faults;
mod download_file;
mod download_memory;
mod download_presigned;
mod download_reader;
mod lake;
mod tree;
mod upload;
mod upload_cancelled;
mod upload_in_parts;
mod upload_memory;
mod upload_properties;
mod upload_settled;
mod upload_store;
mod upload_writer;
