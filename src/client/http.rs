//! The HTTP clients of a client: one for the API, one for the storage behind it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect;

use crate::{Error, Result};

type Configure = Arc<dyn Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync>;

/// The settings of both.
#[derive(Clone)]
pub(super) struct HttpSettings {
    pub own: Option<reqwest::Client>,
    pub connect_timeout: Duration,
    pub root_certificates: Vec<Vec<u8>>,
    pub client_certificate: Option<Vec<u8>>,
    pub proxies: Vec<reqwest::Proxy>,
    pub configure: Vec<Configure>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            own: None,
            connect_timeout: Duration::from_secs(10),
            root_certificates: Vec::new(),
            client_certificate: None,
            proxies: Vec::new(),
            configure: Vec::new(),
        }
    }
}

impl HttpSettings {
    /// The client for the API.
    pub(super) fn client(&self) -> Result<reqwest::Client> {
        let Some(own) = &self.own else {
            return self.made(|builder| builder);
        };
        let lost = [
            ("root certificates", !self.root_certificates.is_empty()),
            ("a client certificate", self.client_certificate.is_some()),
            ("a proxy", !self.proxies.is_empty()),
            ("a configuration", !self.configure.is_empty()),
        ];
        match lost.iter().find(|(_, is_set)| *is_set) {
            None => Ok(own.clone()),
            Some((what, _)) => Err(Error::configuration(format!(
                "{what} can't be added to an own HTTP client: set it there"
            ))),
        }
    }

    /// The client for the storage.
    pub(super) fn storage_client(&self) -> Result<reqwest::Client> {
        match &self.own {
            Some(own) => Ok(own.clone()),
            // Ranges and lengths are those of the stored bytes.
            None => self.made(reqwest::ClientBuilder::no_gzip),
        }
    }

    fn made(
        &self,
        last: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Result<reqwest::Client> {
        let mut builder = reqwest::Client::builder()
            // The transport does both itself: it knows which calls may be sent again, and where.
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.connect_timeout)
            // Shorter than the 60 s of common load balancers, so that a POST rarely meets a
            // connection that is just being closed.
            .pool_idle_timeout(Duration::from_secs(50));
        for proxy in &self.proxies {
            builder = builder.proxy(proxy.clone());
        }
        for pem in &self.root_certificates {
            builder = tls::trust(builder, pem)?;
        }
        if let Some(pem) = &self.client_certificate {
            builder = tls::identify(builder, pem)?;
        }
        for configure in &self.configure {
            builder = configure(builder);
        }
        last(builder).build().map_err(|error| {
            Error::configuration("the HTTP client could not be set up")
                .caused_by(error.without_url())
        })
    }
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod tls {
    use reqwest::{Certificate, ClientBuilder, Identity};

    use crate::{Error, Result};

    pub(super) fn trust(builder: ClientBuilder, pem: &[u8]) -> Result<ClientBuilder> {
        let wrong = "a root certificate is not PEM: give the text with -----BEGIN CERTIFICATE-----";
        let certificates = Certificate::from_pem_bundle(pem)
            .map_err(|error| Error::configuration(wrong).caused_by(error))?;
        if certificates.is_empty() {
            return Err(Error::configuration(wrong));
        }
        Ok(builder.tls_certs_merge(certificates))
    }

    pub(super) fn identify(builder: ClientBuilder, pem: &[u8]) -> Result<ClientBuilder> {
        let identity = identity(pem).map_err(|_| {
            // Its cause could quote the key.
            Error::configuration(
                "the client certificate can't be used: give certificate and private key as PEM, \
                 with -----BEGIN CERTIFICATE----- and -----BEGIN PRIVATE KEY-----",
            )
        })?;
        Ok(builder.identity(identity))
    }

    #[cfg(feature = "rustls")]
    fn identity(pem: &[u8]) -> reqwest::Result<Identity> {
        Identity::from_pem(pem)
    }

    #[cfg(not(feature = "rustls"))]
    fn identity(pem: &[u8]) -> reqwest::Result<Identity> {
        let marker = b"-----BEGIN PRIVATE KEY-----";
        let start = pem.windows(marker.len()).position(|part| part == marker);
        Identity::from_pkcs8_pem(pem, &pem[start.unwrap_or_default()..])
    }
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
mod tls {
    use reqwest::ClientBuilder;

    use crate::{Error, Result};

    pub(super) fn trust(_: ClientBuilder, _: &[u8]) -> Result<ClientBuilder> {
        Err(Error::configuration(
            "certificates need TLS: enable the feature `rustls` or `native-tls`",
        ))
    }

    pub(super) use trust as identify;
}
