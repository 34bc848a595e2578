//! Code, environment and file: which wins, and what is said when they disagree or say nothing.

use lakefs_sdk::{Credentials, config::ConfigLoader};

use super::{
    ENDPOINT, GOOD, Home, ID, PROVIDER, SECRET, TOKEN, all_text, has_all, source, values, variables,
};

/// A program that sets a value in code must not be overruled by what somebody exported.
#[test]
fn explicit_wins_over_environment_wins_over_file_value_by_value() {
    let home = Home::with(GOOD);
    let environment = [
        (ENDPOINT, "http://env:8000"),
        (ID, "ENVID"),
        (SECRET, "ENVsecret"),
    ];
    let file = |key: &str| format!("{key} in {}", home.file().display());
    for mask in 0..64_u32 {
        let level = |value: u32| (mask >> (2 * value)) & 3;
        if (0..3).any(|value| level(value) == 3) {
            continue;
        }
        let set: Vec<_> = (0..3)
            .filter(|value| level(*value) == 1)
            .map(|value| environment[value as usize])
            .collect();
        let mut loader = home.loader(&set);
        if level(0) == 2 {
            loader = loader.endpoint("http://code:8000");
        }
        if level(1) == 2 {
            loader = loader.access_key_id("CODEID");
        }
        if level(2) == 2 {
            loader = loader.secret_access_key("CODEsecret");
        }

        let config = loader.load().unwrap();

        let of = |value: u32| level(value) as usize;
        let endpoint = ["file", "env", "code"][of(0)];
        let id = ["FILEID", "ENVID", "CODEID"][of(1)];
        let secret = ["FILEsecret", "ENVsecret", "CODEsecret"][of(2)];
        assert_eq!(
            values(&config),
            (format!("http://{endpoint}:8000/api/v1"), id, secret)
        );
        for (value, (key, variable)) in [
            ("server.endpoint_url", ENDPOINT),
            ("credentials.access_key_id", ID),
            ("credentials.secret_access_key", SECRET),
        ]
        .into_iter()
        .enumerate()
        {
            let expected = [file(key), variable.to_owned(), "set in code".to_owned()];
            assert_eq!(source(&config, key), expected[level(value as u32) as usize]);
        }
    }
}

/// O2: an exported empty variable beat a good file, and every call got 401.
#[test]
fn o2_a_blank_variable_is_unset() {
    let home = Home::with(GOOD);
    for blank in ["", " ", "\t \n", "\r\n"] {
        for name in [ENDPOINT, ID, SECRET, TOKEN, PROVIDER, "LAKEFS_HOST"] {
            let config = home.load(&[(name, blank)]).unwrap();

            assert_eq!(
                values(&config),
                ("http://file:8000/api/v1".to_owned(), "FILEID", "FILEsecret"),
                "{name}={blank:?}"
            );
        }
        let config = home
            .loader(&[])
            .endpoint(blank)
            .access_key_id(blank)
            .load()
            .unwrap();
        assert_eq!(values(&config).1, "FILEID", "{blank:?} in code");
    }
    let home = Home::with("credentials:\n  access_key_id: '  '\n  secret_access_key: ''\n");
    let config = home
        .load(&[
            (ENDPOINT, "http://h"),
            ("LAKEFS_USERNAME", "ENVID"),
            ("LAKEFS_PASSWORD", "s"),
        ])
        .unwrap();
    assert_eq!(values(&config).1, "ENVID");
}

/// O2: a secret that came from `$(cat file)` or a mounted file ends in a line break, which no header can hold.
#[test]
fn o2_white_space_around_a_value_is_cut_off() {
    let config = variables(&[
        (ENDPOINT, " http://h:8000\n"),
        (ID, "ENVID\n"),
        (SECRET, "\tENVsecret\r\n"),
    ])
    .unwrap();

    assert_eq!(
        values(&config),
        ("http://h:8000/api/v1".to_owned(), "ENVID", "ENVsecret")
    );
    assert!(config.into_builder().unwrap().build().is_ok());
}

