//! What the server tells about itself.

use super::{Answer, no_content, ok};
use crate::models;
use crate::testing::BlockStore;
use crate::testing::memory::error::Failure;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;

pub(super) fn config(server: &Server) -> Answer {
    ok(&models::Config {
        version_config: Some(version_config()),
        storage_config: Some(storage_config(server)),
        storage_config_list: Some(Vec::new()),
        ui_config: Some(models::UIConfig {
            custom_viewers: None,
        }),
        capabilities_config: Some(models::CapabilitiesConfig {}),
    })
}

pub(super) fn version() -> Answer {
    ok(&version_config())
}

pub(super) fn storage(server: &Server) -> Answer {
    ok(&storage_config(server))
}

pub(super) fn garbage_collection() -> Answer {
    const DAY_SECONDS: i64 = 24 * 60 * 60;
    ok(&models::GarbageCollectionConfig {
        grace_period: Some(DAY_SECONDS),
    })
}

/// Statistics are checked, and not kept.
pub(super) fn post_statistics(call: &Call) -> Answer {
    let list: models::StatsEventsList = call.json()?;
    for event in list.events {
        let names = [("class", &event.class), ("name", &event.name)];
        if let Some((name, _)) = names.into_iter().find(|(_, value)| value.is_empty()) {
            return Err(Failure::bad_request(format!(
                "invalid value: {name} is required"
            )));
        }
        if event.count < 0 {
            return Err(Failure::bad_request(
                "invalid value: count must be a non-negative integer",
            ));
        }
    }
    no_content()
}

fn version_config() -> models::VersionConfig {
    models::VersionConfig {
        version: Some("dev".into()),
        version_context: Some("lakeFS".into()),
        latest_version: None,
        upgrade_recommended: None,
        upgrade_url: None,
    }
}

fn storage_config(server: &Server) -> models::StorageConfig {
    let store = server.block_store;
    let prefix = match store {
        BlockStore::S3 => String::new(),
        BlockStore::Any | BlockStore::Local => format!("{}://", store.name()),
    };
    let example = format!("{}://example-bucket/", store.name());
    models::StorageConfig {
        blockstore_type: store.name().into(),
        blockstore_namespace_example: example,
        blockstore_namespace_validity_regex: store.namespace_pattern().into(),
        default_namespace_prefix: Some(prefix),
        pre_sign_support: server.presigns,
        pre_sign_support_ui: false,
        import_support: server.import_support,
        import_validity_regex: store.namespace_pattern().into(),
        pre_sign_multipart_upload: Some(server.presigns),
        blockstore_id: Some(String::new()),
        blockstore_description: Some(String::new()),
    }
}
