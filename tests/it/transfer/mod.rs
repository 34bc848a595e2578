//! Objects in and out.

mod changes;
mod directories;
mod download;
mod download_faults;
mod download_file;
mod download_memory;
mod download_presigned;
mod download_reader;
