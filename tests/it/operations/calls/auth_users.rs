//! The calls of the tag `auth` about users, their credentials and logins.

use lakefs_sdk::{
    Client,
    models::{ExternalLoginInformation, ExternalPrincipalCreation, LoginInformation, UserCreation},
};
use serde_json::{Map, Value, json};

use super::super::checker::{Sent, everything, odd, required};

pub(crate) fn calls(client: &Client) -> Vec<Sent> {
    vec![
        required("getCurrentUser", client.get_current_user()),
        everything("getCurrentUser", client.get_current_user()),
        required("login", client.login()),
        everything(
            "login",
            client
                .login()
                .body(LoginInformation::new(odd!("key"), odd!("secret"))),
        )
        .json(json!({ "access_key_id": odd!("key"), "secret_access_key": odd!("secret") })),
        required("externalPrincipalLogin", client.external_principal_login()),
        everything(
            "externalPrincipalLogin",
            client.external_principal_login().body(
                ExternalLoginInformation::new(identity_request()).token_expiration_duration(900),
            ),
        )
        .json(json!({
            "token_expiration_duration": 900,
            "identityRequest": {
                "method": odd!("method"),
                "headers": { odd!("header"): [1, null, {}] },
            },
        })),
        required("listUsers", client.list_users()),
        everything(
            "listUsers",
            client
                .list_users()
                .prefix(odd!("prefix"))
                .after(odd!("after"))
                .amount(1000),
        )
        .odd(["prefix", "after"])
        .given("amount", "1000"),
        required("createUser", client.create_user()),
        everything(
            "createUser",
            client
                .create_user()
                .body(UserCreation::new(odd!("id")).invite_user(true)),
        )
        .json(json!({ "id": odd!("id"), "invite_user": true })),
        required("getUser", client.get_user("userId")).named(["userId"]),
        everything("getUser", client.get_user(odd!("userId"))).odd(["userId"]),
        required("deleteUser", client.delete_user("userId")).named(["userId"]),
        everything("deleteUser", client.delete_user(odd!("userId"))).odd(["userId"]),
        required(
            "listUserCredentials",
            client.list_user_credentials("userId"),
        )
        .named(["userId"]),
        everything(
            "listUserCredentials",
            client
                .list_user_credentials(odd!("userId"))
                .prefix(odd!("prefix"))
                .after(odd!("after"))
                .amount(1000),
        )
        .odd(["userId", "prefix", "after"])
        .given("amount", "1000"),
        required("createCredentials", client.create_credentials("userId")).named(["userId"]),
        everything(
            "createCredentials",
            client.create_credentials(odd!("userId")),
        )
        .odd(["userId"]),
        required(
            "deleteCredentials",
            client.delete_credentials("userId", "accessKeyId"),
        )
        .named(["userId", "accessKeyId"]),
        everything(
            "deleteCredentials",
            client.delete_credentials(odd!("userId"), odd!("accessKeyId")),
        )
        .odd(["userId", "accessKeyId"]),
        required(
            "getCredentials",
            client.get_credentials("userId", "accessKeyId"),
        )
        .named(["userId", "accessKeyId"]),
        everything(
            "getCredentials",
            client.get_credentials(odd!("userId"), odd!("accessKeyId")),
        )
        .odd(["userId", "accessKeyId"]),
        required("listUserGroups", client.list_user_groups("userId")).named(["userId"]),
        everything(
            "listUserGroups",
            client
                .list_user_groups(odd!("userId"))
                .prefix(odd!("prefix"))
                .after(odd!("after"))
                .amount(1000),
        )
        .odd(["userId", "prefix", "after"])
        .given("amount", "1000"),
        required("listUserPolicies", client.list_user_policies("userId")).named(["userId"]),
        everything(
            "listUserPolicies",
            client
                .list_user_policies(odd!("userId"))
                .prefix(odd!("prefix"))
                .after(odd!("after"))
                .amount(1000)
                .effective(true),
        )
        .odd(["userId", "prefix", "after"])
        .given("amount", "1000")
        .given("effective", "true"),
        required(
            "attachPolicyToUser",
            client.attach_policy_to_user("userId", "policyId"),
        )
        .named(["userId", "policyId"]),
        everything(
            "attachPolicyToUser",
            client.attach_policy_to_user(odd!("userId"), odd!("policyId")),
        )
        .odd(["userId", "policyId"]),
        required(
            "detachPolicyFromUser",
            client.detach_policy_from_user("userId", "policyId"),
        )
        .named(["userId", "policyId"]),
        everything(
            "detachPolicyFromUser",
            client.detach_policy_from_user(odd!("userId"), odd!("policyId")),
        )
        .odd(["userId", "policyId"]),
        required(
            "createUserExternalPrincipal",
            client.create_user_external_principal("userId", "principalId"),
        )
        .named(["userId", "principalId"]),
        everything(
            "createUserExternalPrincipal",
            client
                .create_user_external_principal(odd!("userId"), odd!("principalId"))
                .body(ExternalPrincipalCreation::new().settings([(odd!("key"), odd!("value"))])),
        )
        .odd(["userId", "principalId"])
        .json(json!({ "settings": { odd!("key"): odd!("value") } })),
        required(
            "deleteUserExternalPrincipal",
            client.delete_user_external_principal("userId", "principalId"),
        )
        .named(["userId", "principalId"]),
        everything(
            "deleteUserExternalPrincipal",
            client.delete_user_external_principal(odd!("userId"), odd!("principalId")),
        )
        .odd(["userId", "principalId"]),
        required(
            "listUserExternalPrincipals",
            client.list_user_external_principals("userId"),
        )
        .named(["userId"]),
        everything(
            "listUserExternalPrincipals",
            client
                .list_user_external_principals(odd!("userId"))
                .prefix(odd!("prefix"))
                .after(odd!("after"))
                .amount(1000),
        )
        .odd(["userId", "prefix", "after"])
        .given("amount", "1000"),
        required(
            "getExternalPrincipal",
            client.get_external_principal("principalId"),
        )
        .named(["principalId"]),
        everything(
            "getExternalPrincipal",
            client.get_external_principal(odd!("principalId")),
        )
        .odd(["principalId"]),
        required("oauthCallback", client.oauth_callback()),
        everything("oauthCallback", client.oauth_callback()),
    ]
}

fn identity_request() -> Map<String, Value> {
    let headers = Map::from_iter([(odd!("header").to_owned(), json!([1, null, {}]))]);
    Map::from_iter([
        ("method".to_owned(), odd!("method").into()),
        ("headers".to_owned(), headers.into()),
    ])
}
