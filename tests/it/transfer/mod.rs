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
mod download_checksums;
mod download_empty;
mod download_events;
mod download_faults;
mod download_file;
mod download_file_faults;
mod download_from_uri;
mod download_full_disk;
mod download_memory;
mod download_presigned;
mod download_reader;
mod download_turns;
mod lake;
mod tree;
mod upload;
mod upload_cancelled;
mod upload_checksums;
mod upload_completed;
mod upload_conditions;
mod upload_empty;
mod upload_events;
mod upload_in_parts;
mod upload_large;
mod upload_memory;
mod upload_metadata;
mod upload_patience;
mod upload_properties;
mod upload_settled;
mod upload_store;
mod upload_store_kinds;
mod upload_store_lost;
mod upload_uris;
mod upload_urls;
mod upload_writer;
