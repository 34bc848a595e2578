use std::collections::BTreeMap;

use super::*;
use crate::models::StatementEffect::{Allow, Deny};

fn statement(effect: StatementEffect, actions: &[&str], resource: &str) -> Statement {
    Statement::new(effect, resource, actions.iter().copied())
}

fn verdict(statements: &[Statement], action: &str, resource: &str) -> String {
    let asker = Asker {
        user: "ann",
        address: "10.1.2.3",
    };
    let wanted = Permission {
        action: action.to_owned(),
        resource: resource.to_owned(),
    };
    match check(statements, asker, &wanted) {
        Ok(()) => "allowed".to_owned(),
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn a_permission_is_what_some_statement_allows_and_none_denies() {
    const LAKE: &str = "arn:lakefs:fs:::repository/lake";
    const OBJECT: &str = "arn:lakefs:fs:::repository/lake/object/a/b.csv";
    let missing = "not allowed to fs:ReadObject";
    let denied = "denied permission to fs:*";
    type Rules<'a> = &'a [(StatementEffect, &'a [&'a str], &'a str)];
    let cases: &[(Rules<'_>, &str, &str)] = &[
        (&[], OBJECT, missing),
        (&[(Allow, &["fs:*"], "*")], OBJECT, "allowed"),
        (&[(Allow, &["*"], "*")], OBJECT, "allowed"),
        (&[(Allow, &["fs:Read*"], "*")], OBJECT, "allowed"),
        (&[(Allow, &["fs:Read?bject"], "*")], OBJECT, "allowed"),
        (&[(Allow, &["fs:ReadObject"], OBJECT)], OBJECT, "allowed"),
        (
            &[(Allow, &["auth:*", "fs:ReadObject"], "*")],
            OBJECT,
            "allowed",
        ),
        (&[(Allow, &["fs:WriteObject"], "*")], OBJECT, missing),
        (&[(Allow, &["auth:*"], "*")], OBJECT, missing),
        // Case counts.
        (&[(Allow, &["fs:readobject"], "*")], OBJECT, missing),
        // A repository is not what lies in it, but a star reaches over slashes.
        (&[(Allow, &["fs:*"], LAKE)], OBJECT, missing),
        (
            &[(Allow, &["fs:*"], "arn:lakefs:fs:::repository/lake/*")],
            OBJECT,
            "allowed",
        ),
        (
            &[(Allow, &["fs:*"], "arn:lakefs:fs:::repository/*")],
            OBJECT,
            "allowed",
        ),
        (
            &[(
                Allow,
                &["fs:*"],
                "arn:lakefs:fs:::repository/*/object/*.csv",
            )],
            OBJECT,
            "allowed",
        ),
        (
            &[(
                Allow,
                &["fs:*"],
                "arn:lakefs:fs:::repository/*/object/*.parquet",
            )],
            OBJECT,
            missing,
        ),
        (
            &[(
                Allow,
                &["fs:*"],
                "arn:lakefs:fs:::repository/lak?/object/a/?.csv",
            )],
            OBJECT,
            "allowed",
        ),
        (
            &[(Allow, &["fs:*"], "arn:lakefs:fs:::*")],
            OBJECT,
            "allowed",
        ),
        // Wildcards elsewhere in an ARN are no wildcards.
        (
            &[(Allow, &["fs:*"], "arn:lakefs:*:::repository/lake/*")],
            OBJECT,
            missing,
        ),
        (
            &[(Allow, &["fs:*"], "arn:lakefs:auth:::repository/lake/*")],
            OBJECT,
            missing,
        ),
        (
            &[(Allow, &["fs:*"], "arn:aws:fs:::repository/lake/*")],
            OBJECT,
            missing,
        ),
        (
            &[(Allow, &["fs:*"], "arn:lakefs:fs::acc:repository/lake/*")],
            OBJECT,
            missing,
        ),
        (&[(Allow, &["fs:*"], "repository/lake/*")], OBJECT, missing),
        // What asks for everything is only covered by everything.
        (&[(Allow, &["fs:*"], "arn:lakefs:fs:::*")], "*", missing),
        (&[(Allow, &["fs:*"], "*")], "*", "allowed"),
        // A refusal wins wherever it stands, if it is about the thing.
        (
            &[(Allow, &["fs:*"], "*"), (Deny, &["fs:*"], OBJECT)],
            OBJECT,
            denied,
        ),
        (
            &[(Deny, &["fs:*"], "*"), (Allow, &["fs:*"], OBJECT)],
            OBJECT,
            denied,
        ),
        (
            &[(Allow, &["fs:*"], "*"), (Deny, &["fs:*"], LAKE)],
            OBJECT,
            "allowed",
        ),
        (
            &[(Allow, &["fs:*"], "*"), (Deny, &["fs:Write*"], "*")],
            OBJECT,
            "allowed",
        ),
        // Several resources in one statement.
        (
            &[(
                Allow,
                &["fs:*"],
                r#"["arn:lakefs:fs:::repository/x","arn:lakefs:fs:::repository/lake/*"]"#,
            )],
            OBJECT,
            "allowed",
        ),
        (
            &[(Allow, &["fs:*"], r#"["arn:lakefs:fs:::repository/x"]"#)],
            OBJECT,
            missing,
        ),
        // What cannot be read might have been a refusal.
        (
            &[(Allow, &["fs:*"], "[not json]"), (Allow, &["fs:*"], "*")],
            OBJECT,
            "not allowed",
        ),
        // Who asks stands in for `${user}`.
        (
            &[(Allow, &["fs:*"], "arn:lakefs:fs:::repository/${user}")],
            "arn:lakefs:fs:::repository/ann",
            "allowed",
        ),
        (
            &[(Allow, &["fs:*"], "arn:lakefs:fs:::repository/${user}")],
            "arn:lakefs:fs:::repository/bob",
            missing,
        ),
    ];
    for (rules, resource, expected) in cases {
        let statements: Vec<Statement> = rules
            .iter()
            .map(|(effect, actions, resource)| statement(effect.clone(), actions, resource))
            .collect();
        let found = verdict(&statements, "fs:ReadObject", resource);
        assert_eq!(found, *expected, "{rules:?} on {resource}");
    }
}

#[test]
fn a_statement_counts_only_where_its_conditions_hold() {
    let cases = [
        ("IpAddress", "SourceIp", "10.0.0.0/8", "allowed"),
        ("IpAddress", "SourceIp", "10.1.2.3", "allowed"),
        ("IpAddress", "SourceIp", "0.0.0.0/0", "allowed"),
        (
            "IpAddress",
            "SourceIp",
            "10.1.2.4",
            "not allowed to fs:ReadObject",
        ),
        (
            "IpAddress",
            "SourceIp",
            "192.168.0.0/16",
            "not allowed to fs:ReadObject",
        ),
        (
            "IpAddress",
            "SourceIp",
            "fe80::/10",
            "not allowed to fs:ReadObject",
        ),
        ("IpAddress", "SourceIp", "::ffff:10.1.2.3", "allowed"),
        (
            "IpAddress",
            "Vpc",
            "10.0.0.0/8",
            "not allowed to fs:ReadObject",
        ),
        ("IpAddress", "SourceIp", "10.0.0.0/64", "not allowed"),
        ("IpAddress", "SourceIp", "here", "not allowed"),
        (
            "NotIpAddress",
            "SourceIp",
            "10.0.0.0/8",
            "not allowed to fs:ReadObject",
        ),
        ("NotIpAddress", "SourceIp", "192.168.0.0/16", "allowed"),
        ("StringLike", "SourceIp", "10.*", "allowed"),
        (
            "StringNotLike",
            "SourceIp",
            "10.*",
            "not allowed to fs:ReadObject",
        ),
        ("Bool", "SourceIp", "true", "not allowed"),
    ];
    for (operator, field, value, expected) in cases {
        let fields = BTreeMap::from([(field.to_owned(), vec![value.to_owned()])]);
        let mut statement = statement(Allow, &["fs:*"], ALL);
        statement.condition = Some(BTreeMap::from([(operator.to_owned(), fields)]));
        let found = verdict(&[statement], "fs:ReadObject", ALL);
        assert_eq!(found, expected, "{operator} {field} {value}");
    }
}

#[test]
fn only_statements_of_known_services_and_arns_are_stored() {
    let cases = [
        (&["fs:*"] as &[&str], "*", true),
        (
            &["fs:ReadObject", "catalog:ReadTable"],
            "arn:lakefs:fs:::repository/*",
            true,
        ),
        (&["nope:*"], "*", false),
        (&["fs"], "*", false),
        (&["fs:a:b"], "*", false),
        (&["*"], "*", false),
        (&["fs:*"], "nope", false),
        (&["fs:*"], "arn:lakefs:fs", false),
        (&["fs:*"], "", false),
    ];
    for (actions, resource, expected) in cases {
        let found = is_valid(&statement(Allow, actions, resource));
        assert_eq!(found, expected, "{actions:?} on {resource}");
    }
}
