//! Why no connection was made, in words, and what to do about it.
//!
//! Decided by the types of the errors below reqwest's. Two crates have types and keep them to
//! themselves, so that their texts decide, here and nowhere else: hyper-util tells so what a proxy
//! said to CONNECT (its `TunnelError` is not exported), and native-tls what is wrong with TLS (its
//! `Error` holds the system library's, whatever that is). A text that changes makes the line less
//! helpful, and `tests/network.rs` fail.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io::ErrorKind;

use crate::error::chain;

/// The proxy on the way to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Host and port, without the password.
    pub address: String,
    /// What names it: a variable, or another setting.
    pub setting: &'static str,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl Proxy {
    /// What to do where it wants a password.
    pub(crate) fn wants_password(&self) -> String {
        format!(
            "the proxy {self} wants a name and a password: put them into {}, as in \
             http://name:password@proxy.example.com:3128",
            self.setting
        )
    }
}

/// Why no connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    NoAnswer,
    UnknownHost,
    Refused,
    Unreachable,
    Expired,
    NotValidYet,
    UnknownIssuer,
    OtherName,
    Certificate,
    NoTls,
    OldTls,
    Tls,
    Ended,
    ProxyPassword,
    ProxyRefused,
    Other,
}

impl Reason {
    fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::NoAnswer;
        }
        if error.is_dns() {
            return Self::UnknownHost;
        }
        chain(error)
            .filter_map(Self::of_cause)
            .last()
            .unwrap_or(Self::Other)
    }

    fn of_cause(cause: &(dyn StdError + 'static)) -> Option<Self> {
        if let Some(error) = cause.downcast_ref::<std::io::Error>() {
            return match error.kind() {
                ErrorKind::ConnectionRefused => Some(Self::Refused),
                ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                    Some(Self::Unreachable)
                }
                ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof => Some(Self::Ended),
                _ => None,
            };
        }
        // hyper-util's texts.
        match cause.to_string().strip_prefix("tunnel error: ") {
            Some("proxy authorization required") => return Some(Self::ProxyPassword),
            Some("unsuccessful") => return Some(Self::ProxyRefused),
            _ => {}
        }
        of_tls(cause)
    }

    /// What it is, and what to do.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NoAnswer => (
                "no answer in time",
                "check the endpoint, the network and proxies",
            ),
            Self::UnknownHost => (
                "its name could not be resolved",
                "check the endpoint, and that this machine can look up names",
            ),
            Self::Refused => (
                "connection refused",
                "check the endpoint and its port, and that the server runs",
            ),
            Self::Unreachable => (
                "there is no way to it",
                "check the network, and whether a proxy is needed (HTTPS_PROXY)",
            ),
            Self::Expired => (
                "its certificate has expired",
                "it must be renewed on the server, unless the clock of this machine is wrong",
            ),
            Self::NotValidYet => (
                "its certificate is not valid yet",
                "check the clock of this machine, then that of the server",
            ),
            Self::UnknownIssuer => (
                "its certificate is of an authority that is not trusted here",
                "give the certificate of that authority to `root_certificates`, or install it on this machine",
            ),
            Self::OtherName => (
                "its certificate is for another host name",
                "use the name that the certificate is for",
            ),
            Self::Certificate => (
                "its TLS certificate was refused",
                "have the server's certificate mended",
            ),
            Self::NoTls => (
                "it does not speak TLS on that port",
                "check the port, and whether the endpoint is `http://`",
            ),
            Self::OldTls => (
                "it offers no TLS version that is still accepted (1.2 or 1.3)",
                "the server, or a proxy before it, needs a newer TLS",
            ),
            Self::Tls => (
                "TLS could not be agreed on",
                "check the TLS settings of the server, and of a proxy before it",
            ),
            Self::Ended => (
                "it ended the connection",
                "check the port, and that no firewall or proxy is in the way",
            ),
            Self::ProxyPassword => ("it wants a name and a password", ""),
            Self::ProxyRefused => ("it refused to connect", ""),
            Self::Other => (
                "the connection failed",
                "check the endpoint, the network and proxies",
            ),
        }
    }

    /// Whether it is about the way to the first machine, be it the server or a proxy.
    fn is_of_way(self) -> bool {
        matches!(
            self,
            Self::NoAnswer | Self::UnknownHost | Self::Refused | Self::Unreachable
        )
    }
}

