//! https by rustls with ring.

use std::{fmt, path::PathBuf};

mod accept_any;
mod connector;
mod explain;
mod pem;

use self::pem::Pem;
pub(super) use self::{
    connector::{Handshake, TlsConnector},
    explain::refused_by_server,
};

/// How https is spoken: whom to trust, who we are, which versions. Given to
/// [`HyperBuilder::tls`](super::HyperBuilder::tls).
///
/// By default the certificate authorities of the platform are trusted, which are read when the first https connection needs
/// them; TLS 1.2 and 1.3 are spoken; no client certificate is shown. The cryptography is ring's, whatever the process has
/// installed. Files are read, and all that is given is checked, when the transport is built.
///
/// ```no_run
/// # use lakefs_sdk::transport::{Hyper, Tls, TlsVersion};
/// # fn main() -> lakefs_sdk::Result<()> {
/// let tls = Tls::new()
///     .add_root_certificates_file("/etc/ssl/company-ca.pem")
///     .client_certificate_files("/etc/lakefs/client.pem", "/etc/lakefs/client-key.pem")
///     .min_version(TlsVersion::V1_3);
/// let transport = Hyper::builder().tls(tls).build()?;
/// # drop(transport);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "it does nothing until a transport has it"]
pub struct Tls {
    roots: Vec<Pem>,
    platform_roots: bool,
    /// Certificates and key.
    identity: Option<(Pem, Pem)>,
    /// Hosts, and the names that their servers have.
    names: Vec<(String, String)>,
    min_version: TlsVersion,
    accept_any: bool,
    key_log: bool,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

// ===== impl Tls =====

impl Tls {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            roots: Vec::new(),
            platform_roots: true,
            identity: None,
            names: Vec::new(),
            min_version: TlsVersion::V1_2,
            accept_any: false,
            key_log: false,
        }
    }

    /// Trusts the certificate authorities in `pem` too: one, or a bundle of them.
    pub fn add_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(Pem::bytes(pem));
        self
    }

    /// Trusts the certificate authorities in a PEM file too.
    pub fn add_root_certificates_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots.push(Pem::File(path.into()));
        self
    }

    /// Trusts nobody but the certificate authorities that are added here: the platform's do not count, and are not read.
    pub fn only_added_roots(mut self) -> Self {
        self.platform_roots = false;
        self
    }

    /// Shows a certificate to servers that ask for one (mutual TLS): its chain, the client's own first, and its key, both as
    /// PEM. The key is PKCS#8, PKCS#1 or SEC 1, and not encrypted.
    pub fn client_certificate(
        mut self,
        certificates: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.identity = Some((Pem::bytes(certificates), Pem::bytes(key)));
        self
    }

    /// The same from PEM files, which may be one and the same.
    pub fn client_certificate_files(
        mut self,
        certificates: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.identity = Some((Pem::File(certificates.into()), Pem::File(key.into())));
        self
    }

    /// The server at `host` has the name `name`: it is asked for that one (SNI), and its certificate must be for it.
    ///
    /// For an endpoint that is an address, or a tunnel on this machine. Other hosts, such as those of presigned URLs, are not
    /// affected.
    pub fn server_name(mut self, host: impl Into<String>, name: impl Into<String>) -> Self {
        self.names.push((host.into(), name.into()));
        self
    }

    /// The oldest version that is spoken. Default: [`TlsVersion::V1_2`].
    pub fn min_version(mut self, version: TlsVersion) -> Self {
        self.min_version = version;
        self
    }

    /// Accepts whatever certificate a server shows, of any host: **anybody on the way can read and change everything, the
    /// credentials included**.
    ///
    /// To reach a server whose certificate nobody vouches for, add that very certificate as a root instead. Building the
    /// transport logs a warning.
    pub fn danger_accept_invalid_certificates(mut self) -> Self {
        self.accept_any = true;
        self
    }

    /// Appends the keys of every connection to the file that `SSLKEYLOGFILE` of the environment names, so that what was
    /// recorded of it can be read, as by Wireshark. Without the variable, nothing is written; without this call, neither.
    pub fn key_log_from_env(mut self) -> Self {
        self.key_log = true;
        self
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("roots", &self.roots.len())
            .field("platform_roots", &self.platform_roots)
            .field("identity", &self.identity.is_some())
            .field("names", &self.names)
            .field("min_version", &self.min_version)
            .field("accept_any", &self.accept_any)
            .field("key_log", &self.key_log)
            .finish()
    }
}
