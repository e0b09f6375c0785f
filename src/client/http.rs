//! The settings of how calls reach the servers.

use std::sync::Arc;
use std::time::Duration;

use crate::ClientBuilder;

/// How calls reach the servers.
impl ClientBuilder {
    /// The longest time to make a connection, TLS included. Default 10 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.http.connect_timeout = timeout;
        self
    }

    /// Trusts the certificates of a PEM file too, beside those of the platform's trust store.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.http.root_certificates.push(pem.into());
        self
    }

    /// Shows this certificate to servers that ask for one: PEM, certificate and private key
    /// (PKCS#8) in one text.
    pub fn client_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.http.client_certificate = Some(pem.into());
        self
    }

    /// Sends through a proxy, such as `http://proxy.example.com:3128`, all but what the variable
    /// `NO_PROXY` names. Default: the proxy that the system or `HTTPS_PROXY` names, if any.
    pub fn proxy(mut self, url: impl AsRef<str>) -> Self {
        match reqwest::Proxy::all(url.as_ref()) {
            Ok(proxy) => {
                let proxy = proxy.no_proxy(reqwest::NoProxy::from_env());
                self.http.proxies.push((url.as_ref().to_owned(), proxy));
            }
            // Not repeated: it may hold a password.
            Err(_) => self.complain("the proxy is not a URL such as http://proxy.example.com:3128"),
        }
        self
    }

    /// Changes the settings of the HTTP client, for what has no setting here. It is called for the
    /// client of the API and for the one of the storage, after all other settings. Redirects and
    /// retries are the crate's own matter: leave them off.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let builder = seqera::Client::builder("eyJ0aWQiOiAxfQ==")
    ///     .configure(|http| http.tcp_keepalive(Duration::from_secs(30)));
    /// ```
    pub fn configure(
        mut self,
        change: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.http.configure.push(Arc::new(change));
        self
    }

    /// Sends through this client instead, with its own timeouts, proxies and certificates. It
    /// should follow no redirects: where it does, it must keep `Authorization` from other hosts,
    /// as reqwest does by default. Transfers of data links need one that decompresses nothing
    /// (`no_gzip()` and the like): of objects that are stored compressed, they want the bytes as
    /// they are.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http.own = Some(client);
        self
    }
}