/// O2: keys merge one by one, as lakectl does.
#[test]
fn o2_a_key_id_of_the_environment_goes_with_the_secret_of_the_file() {
    let home = Home::with(GOOD);

    let config = home.load(&[(ID, "ENVID")]).unwrap();

    assert_eq!(
        (values(&config).1, values(&config).2),
        ("ENVID", "FILEsecret")
    );
    assert_eq!(source(&config, "credentials.access_key_id"), ID);
    has_all(
        &source(&config, "credentials.secret_access_key"),
        &["secret_access_key in", ".lakectl.yaml"],
    );
}

/// O2: documents promised LAKEFS_HOST, and nothing read it.
#[test]
fn o2_the_names_of_the_sdk_documents_are_read_too() {
    for (endpoint, id, secret) in [
        ("LAKEFS_HOST", "LAKEFS_USERNAME", "LAKEFS_PASSWORD"),
        (
            "LAKEFS_ENDPOINT",
            "LAKEFS_ACCESS_KEY_ID",
            "LAKEFS_SECRET_ACCESS_KEY",
        ),
    ] {
        let config = variables(&[(endpoint, "http://h"), (id, "ENVID"), (secret, "s")]).unwrap();

        assert_eq!(
            values(&config),
            ("http://h/api/v1".to_owned(), "ENVID", "s")
        );
        assert_eq!(source(&config, "server.endpoint_url"), endpoint);
        assert_eq!(source(&config, "credentials.access_key_id"), id);
        assert_eq!(source(&config, "credentials.secret_access_key"), secret);
    }
}

/// O2: half a pair gave 401 on every call, and no word about which half is missing.
#[test]
fn o2_half_a_pair_is_an_error_that_lists_what_was_consulted() {
    let home = Home::with("server: {endpoint_url: 'http://h'}\ncredentials: {access_key_id: }\n");
    let path = home.file();

    let error = home
        .load(&[(SECRET, "PLANTEDsecret"), ("LAKEFS_USERNAME", " ")])
        .unwrap_err();

    assert!(error.is_invalid_input());
    has_all(
        &error.to_string(),
        &[
            "`credentials.access_key_id` is missing",
            "`credentials.secret_access_key` is set",
            SECRET,
            "the code",
            ID,
            "LAKEFS_ACCESS_KEY_ID",
            "LAKEFS_USERNAME (blank)",
            "credentials.access_key_id (blank) in the file",
            path.to_str().unwrap(),
        ],
    );
    assert!(!all_text(&error).contains("PLANTED"));

    let error = variables(&[(ENDPOINT, "http://h"), ("LAKEFS_USERNAME", "PLANTEDid")]).unwrap_err();
    has_all(
        &error.to_string(),
        &[
            "`credentials.secret_access_key` is missing",
            "LAKEFS_USERNAME",
            SECRET,
            "LAKEFS_SECRET_ACCESS_KEY",
            "LAKEFS_PASSWORD",
            "no file",
        ],
    );
    assert!(!all_text(&error).contains("PLANTED"));
}

/// O2: "no credentials" sends a user from one document to the next.
#[test]
fn o2_nothing_set_is_an_error_that_lists_every_variable_and_file_in_order() {
    let home = Home::new();
    let path = home.file();

    let error = home.load(&[(ID, ""), ("LAKEFS_HOST", "\n")]).unwrap_err();

    has_all(
        &error.to_string(),
        &[
            "`endpoint` and `credentials` are missing",
            "in order: the code",
            ENDPOINT,
            "LAKEFS_ENDPOINT",
            "LAKEFS_HOST (blank)",
            "LAKECTL_CREDENTIALS_ACCESS_KEY_ID (blank)",
            "LAKEFS_ACCESS_KEY_ID",
            "LAKEFS_USERNAME",
            SECRET,
            "LAKEFS_SECRET_ACCESS_KEY",
            "LAKEFS_PASSWORD",
            TOKEN,
            PROVIDER,
            path.to_str().unwrap(),
            "not found",
        ],
    );
    let error = home.loader(&[]).endpoint("http://h").load().unwrap_err();
    has_all(&error.to_string(), &["`credentials` are missing"]);
    let error = ConfigLoader::new().no_environment().load().unwrap_err();
    has_all(
        &error.to_string(),
        &["~/.lakectl.yaml (the home directory is not known)"],
    );
}

