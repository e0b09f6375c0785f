//! The HTTP clients: which one a request takes, and by which proxy it goes.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Client, ClientBuilder, Url, redirect};

use crate::error::unreached::Proxy;
use crate::{Error, Result};

/// Shorter than the 60 s of common load balancers, so that few calls meet a connection that is just
/// being closed.
const IDLE: Duration = Duration::from_secs(50);

/// Shorter than any server keeps a connection.
const MOMENT: Duration = Duration::from_secs(1);

/// How soon a connection on which nothing moves is found dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a request is for: each has its own connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Calls that may be sent again if their connection turns out to be dead.
    Call = 0,
    /// Calls that may not: their connections were in use a moment ago, or are new.
    CallOnce = 1,
    /// Requests to storage: its content is left packed, as ranges and lengths are those of what is
    /// stored.
    Storage = 2,
}

const USES: usize = 3;

type Configure = Arc<dyn Fn(ClientBuilder) -> ClientBuilder + Send + Sync>;

/// What the clients have in common.
#[derive(Clone)]
pub(crate) struct Settings {
    /// The caller's own client, in place of all others.
    pub own: Option<Client>,
    pub connect_timeout: Duration,
    /// Certificates to trust, as PEM.
    pub root_certificates: Vec<Vec<u8>>,
    /// Certificate and private key, as PEM.
    pub client_certificate: Option<Vec<u8>>,
    /// Those to use in place of the system's, with their URLs.
    pub proxies: Vec<(String, reqwest::Proxy)>,
    pub configure: Vec<Configure>,
}

impl Default for Settings {
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

/// The HTTP clients of a client. They are made when they are first needed.
pub(crate) struct Clients {
    settings: Settings,
    usual: [OnceLock<Client>; USES],
    /// Without a proxy, for this machine.
    direct: [OnceLock<Client>; USES],
    proxies: OnceLock<Matcher>,
}

impl Clients {
    /// # Errors
    /// A setting, or a variable that names a proxy, can't be used.
    pub(crate) fn new(settings: Settings) -> Result<Self> {
        if settings.own.is_some() {
            settings.check_own()?;
        } else if settings.proxies.is_empty() {
            check_proxies(|name| std::env::var_os(name))?;
        }
        Ok(Self {
            settings,
            usual: Default::default(),
            direct: Default::default(),
            proxies: OnceLock::new(),
        })
    }

    pub(crate) fn get(&self, url: &Url, purpose: Use) -> Result<&Client> {
        if let Some(own) = &self.settings.own {
            return Ok(own);
        }
        let is_direct = is_plain_loopback(url);
        let clients = if is_direct { &self.direct } else { &self.usual };
        let client = &clients[purpose as usize];
        if let Some(client) = client.get() {
            return Ok(client);
        }
        let made = self.settings.client(purpose, is_direct)?;
        Ok(client.get_or_init(|| made))
    }

    /// An error of one of these clients, with the proxy on the way.
    pub(crate) fn explain(&self, error: reqwest::Error) -> Error {
        let proxy = match error.url() {
            Some(url) if error.is_connect() => self.proxy(url),
            _ => None,
        };
        Error::from_reqwest(error, proxy.as_ref())
    }

    /// The proxy by which a request goes, as reqwest finds it.
    pub(crate) fn proxy(&self, url: &Url) -> Option<Proxy> {
        if self.settings.own.is_some() || is_plain_loopback(url) {
            return None;
        }
        let proxies = self.proxies.get_or_init(|| self.settings.matcher());
        let uri = url.as_str().parse().ok()?;
        let found = proxies.intercept(&uri)?;
        let address = found.uri().authority()?.to_string();
        if !self.settings.proxies.is_empty() {
            return Some(Proxy {
                address,
                setting: "`proxy`",
            });
        }
        let variables = match url.scheme() {
            "https" => [HTTPS, ALL],
            _ => [HTTP, ALL],
        };
        let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let variable = variables.into_iter().flatten().find(is_set);
        Some(Proxy {
            address,
            setting: variable.unwrap_or("the system's proxy settings"),
        })
    }
}

impl Settings {
    /// An own client has its settings already.
    fn check_own(&self) -> Result<()> {
        let lost = [
            ("root certificates", !self.root_certificates.is_empty()),
            ("a client certificate", self.client_certificate.is_some()),
            ("a proxy", !self.proxies.is_empty()),
            ("a configuration", !self.configure.is_empty()),
        ];
        match lost.iter().find(|(_, is_set)| *is_set) {
            None => Ok(()),
            Some((what, _)) => Err(Error::configuration(format!(
                "{what} can't be added to an own HTTP client: set it there"
            ))),
        }
    }

    fn matcher(&self) -> Matcher {
        let Some((url, _)) = self.proxies.first() else {
            return Matcher::from_system();
        };
        let except = ["NO_PROXY", "no_proxy"].map(|name| std::env::var(name).ok());
        let except = except.into_iter().flatten().next().unwrap_or_default();
        Matcher::builder().all(url.as_str()).no(except).build()
    }

    fn client(&self, purpose: Use, is_direct: bool) -> Result<Client> {
        let made = self.builder(purpose, is_direct)?.build();
        made.map_err(|error| {
            let without = Self {
                root_certificates: Vec::new(),
                ..self.clone()
            };
            let is_theirs =
                !self.root_certificates.is_empty() && without.client(purpose, is_direct).is_ok();
            let text = match is_theirs {
                true => {
                    "a root certificate is PEM, but what it holds is no certificate: get the file \
                     again from whoever runs the server"
                }
                false => "the HTTP client could not be set up",
            };
            Error::configuration(text).caused_by(error.without_url())
        })
    }

