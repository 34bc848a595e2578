//! The proof: a presigned `GetCallerIdentity`, in the form in which lakeFS takes it.
//!
//! reqsign presigns for S3, whose payload is not signed; the token service wants the hash of the empty payload.

use std::{fmt::Write as _, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqsign_aws_v4::{Credential, EMPTY_STRING_SHA256};
use reqsign_core::hash::{hex_hmac_sha256, hex_sha256, hmac_sha256};
use serde_json::json;

const METHOD: &str = "POST";
const ACTION: &str = "GetCallerIdentity";
const VERSION: &str = "2011-06-15";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Everything but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What is to be signed.
pub(super) struct IdentityRequest<'r> {
    pub(super) host: &'r str,
    pub(super) region: &'r str,
    pub(super) headers: &'r [(HeaderName, HeaderValue)],
    pub(super) life: Duration,
}

// ===== impl IdentityRequest =====

impl IdentityRequest<'_> {
    /// The identity token: the parts of the signed request as JSON, in base64.
    pub(super) fn sign(&self, credential: &Credential, now: Timestamp) -> String {
        let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &date[..8];
        let scope = format!("{day}/{}/sts/aws4_request", self.region);
        let life = self.life.as_secs().to_string();

        let mut headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default().trim()))
            .chain([("host", self.host)])
            .collect();
        headers.sort_unstable();
        let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        let signed_headers = names.join(";");

        let mut query = vec![
            ("Action", ACTION),
            ("Version", VERSION),
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Date", &date),
            ("X-Amz-Expires", &life),
            ("X-Amz-SignedHeaders", &signed_headers),
        ];
        let whose = format!("{}/{scope}", credential.access_key_id);
        query.push(("X-Amz-Credential", &whose));
        if let Some(token) = &credential.session_token {
            query.push(("X-Amz-Security-Token", token));
        }
        query.sort_unstable();
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ENCODED)))
            .collect();

        let mut request = format!("{METHOD}\n/\n{}\n", query.join("&"));
        for (name, value) in &headers {
            // Writing to a string does not fail.
            let _ = writeln!(request, "{name}:{value}");
        }
        let _ = write!(request, "\n{signed_headers}\n{EMPTY_STRING_SHA256}");
        let text = format!(
            "{ALGORITHM}\n{date}\n{scope}\n{}",
            hex_sha256(request.as_bytes())
        );
        let secret = format!("AWS4{}", credential.secret_access_key);
        let key = [day, self.region, "sts", "aws4_request"]
            .iter()
            .fold(secret.into_bytes(), |key, part| {
                hmac_sha256(&key, part.as_bytes())
            });
        let signature = hex_hmac_sha256(&key, text.as_bytes());

        let token = json!({
            "method": METHOD,
            "host": self.host,
            "region": self.region,
            "action": ACTION,
            "date": date,
            "expiration_duration": life,
            "access_key_id": credential.access_key_id,
            "signature": signature,
            "signed_headers": names,
            "version": VERSION,
            "algorithm": ALGORITHM,
            "security_token": credential.session_token.as_deref().unwrap_or_default(),
        });
        BASE64.encode(token.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::Value;

    use super::*;

    /// A signature that differs in a byte lets nobody in. The expected ones are those of botocore 1.43.
    #[test]
    fn signatures_are_those_of_aws_own_signer() {
        let server = (
            HeaderName::from_static("x-lakefs-server-id"),
            HeaderValue::from_static("lakefs.example.com"),
        );
        let others = [("x-env", "prod"), ("a-b", "c")].map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        for (token, host, region, headers, life, expected) in [
            (
                Some("sess/ion+token=="),
                "sts.eu-central-1.amazonaws.com",
                "eu-central-1",
                &[server][..],
                60,
                "833b24243db8c8f183ebdc2bcb56452c9f34d03ab391e57f9f5eebfa520bac3e",
            ),
            (
                None,
                "sts.amazonaws.com",
                "us-east-1",
                &others[..],
                120,
                "98441409c2fb50b266c51c93bcbd004685a3705d4df987ee15dc0266dc118439",
            ),
        ] {
            let credential = Credential {
                access_key_id: "AKIDEXAMPLE".to_owned(),
                secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
                session_token: token.map(str::to_owned),
                expires_in: None,
            };
            let request = IdentityRequest {
                host,
                region,
                headers,
                life: Duration::from_secs(life),
            };

            let token = request.sign(&credential, "2024-02-29T23:59:59Z".parse().unwrap());

            let parts: HashMap<String, Value> =
                serde_json::from_slice(&BASE64.decode(token).unwrap()).unwrap();
            assert_eq!(parts["signature"], expected);
            assert_eq!(parts["date"], "20240229T235959Z");
        }
    }
}