/// Two variables that disagree: whichever wins, somebody talks to the wrong server.
#[test]
fn two_variables_that_differ_are_an_error_that_names_both() {
    let rest = [(ENDPOINT, "http://h"), (ID, "i"), (SECRET, "s")];
    for (name, other, value) in [
        (ENDPOINT, "LAKEFS_ENDPOINT", "http://other"),
        (ENDPOINT, "LAKEFS_HOST", "http://other"),
        (ID, "LAKEFS_ACCESS_KEY_ID", "PLANTEDid"),
        (ID, "LAKEFS_USERNAME", "PLANTEDid"),
        (SECRET, "LAKEFS_SECRET_ACCESS_KEY", "PLANTEDsecret"),
        (SECRET, "LAKEFS_PASSWORD", "PLANTEDsecret"),
    ] {
        let mut set = rest.to_vec();
        set.push((other, value));

        let error = variables(&set).unwrap_err();

        assert!(error.is_invalid_input());
        has_all(
            &error.to_string(),
            &["set differently by", name, other, "unset one"],
        );
        assert!(!all_text(&error).contains("PLANTED"), "{error:?}");
    }
    let error = variables(&[
        (ENDPOINT, "http://one"),
        ("LAKEFS_HOST", "http://user:PLANTED@two"),
    ])
    .unwrap_err();
    has_all(&error.to_string(), &["http://one/api/v1", "LAKEFS_HOST"]);
    assert!(!all_text(&error).contains("PLANTED"));
    // What is set in code is not looked up.
    let config = ConfigLoader::new()
        .environment([
            (ENDPOINT, "http://one"),
            ("LAKEFS_HOST", "http://two"),
            (ID, "i"),
            (SECRET, "s"),
        ])
        .no_file()
        .endpoint("http://three")
        .load();
    assert_eq!(values(&config.unwrap()).0, "http://three/api/v1");
}

/// Both names of a value are set where programs in several languages run.
#[test]
fn two_variables_that_agree_are_one() {
    let config = variables(&[
        ("LAKEFS_ENDPOINT", "http://h:8000/api/v1"),
        (ENDPOINT, "http://h:8000/"),
        ("LAKEFS_USERNAME", "i\n"),
        ("LAKEFS_ACCESS_KEY_ID", "i"),
        (SECRET, "s"),
        ("LAKEFS_PASSWORD", ""),
    ])
    .unwrap();

    assert_eq!(
        values(&config),
        ("http://h:8000/api/v1".to_owned(), "i", "s")
    );
    assert_eq!(source(&config, "server.endpoint_url"), ENDPOINT);
    assert_eq!(
        source(&config, "credentials.access_key_id"),
        "LAKEFS_ACCESS_KEY_ID"
    );
}

/// A wrong URL without its source sends a user to the wrong place to mend it.
#[test]
fn a_wrong_endpoint_says_where_it_is_from() {
    for value in [
        "h:8000",
        "ftp://h",
        "http://user:PLANTED@h",
        "http://h?PLANTED@",
    ] {
        let error = variables(&[("LAKEFS_HOST", value), (ID, "i"), (SECRET, "s")]).unwrap_err();

        has_all(&error.to_string(), &["`endpoint` ", "(LAKEFS_HOST)"]);
        assert!(!all_text(&error).contains("PLANTED"), "{error:?}");
    }
}

/// A variable that cannot be read would look as if it were not set.
#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_named() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};

    let value = OsString::from_vec(b"PLANTED\xFF".to_vec());
    let error = ConfigLoader::new()
        .environment([(OsString::from("LAKEFS_PASSWORD"), value)])
        .no_file()
        .endpoint("http://h")
        .access_key_id("i")
        .load()
        .unwrap_err();

    has_all(&error.to_string(), &["LAKEFS_PASSWORD", "Unicode"]);
    assert!(!all_text(&error).contains("PLANTED"));
}

/// Credentials that are given as a whole would fail for the sake of variables that nobody looks at.
#[test]
fn credentials_of_the_code_need_nothing_of_the_environment() {
    let config = ConfigLoader::new()
        .environment([
            (ENDPOINT, "http://h"),
            (ID, "one"),
            ("LAKEFS_USERNAME", "two"),
            (PROVIDER, "unknown"),
        ])
        .no_file()
        .credentials(Credentials::none())
        .load()
        .unwrap();

    assert_eq!(source(&config, "credentials"), "set in code");
    assert!(config.into_builder().unwrap().build().is_ok());
}
