//! Why a handshake failed, in words that say what to do.

use std::{error::Error as StdError, io};

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// What to tell about a failed handshake with `host`.
pub(super) fn handshake(host: &str, error: &(dyn StdError + 'static)) -> String {
    match tls_error(error) {
        Some(Error::InvalidCertificate(invalid)) => certificate(host, invalid),
        Some(Error::AlertReceived(alert)) if is_about_client(*alert) => {
            client_certificate(host, *alert)
        }
        Some(
            Error::PeerIncompatible(_)
            | Error::AlertReceived(
                AlertDescription::ProtocolVersion
                | AlertDescription::HandshakeFailure
                | AlertDescription::InsufficientSecurity,
            ),
        ) => format!(
            "{host} speaks no version or cipher of TLS that is spoken here: TLS 1.2 and newer, or what `Tls::min_version` says"
        ),
        Some(Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        )) => format!("{host} does not speak TLS: is its URL one with http://?"),
        _ => format!("the TLS handshake with {host} failed"),
    }
}

/// What to tell when a server refused our certificate, or missed it, which in TLS 1.3 comes after the handshake and in place
/// of an answer. Nothing of the request was looked at.
pub(in crate::transport::hyper) fn refused_by_server(
    error: &(dyn StdError + 'static),
) -> Option<String> {
    match tls_error(error)? {
        Error::AlertReceived(alert) if is_about_client(*alert) => {
            Some(client_certificate("the server", *alert))
        }
        _ => None,
    }
}

fn certificate(host: &str, invalid: &CertificateError) -> String {
    use CertificateError as C;
    match invalid {
        // A bad signature is one by another authority of the same name.
        C::UnknownIssuer | C::BadSignature => format!(
            "the certificate of {host} is signed by an authority that is not trusted; add that authority's certificate with \
             `Tls::add_root_certificates`"
        ),
        C::NotValidForName | C::NotValidForNameContext { .. } => format!(
            "the certificate of {host} is for another name; if it is the right server, say with `Tls::server_name` which name it has"
        ),
        C::Expired | C::ExpiredContext { .. } => {
            format!(
                "the certificate of {host} has expired; the server needs a new one, unless the clock of this machine is wrong"
            )
        }
        C::NotValidYet | C::NotValidYetContext { .. } => {
            format!(
                "the certificate of {host} is not valid yet; is the clock of this machine right?"
            )
        }
        _ => format!("the certificate of {host} is not valid"),
    }
}

fn client_certificate(host: &str, alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => {
            format!("{host} wants a client certificate; give it with `Tls::client_certificate`")
        }
        _ => format!(
            "{host} does not accept the client certificate, or wants one; it is given with `Tls::client_certificate`"
        ),
    }
}

/// Alerts by which a server talks about the certificate of its client.
fn is_about_client(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
    )
}

/// The error of rustls beneath; it lies inside of I/O errors, which do not name it as their source.
fn tls_error<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let inside = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|inside| inside as &(dyn StdError + 'static));
        cause = inside.or_else(|| error.source());
    }
    None
}
