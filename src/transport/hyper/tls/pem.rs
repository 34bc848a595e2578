//! Certificates and keys as they are given. Errors name the field and the file, and never what stands in a key.

use std::{borrow::Cow, fs, path::PathBuf};

use rustls::{
    Error as TlsError, InconsistentKeys, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use secrecy::{ExposeSecret as _, SecretSlice};

use crate::{Error, Result};

/// PEM that may hold a key.
#[derive(Clone)]
pub(super) enum Pem {
    Bytes(SecretSlice<u8>),
    File(PathBuf),
}

/// What was read, and where from, for errors.
struct Text {
    bytes: SecretSlice<u8>,
    from: String,
}

// ===== impl Pem =====

impl Pem {
    pub(super) fn bytes(pem: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(pem.into().into())
    }

    fn read(&self, field: &str) -> Result<Text> {
        match self {
            Self::Bytes(bytes) => Ok(Text {
                bytes: bytes.clone(),
                from: format!("`{field}`"),
            }),
            Self::File(path) => match fs::read(path) {
                Ok(bytes) => Ok(Text {
                    bytes: bytes.into(),
                    from: format!("`{field}` in {}", path.display()),
                }),
                Err(error) => Err(Error::invalid_input(format!(
                    "`{field}`: the file {} cannot be read",
                    path.display()
                ))
                .with_source(error)),
            },
        }
    }
}

/// The certificates of an authority, or of several.
pub(super) fn roots(pems: &[Pem]) -> Result<Vec<CertificateDer<'static>>> {
    let mut all = Vec::new();
    for pem in pems {
        let text = pem.read("root_certificates")?;
        let certificates = text.certificates()?;
        for certificate in &certificates {
            RootCertStore::empty()
                .add(certificate.clone())
                .map_err(|error| {
                    Error::invalid_input(format!("{} has one that is not valid", text.from))
                        .with_source(error)
                })?;
        }
        all.extend(certificates);
    }
    Ok(all)
}

/// The client's certificates with the key that belongs to them.
pub(super) fn identity(
    (certificates, key): &(Pem, Pem),
    provider: &CryptoProvider,
) -> Result<CertifiedKey> {
    let certificates = certificates.read("client_certificate")?;
    let chain = certificates.certificates()?;
    let text = key.read("client_key")?;
    let key = text.key()?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) => Error::invalid_input(format!(
            "{} is not the key of the first certificate of {}",
            text.from, certificates.from
        )),
        // Without its source, which is about the key.
        _ => Error::invalid_input(format!(
            "{} or {} is not valid: what is known is a certificate with an RSA, ECDSA P-256, P-384 or Ed25519 key",
            text.from, certificates.from
        )),
    })
}

// ===== impl Text =====

impl Text {
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        let certificates = CertificateDer::pem_slice_iter(self.bytes.expose_secret())
            .collect::<std::result::Result<Vec<_>, _>>()
            // Without its source, which may quote a line.
            .map_err(|_| Error::invalid_input(format!("{}: not valid PEM", self.from)))?;
        if certificates.is_empty() {
            return Err(Error::invalid_input(format!(
                "{}: there is no certificate; a PEM file has lines like -----BEGIN CERTIFICATE-----",
                self.from
            )));
        }
        Ok(certificates)
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>> {
        let pem = self.bytes.expose_secret();
        PrivateKeyDer::from_pem_slice(pem)
            .ok()
            // An old-style encrypted key looks like a plain one from outside.
            .filter(|_| !self.is_encrypted())
            .ok_or_else(|| {
                Error::invalid_input(if self.is_encrypted() {
                    format!(
                        "{}: the key is encrypted; decrypt it first, with `openssl pkey -in key.pem -out plain.pem` (or `openssl pkcs8 \
                         -in key.pem -out plain.pem`)",
                        self.from
                    )
                } else {
                    format!(
                        "{}: there is no private key; a PEM file has lines like -----BEGIN PRIVATE KEY-----",
                        self.from
                    )
                })
            })
    }

    /// PKCS#8 says so in its label, the older forms in a header below it (RFC 1421).
    fn is_encrypted(&self) -> bool {
        let text: Cow<'_, str> = String::from_utf8_lossy(self.bytes.expose_secret());
        text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
    }
}
