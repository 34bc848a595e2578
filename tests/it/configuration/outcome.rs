//! What a config and a client tell of themselves.

use lakefs_sdk::{
    Client, Credentials,
    config::{Config, ConfigLoader, Source},
    middleware::retry::RetryPolicy,
    testing::MemoryLakeFs,
};

use super::{ENDPOINT, GOOD, Home, ID, SECRET, source};

/// "Which server does it talk to, and why?" is the first question when something is wrong.
#[test]
fn every_client_tells_where_its_settings_came_from() {
    let home = Home::with(GOOD);
    let path = home.file().display().to_string();
    let config = home.load(&[(ID, "ENVID")]).unwrap();

    let client = config.clone().into_builder().unwrap().build().unwrap();
    assert_eq!(
        client.config().to_string(),
        format!(
            "server.endpoint_url            http://file:8000/api/v1  server.endpoint_url in {path}\n\
             credentials.access_key_id      ENVID                    LAKECTL_CREDENTIALS_ACCESS_KEY_ID\n\
             credentials.secret_access_key  [redacted]               credentials.secret_access_key in {path}\n\
             server.retries                 standard                 default\n"
        )
    );
    assert!(std::ptr::eq(client.config(), client.clone().config()));

    // What is set on the builder afterwards is explicit.
    let client = config
        .into_builder()
        .unwrap()
        .endpoint("http://other")
        .credentials(Credentials::bearer_token("PLANTED"))
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    assert_eq!(
        client.config().endpoint().value.to_string(),
        "http://other/api/v1"
    );
    assert!(
        client
            .config()
            .settings()
            .all(|setting| *setting.source == Source::Explicit)
    );
    assert_eq!(client.config().settings().count(), 3);
    assert!(!format!("{} {:?}", client.config(), client.config()).contains("PLANTED"));

    // Built by hand.
    let client = Client::new(MemoryLakeFs::new());
    assert!(
        client
            .config()
            .settings()
            .all(|setting| *setting.source == Source::Default)
    );
    let client = Client::builder().endpoint("http://h").build().unwrap();
    assert_eq!(
        source(client.config(), "server.endpoint_url"),
        "set in code"
    );
    assert_eq!(source(client.config(), "credentials"), "default");
}

/// O19: a loader or a config is printed sooner or later.
#[test]
fn no_loader_config_or_client_shows_a_secret() {
    let set = [
        (ENDPOINT, "http://h"),
        (SECRET, "PLANTEDsecret"),
        ("LAKEFS_USERNAME", "ENVID"),
    ];
    let loader = ConfigLoader::new()
        .environment(set)
        .no_file()
        .secret_access_key("PLANTEDsecret");
    let mut texts = vec![format!("{loader:?} {loader:#?}")];
    for loader in [
        loader,
        ConfigLoader::new().environment(set).no_file(),
        ConfigLoader::new()
            .endpoint("http://h")
            .no_environment()
            .no_file()
            .session_token("PLANTEDtoken"),
        ConfigLoader::new()
            .endpoint("http://h")
            .no_file()
            .credentials(Credentials::access_key("ENVID", "PLANTEDsecret")),
    ] {
        let config = loader.load().unwrap();
        texts.push(format!(
            "{config} {config:?} {config:#?} {:?} {:?}",
            config.login(),
            config.settings().collect::<Vec<_>>()
        ));
        let builder = config.into_builder().unwrap();
        texts.push(format!("{builder:?}"));
        let client = builder.build().unwrap();
        texts.push(format!(
            "{client:?} {:?} {}",
            client.config(),
            client.config()
        ));
    }
    for text in texts {
        assert!(!text.contains("PLANTED"), "{text}");
    }
}

/// A program keeps its config next to its client, across threads.
#[test]
fn a_config_can_be_shared() {
    fn shared<T: Clone + std::fmt::Debug + Send + Sync + 'static>() {}
    shared::<Config>();
    shared::<ConfigLoader>();
}
