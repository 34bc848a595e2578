//! lakectl's file, as lakectl, editors and people write it.

use std::fs;

use super::{ENDPOINT, GOOD, Home, ID, SECRET, all_text, has_all, values};

/// O3: the file as lakeFS's own page gave it: `credentials` is null, and its keys stand at the top.
#[test]
fn o3_a_file_without_its_indentation_says_where_the_keys_belong() {
    for (text, key, section) in [
        (
            "credentials:\naccess_key_id: PLANTEDid\nsecret_access_key: PLANTEDsecret\nserver:\nendpoint_url: http://h\n",
            "access_key_id",
            "credentials",
        ),
        (
            "credentials:\nsecret_access_key: PLANTEDsecret\n",
            "secret_access_key",
            "credentials",
        ),
        (
            "server:\nendpoint_url: http://PLANTED\n",
            "endpoint_url",
            "server",
        ),
        (
            "credentials:\n  endpoint_url: http://PLANTED\n",
            "endpoint_url",
            "server",
        ),
        (
            "server:\n  access_key_id: PLANTEDid\n",
            "access_key_id",
            "credentials",
        ),
    ] {
        let home = Home::with(text);
        let everything = [(ENDPOINT, "http://h"), (ID, "i"), (SECRET, "s")];

        // Also when the environment has all: the file is not what its owner means.
        for variables in [&[][..], &everything] {
            let error = home.load(variables).unwrap_err();

            assert!(error.is_invalid_input());
            has_all(
                &error.to_string(),
                &[
                    home.file().to_str().unwrap(),
                    &format!("`{key}`"),
                    &format!("belongs under `{section}`"),
                ],
            );
            assert!(!all_text(&error).contains("PLANTED"), "{error:?}");
        }
    }
}

/// O3: files that lakectl, an editor or another version wrote.
#[test]
fn o3_every_other_variant_of_the_file_loads() {
    let read = ("http://h:8000/api/v1", "FILEID", "FILEsecret");
    let plain = "credentials:\n  access_key_id: FILEID\n  secret_access_key: FILEsecret\nserver:\n  endpoint_url: http://h:8000\n";
    for (what, text, expected) in [
        ("as it is", plain.to_owned(), read),
        ("CRLF", plain.replace('\n', "\r\n"), read),
        ("BOM", format!("\u{FEFF}{plain}"), read),
        (
            "BOM, CRLF",
            format!("\u{FEFF}{}", plain.replace('\n', "\r\n")),
            read,
        ),
        ("with /api/v1", plain.replace(":8000", ":8000/api/v1"), read),
        (
            "with /api/v1/",
            plain.replace(":8000", ":8000/api/v1/"),
            read,
        ),
        ("no final line break", plain.trim_end().to_owned(), read),
        (
            "quoted",
            plain
                .replace("FILEID", "\"FILEID\"")
                .replace("FILEsecret", "'FILEsecret'"),
            read,
        ),
        (
            "comments and a second document",
            format!("# from the page\n---\n{plain}---\nserver: 1\n"),
            read,
        ),
        (
            "other case",
            plain
                .replace("credentials", "Credentials")
                .replace("access_key_id", "Access_Key_ID"),
            read,
        ),
        (
            "unknown sections",
            format!(
                "metastore:\n  type: hive\n  hive: {{uri: 'thrift://h', db_location_uri: x}}\nlocal:\n  skip_non_regular_files: true\n\
                 experimental:\n  local:\n    posix_permissions: {{enabled: true}}\noptions: {{parallelism: 25}}\nlist: [1, {{a: b}}]\n{plain}"
            ),
            read,
        ),
        (
            "unknown keys in known sections, and nulls",
            format!(
                "{}  gc: ~\n  retries:\n  login_retries: {{enabled: false}}\nnetwork: null\noptions:\n",
                plain.replace("server:", "  provider: null\n  colour: red\nserver:")
            ),
            read,
        ),
        (
            "an unquoted number",
            plain.replace("FILEID", "12345"),
            (read.0, "12345", read.2),
        ),
        (
            "a number with zeros in front",
            plain.replace("FILEID", "00123"),
            (read.0, "00123", read.2),
        ),
        (
            "what looks like a float",
            plain.replace("FILEsecret", "1e5"),
            (read.0, read.1, "1e5"),
        ),
        (
            "what looks like a boolean",
            plain.replace("FILEsecret", "true"),
            (read.0, read.1, "true"),
        ),
        (
            "an anchor",
            plain
                .replace("FILEID", "&k FILEID")
                .replace("FILEsecret", "*k"),
            (read.0, read.1, "FILEID"),
        ),
        (
            "white space in quotes",
            plain.replace("FILEID", "\" FILEID\\n\""),
            read,
        ),
    ] {
        let home = Home::with(&text);

        let config = home.load(&[]);

        let config = config.unwrap_or_else(|error| unreachable!("{what}: {error}"));
        let (endpoint, id, secret) = values(&config);
        assert_eq!((endpoint.as_str(), id, secret), expected, "{what}");
    }
}