    fn builder(&self, purpose: Use, is_direct: bool) -> Result<ClientBuilder> {
        let mut builder = Client::builder()
            // The transport does both itself: it knows which calls may be sent again, and where.
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.connect_timeout)
            .tcp_keepalive(KEEP_ALIVE)
            .pool_idle_timeout(match purpose {
                Use::CallOnce => MOMENT,
                _ => IDLE,
            });
        // Where both are enabled, perhaps by another crate, this one does not change its ways.
        #[cfg(feature = "rustls-no-provider")]
        {
            tls::provide()?;
            builder = builder.tls_backend_rustls();
        }
        for (_, proxy) in &self.proxies {
            builder = builder.proxy(proxy.clone());
        }
        if is_direct {
            // Nothing is encrypted there, so that the trust store need not be read.
            builder = tls::trust_nothing(builder);
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
        if purpose == Use::Storage {
            builder = builder.no_gzip();
        }
        if is_direct {
            builder = builder.no_proxy();
        }
        Ok(builder)
    }
}

/// Whether a connection is plain and stays on this machine by definition. What passes there is not
/// encrypted, so that no proxy may see it.
pub(crate) fn is_plain_loopback(url: &Url) -> bool {
    url.scheme() == "http" && is_loopback(url)
}

/// Names below `localhost` are left out: what they resolve to is up to the resolver.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The first of each pair counts where it is set.
const HTTP: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
const HTTPS: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const ALL: [&str; 2] = ["ALL_PROXY", "all_proxy"];

/// Refuses variables that would be ignored, with the requests going another way than was meant.
fn check_proxies(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Result<()> {
    for names in [HTTP, HTTPS, ALL] {
        let set = names
            .iter()
            .find_map(|name| Some((name, variable(name)?)))
            .filter(|(_, value)| !value.is_empty());
        let Some((name, value)) = set else { continue };
        let any = hyper::Uri::from_static("http://seqera.example.com/");
        let is_proxy = value.to_str().is_some_and(|value| {
            let matcher = Matcher::builder().all(value.to_owned()).build();
            matcher.intercept(&any).is_some()
        });
        if !is_proxy {
            // Not repeated: it may hold a password.
            return Err(Error::configuration(format!(
                "{name} does not name a proxy: set it to a URL such as \
                 http://proxy.example.com:3128, or to nothing"
            )));
        }
    }
    Ok(())
}

#[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
mod tls {
    use reqwest::{Certificate, ClientBuilder, Identity};
    #[cfg(feature = "rustls-no-provider")]
    use rustls::crypto::CryptoProvider;

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

    pub(super) fn trust_nothing(builder: ClientBuilder) -> ClientBuilder {
        builder.tls_certs_only([])
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

    /// Sees to it that rustls has its cryptography: what the program has installed, else the feature's.
    #[cfg(feature = "rustls-no-provider")]
    pub(super) fn provide() -> Result<()> {
        if cfg!(feature = "rustls") || CryptoProvider::get_default().is_some() {
            return Ok(());
        }
        #[cfg(feature = "rustls-ring")]
        {
            // Another thread may just have done it.
            let _ = rustls::crypto::ring::default_provider().install_default();
            Ok(())
        }
        #[cfg(not(feature = "rustls-ring"))]
        Err(Error::configuration(
            "TLS needs a provider of cryptography: enable the feature `rustls` or `rustls-ring`, or \
             install one first, with `install_default` of `rustls::crypto::CryptoProvider`",
        ))
    }

    #[cfg(feature = "rustls-no-provider")]
    fn identity(pem: &[u8]) -> reqwest::Result<Identity> {
        Identity::from_pem(pem)
    }

    #[cfg(not(feature = "rustls-no-provider"))]
    fn identity(pem: &[u8]) -> reqwest::Result<Identity> {
        let marker = b"-----BEGIN PRIVATE KEY-----";
        let start = pem.windows(marker.len()).position(|part| part == marker);
        Identity::from_pkcs8_pem(pem, &pem[start.unwrap_or_default()..])
    }
}

#[cfg(not(any(feature = "rustls-no-provider", feature = "native-tls")))]
mod tls {
    use reqwest::ClientBuilder;

    use crate::{Error, Result};

    pub(super) fn trust(_: ClientBuilder, _: &[u8]) -> Result<ClientBuilder> {
        Err(Error::configuration(
            "certificates need TLS: enable the feature `rustls` or `native-tls`",
        ))
    }

    pub(super) use trust as identify;

    pub(super) fn trust_nothing(builder: ClientBuilder) -> ClientBuilder {
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_name_no_proxy_are_refused_and_not_shown() {
        let check = |name: &'static str, value: &'static str| {
            check_proxies(|asked| (asked == name).then(|| value.into()))
        };
        for name in [HTTP, HTTPS, ALL].concat() {
            for value in [
                "",
                "proxy.example.com:3128",
                "http://u:s3cret@proxy.example.com:3128/",
                "socks5h://localhost:1080",
            ] {
                check(name, value).unwrap();
            }
            for value in [
                "ftp://proxy",
                "http://",
                "http://s3cret proxy:80",
                "htp//x:s3cret",
            ] {
                let text = check(name, value).unwrap_err().to_string();
                assert!(text.starts_with(name), "{value}: {text}");
                assert!(!text.contains("s3cret"), "{text}");
            }
        }
    }

    #[test]
    fn only_what_is_loopback_by_definition_takes_no_proxy() {
        let table = [
            ("http://localhost:8080/api", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:80", true),
            ("http://seqera.localhost", false),
            ("http://localhost.example.com", false),
            ("http://10.0.0.7", false),
            ("https://localhost", false),
        ];
        for (url, expected) in table {
            assert_eq!(
                is_plain_loopback(&Url::parse(url).unwrap()),
                expected,
                "{url}"
            );
        }
    }
}