/// Whether another attempt would meet the same.
pub(crate) fn is_permanent(error: &reqwest::Error) -> bool {
    use Reason::*;
    error.is_connect()
        && matches!(
            Reason::of(error),
            Expired
                | NotValidYet
                | UnknownIssuer
                | OtherName
                | Certificate
                | NoTls
                | OldTls
                | Tls
                | ProxyPassword
        )
}

/// Why a host could not be connected to, and what to do.
pub(crate) fn explain(
    error: &reqwest::Error,
    host: &str,
    proxy: Option<&Proxy>,
) -> (String, Cow<'static, str>) {
    let reason = Reason::of(error);
    let (why, advice) = reason.words();
    let Some(proxy) = proxy else {
        return (
            format!("could not connect to {host}: {why}"),
            Cow::Borrowed(advice),
        );
    };
    if reason.is_of_way() {
        return (
            format!("could not connect to the proxy {proxy}, on the way to {host}: {why}"),
            Cow::Owned(format!(
                "check {}, or let NO_PROXY name the host",
                proxy.setting
            )),
        );
    }
    let advice = match reason {
        Reason::ProxyPassword => Cow::Owned(proxy.wants_password()),
        Reason::ProxyRefused => Cow::Owned(format!(
            "check that the proxy may connect to the endpoint, and {}",
            proxy.setting
        )),
        _ => Cow::Borrowed(advice),
    };
    (
        format!("could not connect to {host} through the proxy {proxy}: {why}"),
        advice,
    )
}

#[cfg(feature = "rustls-no-provider")]
fn of_tls(cause: &(dyn StdError + 'static)) -> Option<Reason> {
    use rustls::{AlertDescription, CertificateError, Error};

    let reason = match cause.downcast_ref::<Error>()? {
        Error::InvalidCertificate(fault) => match fault {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Reason::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Reason::NotValidYet
            }
            // An authority of that name is known, but it is another.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Reason::UnknownIssuer
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Reason::OtherName
            }
            _ => Reason::Certificate,
        },
        Error::InvalidMessage(_) => Reason::NoTls,
        Error::AlertReceived(AlertDescription::ProtocolVersion) | Error::PeerIncompatible(_) => {
            Reason::OldTls
        }
        _ => Reason::Tls,
    };
    Some(reason)
}

/// The system's own TLS tells in text alone what is wrong with a certificate.
#[cfg(all(feature = "native-tls", not(feature = "rustls-no-provider")))]
fn of_tls(cause: &(dyn StdError + 'static)) -> Option<Reason> {
    let text = cause.downcast_ref::<native_tls::Error>()?.to_string();
    let table = [
        ("has expired", Reason::Expired),
        ("not yet valid", Reason::NotValidYet),
        ("issuer", Reason::UnknownIssuer),
        ("self-signed", Reason::UnknownIssuer),
        ("self signed", Reason::UnknownIssuer),
        ("mismatch", Reason::OtherName),
        ("wrong version number", Reason::NoTls),
        ("unsupported protocol", Reason::OldTls),
        ("protocol version", Reason::OldTls),
        ("certificate", Reason::Certificate),
    ];
    let known = table.iter().find(|(part, _)| text.contains(part));
    Some(known.map_or(Reason::Tls, |(_, reason)| *reason))
}

#[cfg(not(any(feature = "rustls-no-provider", feature = "native-tls")))]
fn of_tls(_: &(dyn StdError + 'static)) -> Option<Reason> {
    None
}