/// O3: a file that says nothing is as good as none.
#[test]
fn o3_an_empty_file_no_file_and_nulls_leave_all_to_the_environment() {
    let everything = [(ENDPOINT, "http://h"), (ID, "ENVID"), (SECRET, "s")];
    let none = Home::new();
    assert!(none.load(&everything).is_ok());
    for text in [
        "",
        "\n\n",
        "# nothing\n",
        "---\n",
        "~",
        "null\n",
        "{}",
        "\u{FEFF}",
        "credentials:\nserver:\n",
        "credentials: ~\nserver: null\n",
        "credentials:\n  access_key_id:\n  secret_access_key: ~\n  provider:\n    type:\nserver: {endpoint_url: null}\n",
    ] {
        let home = Home::with(text);

        let config = home.load(&everything);

        assert_eq!(
            config
                .map(|config| values(&config).1.to_owned())
                .unwrap_or_default(),
            "ENVID",
            "{text:?}"
        );
        has_all(
            &home.load(&[]).unwrap_err().to_string(),
            &["are missing", ".lakectl.yaml"],
        );
    }
}

/// O3: a tab is invisible; its line is not.
#[test]
fn o3_a_tab_is_an_error_with_the_number_of_its_line() {
    let home = Home::with("# mine\ncredentials:\n\taccess_key_id: PLANTEDid\n");

    let error = home.load(&[]).unwrap_err();

    has_all(
        &error.to_string(),
        &[home.file().to_str().unwrap(), "line 3", "tab"],
    );
    assert!(!all_text(&error).contains("PLANTED"));
}

/// O3: with a missing `$LAKECTL_CONFIG_FILE` lakectl goes on, and calls fail for a reason that nobody sees.
#[test]
fn o3_a_file_that_was_named_must_be_there() {
    let home = Home::with(GOOD);
    let missing = home.0.join("elsewhere.yaml");
    let missing = missing.to_str().unwrap();
    let everything = [
        (ENDPOINT, "http://h"),
        (ID, "i"),
        (SECRET, "s"),
        ("LAKECTL_CONFIG_FILE", missing),
    ];

    let error = home.load(&everything).unwrap_err();
    has_all(
        &error.to_string(),
        &[missing, "$LAKECTL_CONFIG_FILE", "not found"],
    );
    let error = home.loader(&[]).file(missing).load().unwrap_err();
    has_all(&error.to_string(), &[missing, "the code", "not found"]);
    // A directory cannot be read either.
    let directory = home.0.to_str().unwrap();
    let error = home
        .load(&[("LAKECTL_CONFIG_FILE", directory)])
        .unwrap_err();
    has_all(&error.to_string(), &[directory, "cannot be read"]);
}

