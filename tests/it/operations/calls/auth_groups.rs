//! The calls of the tag `auth` about groups and policies.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lakefs_sdk::{
    Client,
    models::{ACL, GroupCreation, Policy, Statement, StatementEffect},
};
use serde_json::json;

use super::super::checker::{Sent, everything, odd, required};

/// 1700000000 on the wire.
const TIME: Timestamp = Timestamp::constant(1_700_000_000, 0);

pub(crate) fn calls(client: &Client) -> Vec<Sent> {
    vec![
        required("listGroups", client.list_groups()),
        everything(
            "listGroups",
            client
                .list_groups()
                .prefix(odd!("prefix"))
                .after(odd!("after"))
                .amount(1000),
        )
        .odd(["prefix", "after"])
        .given("amount", "1000"),
        required("createGroup", client.create_group()),
        everything(
            "createGroup",
            client
                .create_group()
                .body(GroupCreation::new(odd!("id")).description(odd!("description"))),
        )
        .json(json!({ "id": odd!("id"), "description": odd!("description") })),
        required("getGroup", client.get_group("groupId")).named(["groupId"]),
        everything("getGroup", client.get_group(odd!("groupId"))).odd(["groupId"]),
        required("deleteGroup", client.delete_group("groupId")).named(["groupId"]),
        everything("deleteGroup", client.delete_group(odd!("groupId"))).odd(["groupId"]),
        required("listPolicies", client.list_policies()),
        everything(
            "listPolicies",
            client
                .list_policies()
                .prefix(odd!("prefix"))
                .after(odd!("after"))
                .amount(1000),
        )
        .odd(["prefix", "after"])
        .given("amount", "1000"),
        required(
            "createPolicy",
            client.create_policy(Policy::new(
                "id",
                [Statement::new(
                    StatementEffect::Deny,
                    "*",
                    ["fs:ReadObject"],
                )],
            )),
        )
        .json(json!({
            "id": "id",
            "statement": [
                { "effect": "deny", "resource": "*", "action": ["fs:ReadObject"] },
            ],
        })),
        everything("createPolicy", client.create_policy(policy())).json(json!({
            "id": odd!("id"),
            "creation_date": 1_700_000_000,
            "statement": [
                {
                    "effect": "allow",
                    "resource": odd!("resource"),
                    "action": [odd!("action 1"), odd!("action 2")],
                    "condition": {
                        odd!("operator"): { odd!("field"): [odd!("value")] },
                    },
                },
            ],
        })),
        required("getPolicy", client.get_policy("policyId")).named(["policyId"]),
        everything("getPolicy", client.get_policy(odd!("policyId"))).odd(["policyId"]),
        required(
            "updatePolicy",
            client.update_policy(
                "policyId",
                Policy::new(
                    "id",
                    [Statement::new(
                        StatementEffect::Deny,
                        "*",
                        ["fs:ReadObject"],
                    )],
                ),
            ),
        )
        .named(["policyId"])
        .json(json!({
            "id": "id",
            "statement": [
                { "effect": "deny", "resource": "*", "action": ["fs:ReadObject"] },
            ],
        })),
        everything(
            "updatePolicy",
            client.update_policy(odd!("policyId"), policy()),
        )
        .odd(["policyId"])
        .json(json!({
            "id": odd!("id"),
            "creation_date": 1_700_000_000,
            "statement": [
                {
                    "effect": "allow",
                    "resource": odd!("resource"),
                    "action": [odd!("action 1"), odd!("action 2")],
                    "condition": {
                        odd!("operator"): { odd!("field"): [odd!("value")] },
                    },
                },
            ],
        })),
        required("deletePolicy", client.delete_policy("policyId")).named(["policyId"]),
        everything("deletePolicy", client.delete_policy(odd!("policyId"))).odd(["policyId"]),
        required("listGroupMembers", client.list_group_members("groupId")).named(["groupId"]),
        everything(
            "listGroupMembers",
            client
                .list_group_members(odd!("groupId"))
                .prefix(odd!("prefix"))
                .after(odd!("after"))
                .amount(1000),
        )
        .odd(["groupId", "prefix", "after"])
        .given("amount", "1000"),
        required(
            "addGroupMembership",
            client.add_group_membership("groupId", "userId"),
        )
        .named(["groupId", "userId"]),
        everything(
            "addGroupMembership",
            client.add_group_membership(odd!("groupId"), odd!("userId")),
        )
        .odd(["groupId", "userId"]),
        required(
            "deleteGroupMembership",
            client.delete_group_membership("groupId", "userId"),
        )
        .named(["groupId", "userId"]),
        everything(
            "deleteGroupMembership",
            client.delete_group_membership(odd!("groupId"), odd!("userId")),
        )
        .odd(["groupId", "userId"]),
        required("listGroupPolicies", client.list_group_policies("groupId")).named(["groupId"]),
        everything(
            "listGroupPolicies",
            client
                .list_group_policies(odd!("groupId"))
                .prefix(odd!("prefix"))
                .after(odd!("after"))
                .amount(1000),
        )
        .odd(["groupId", "prefix", "after"])
        .given("amount", "1000"),
        required(
            "attachPolicyToGroup",
            client.attach_policy_to_group("groupId", "policyId"),
        )
        .named(["groupId", "policyId"]),
        everything(
            "attachPolicyToGroup",
            client.attach_policy_to_group(odd!("groupId"), odd!("policyId")),
        )
        .odd(["groupId", "policyId"]),
        required(
            "detachPolicyFromGroup",
            client.detach_policy_from_group("groupId", "policyId"),
        )
        .named(["groupId", "policyId"]),
        everything(
            "detachPolicyFromGroup",
            client.detach_policy_from_group(odd!("groupId"), odd!("policyId")),
        )
        .odd(["groupId", "policyId"]),
        required(
            "setGroupACL",
            client.set_group_acl("groupId", ACL::new("Read")),
        )
        .named(["groupId"])
        .json(json!({ "permission": "Read" })),
        everything(
            "setGroupACL",
            client.set_group_acl(odd!("groupId"), ACL::new(odd!("permission"))),
        )
        .odd(["groupId"])
        .json(json!({ "permission": odd!("permission") })),
        required("getGroupACL", client.get_group_acl("groupId")).named(["groupId"]),
        everything("getGroupACL", client.get_group_acl(odd!("groupId"))).odd(["groupId"]),
    ]
}

fn policy() -> Policy {
    let condition = (odd!("field").to_owned(), vec![odd!("value").to_owned()]);
    let condition = (odd!("operator").to_owned(), BTreeMap::from([condition]));
    let statement = Statement::new(
        StatementEffect::Allow,
        odd!("resource"),
        [odd!("action 1"), odd!("action 2")],
    );
    Policy::new(
        odd!("id"),
        [statement.condition(BTreeMap::from([condition]))],
    )
    .creation_date(TIME)
}
