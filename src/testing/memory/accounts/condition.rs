//! The conditions of a policy's statement: where a request must come from.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::policy::wildcard;

/// The one thing that is known of a request.
const SOURCE: &str = "SourceIp";

/// By operator, then by field: the values of which one must match.
type Conditions = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// A condition that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclear;

/// Whether all conditions hold for a request from an address.
pub(super) fn holds(conditions: Option<&Conditions>, address: &str) -> Result<bool, Unclear> {
    for (operator, fields) in conditions.into_iter().flatten() {
        let matches: fn(&str, &str) -> Result<bool, Unclear> = match operator.as_str() {
            "IpAddress" | "NotIpAddress" => in_network,
            "StringLike" | "StringNotLike" => |pattern, text| Ok(wildcard(pattern, text)),
            _ => return Err(Unclear),
        };
        let negated = operator.contains("Not");
        for (field, values) in fields {
            // A field that is not known matches nothing, not even its negation.
            if field != SOURCE || (address.is_empty() && operator.ends_with("IpAddress")) {
                return Ok(false);
            }
            let mut matched = false;
            for value in values {
                if matches(value, address)? {
                    matched = true;
                    break;
                }
            }
            if matched == negated {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Whether an address is in a network such as `10.0.0.0/8`, or is the one named.
fn in_network(network: &str, address: &str) -> Result<bool, Unclear> {
    let parse = |text: &str| -> Result<IpAddr, Unclear> {
        let address: IpAddr = text.trim().parse().map_err(|_| Unclear)?;
        Ok(address.to_canonical())
    };
    let address = parse(address)?;
    let Some((start, length)) = network.split_once('/') else {
        return Ok(parse(network)? == address);
    };
    let start = parse(start)?;
    let (start, address, width) = match (start, address) {
        (IpAddr::V4(start), IpAddr::V4(address)) => (
            u128::from(start.to_bits()),
            u128::from(address.to_bits()),
            32,
        ),
        (IpAddr::V6(start), IpAddr::V6(address)) => (start.to_bits(), address.to_bits(), 128),
        _ => return Ok(false),
    };
    let length: u32 = length.trim().parse().map_err(|_| Unclear)?;
    let rest = u32::checked_sub(width, length).ok_or(Unclear)?;
    // Shifting by all bits would overflow, and leave nothing to compare.
    Ok(rest == 128 || start >> rest == address >> rest)
}