/// A file in another place is what `$LAKECTL_CONFIG_FILE` is for.
#[test]
fn the_file_is_the_codes_else_the_variables_else_the_homes() {
    let home = Home::with(GOOD);
    let write = |name: &str| {
        let path = home.0.join(name);
        fs::write(&path, GOOD.replace("FILEID", name)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (variable, code) = (write("variable"), write("code"));
    let variable = [("LAKECTL_CONFIG_FILE", variable.as_str())];

    for (loader, expected) in [
        (home.loader(&[]), "FILEID"),
        (home.loader(&[("LAKECTL_CONFIG_FILE", " ")]), "FILEID"),
        (home.loader(&variable), "variable"),
        (home.loader(&variable).file(code), "code"),
    ] {
        assert_eq!(values(&loader.load().unwrap()).1, expected);
    }
    let error = home.loader(&variable).no_file().load().unwrap_err();
    has_all(&error.to_string(), &["no file"]);
}

/// A service under a home that it must not enter would not start, though its environment has all.
#[test]
fn a_default_file_that_cannot_be_read_is_told_only_when_something_is_missing() {
    let home = Home::new();
    fs::create_dir(home.file()).unwrap();

    assert!(
        home.load(&[(ENDPOINT, "http://h"), (ID, "i"), (SECRET, "s")])
            .is_ok()
    );
    let error = home.load(&[]).unwrap_err();
    has_all(
        &error.to_string(),
        &[home.file().to_str().unwrap(), "directory"],
    );
}

/// A file of a wrong shape is read silently as empty by some, and its values end in the log of others.
#[test]
fn a_file_that_cannot_be_read_shows_nothing_of_what_is_in_it() {
    for (text, advice) in [
        (
            "credentials: PLANTED\n",
            "`credentials` (line 1) that is no section",
        ),
        ("credentials: [PLANTED]\n", "`credentials`"),
        ("server:\n- PLANTED\n", "`server`"),
        ("server: 7\n", "`server`"),
        ("PLANTED\n", "has no sections"),
        ("[PLANTED]", "has no sections"),
        ("PLANTED = 1\n", "has no sections"),
        (
            "credentials:\n  access_key_id: [PLANTED]\n",
            "`credentials.access_key_id` (line 2)",
        ),
        (
            "credentials:\n  access_key_id: {PLANTED: PLANTED}\n",
            "`credentials.access_key_id`",
        ),
        (
            "credentials:\n  secret_access_key: !PLANTED {a: b}\n",
            "`credentials.secret_access_key`",
        ),
        (
            "credentials:\n  provider: {aws_iam: {token_request_headers: [PLANTED]}}\n",
            "token_request_headers`",
        ),
        (
            "credentials:\n  access_key_id: a\n  access_key_id: PLANTED\n",
            "`credentials.access_key_id` twice",
        ),
        (
            "credentials:\n  access_key_id: 'PLANTED\n",
            "not valid YAML: line",
        ),
        ("credentials: PLANTED: PLANTED\n", "not valid YAML: line 1"),
        (
            "credentials:\n  access_key_id: *PLANTED\n",
            "not valid YAML: line 2",
        ),
        (
            "credentials:\n  access_key_id: \"\\qPLANTED\"\n",
            "not valid YAML: line 2",
        ),
        (
            "credentials:\n  access_key_id: PLANTED\n secret_access_key: PLANTED\n",
            "not valid YAML: line 3",
        ),
        ("PLANTED: @PLANTED\n", "not valid YAML: line 1"),
        ("%PLANTED\n---\n", "not valid YAML"),
        ("? [PLANTED]\n: PLANTED\n", "has no sections"),
    ] {
        let home = Home::with(text);

        let error = home.load(&[]).unwrap_err();

        assert!(error.is_invalid_input(), "{text:?}");
        has_all(&error.to_string(), &[home.file().to_str().unwrap(), advice]);
        assert!(!all_text(&error).contains("PLANTED"), "{text:?}: {error:?}");
    }
    for (bytes, advice) in [
        (&b"\xFF\xFEc\0r\0"[..], "UTF-16"),
        (b"credentials: \xC3\x28PLANTED", "not UTF-8"),
    ] {
        let error = Home::with(bytes).load(&[]).unwrap_err();
        has_all(&error.to_string(), &[advice]);
        assert!(!all_text(&error).contains("PLANTED"));
    }
}
