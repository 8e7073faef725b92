//! Requests that got no answer: why, in words that name the end, the host and the way out.

use std::io;

use super::End;
use crate::places::registry::http::reach::{OutOfReach, Zone};
use crate::places::registry::http::url::Url;
use crate::words::error::{Class, Error, ErrorKind};
use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

/// The way out where a transfer from a web server broke off, and was taken up in vain.
pub(crate) const BROKE: &str = "look at the line and at the server, and run the same command again";

impl End {
    /// A request that got no answer. `answered` says whether the host ever gave one: a host that
    /// was never heard of is more likely misspelt than down for a moment. `led` says that it is
    /// another host than the registry, to which that one led.
    pub(crate) fn wire(
        &self,
        what: &str,
        to: &Url,
        error: ureq::Error,
        answered: bool,
        led: bool,
    ) -> Error {
        let host = to.authority();
        let (why, kind) = describe(&error);
        let led_there = if led { ", where the registry leads" } else { "" };
        let text = format!("{}{led_there}: {why}", to.origin());
        let fault = self.error(Class::Other, what, text).of_kind(match kind {
            WireFailure::Unreachable => ErrorKind::Unreachable,
            _ => ErrorKind::Other,
        });
        match kind {
            WireFailure::OtherName => fault.hint(format!(
                "the certificate is for other names than {host}; name the registry as it does"
            )),
            WireFailure::Certificate => fault.hint(phrase![
                format!("give the authority that signed {host}'s certificate with "),
                Remedy::CertDir,
                format!(", or put it as /etc/containers/certs.d/{host}/ca.crt")
            ]),
            WireFailure::AuthorityItself => fault.hint(phrase![
                format!(
                    "have {host} show one of its own, which that authority signed, or one that is made with \
                     basicConstraints=critical,CA:FALSE, and give this with "
                ),
                Remedy::CertDir
            ]),
            WireFailure::OutOfDate => fault.hint(format!(
                "see whether the clock here is right, else ask whoever runs {host} for a new one"
            )),
            WireFailure::NotTls if self.is_web => fault.hint(format!(
                "{host} does not speak TLS; begin its address with http://, if it is to be so"
            )),
            WireFailure::NotTls if !led => fault.hint(phrase![
                format!("{host} does not speak TLS; try "),
                Remedy::PlainHttp,
                format!(" {host}")
            ]),
            WireFailure::NotTls => {
                fault.hint("ask whoever runs the registry what it should lead to")
            }
            WireFailure::Unreachable if led => fault.transient().hint(format!(
                "{host} has to be reached from here, too: check its name and the way there, or ask \
                 whoever runs the registry what it should lead to"
            )),
            WireFailure::Unreachable if answered && self.is_web => fault.transient().hint(BROKE),
            WireFailure::Unreachable if answered => fault.transient(),
            WireFailure::Unreachable => fault.hint(format!(
                "check the name {host}, that the {} runs, and the proxy that http_proxy or \
                 https_proxy names, if it went through one",
                self.noun()
            )),
            WireFailure::Broken if self.is_web => fault.transient().hint(BROKE),
            WireFailure::Broken => fault.transient(),
            WireFailure::Other if self.is_web => fault.hint(format!(
                "check the address and its port: what answers at {host} is no web server that can be read from"
            )),
            WireFailure::Other => fault,
            WireFailure::OutOfReach(zone) => self.out_of_reach(what, to, zone),
        }
    }

    /// The registry leads to where it has nothing to lead to.
    pub(crate) fn out_of_reach(&self, what: &str, to: &Url, zone: Zone) -> Error {
        let why = format!("the registry leads to {}, which is {zone}", to.origin());
        let allow = match zone {
            Zone::Private => {
                phrase!["allow it with ", Remedy::AllowRedirects, format!(" {}, ", to.authority())]
            }
            // Clouds keep credentials there, and a registry with a public name no storage.
            Zone::Public | Zone::Link | Zone::Machine => Phrase::default(),
        };
        self.error(Class::Refused, what, why).hint(phrase![
            "nothing was sent there; if that is its storage, ",
            allow,
            "name the registry by its own address in that network, or have it give out blobs itself \
             (`redirect: disable` in its configuration)"
        ])
    }
}

/// What kind of failure keeps an answer away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireFailure {
    /// The certificate is not trusted.
    Certificate,
    /// The certificate is that of an authority, which no server can have.
    AuthorityItself,
    /// The certificate is not valid any more, or not yet.
    OutOfDate,
    /// The certificate is for another host.
    OtherName,
    /// The other end does not speak TLS at all.
    NotTls,
    /// No connection came about.
    Unreachable,
    /// A connection broke or stood still.
    Broken,
    /// What trying again does not change.
    Other,
    /// The host is where the registry may not lead to.
    OutOfReach(Zone),
}

/// Why a request got no answer, for people, and which kind of failure that is.
pub(crate) fn describe(error: &ureq::Error) -> (String, WireFailure) {
    if let Some(tls) = tls_error(error) {
        return match tls {
            rustls::Error::InvalidCertificate(
                rustls::CertificateError::NotValidForName
                | rustls::CertificateError::NotValidForNameContext { .. },
            ) => (format!("the certificate is not for this host: {tls}"), WireFailure::OtherName),
            rustls::Error::InvalidCertificate(why) if is_authority(why) => (
                "the certificate is that of an authority (CA:TRUE), and no server's".to_owned(),
                WireFailure::AuthorityItself,
            ),
            rustls::Error::InvalidCertificate(
                rustls::CertificateError::Expired
                | rustls::CertificateError::ExpiredContext { .. }
                | rustls::CertificateError::NotValidYet
                | rustls::CertificateError::NotValidYetContext { .. },
            ) => (format!("the certificate is not valid now: {tls}"), WireFailure::OutOfDate),
            rustls::Error::InvalidCertificate(_) => {
                (format!("the certificate is not trusted: {tls}"), WireFailure::Certificate)
            }
            rustls::Error::InvalidMessage(_) => {
                ("the answer is not TLS".to_owned(), WireFailure::NotTls)
            }
            other => (other.to_string(), WireFailure::Other),
        };
    }
    match error {
        ureq::Error::HostNotFound => ("no such host".to_owned(), WireFailure::Unreachable),
        ureq::Error::ConnectionFailed | ureq::Error::Timeout(ureq::Timeout::Connect) => {
            ("cannot connect".to_owned(), WireFailure::Unreachable)
        }
        ureq::Error::ConnectProxyFailed(_) => {
            ("the proxy makes no connection".to_owned(), WireFailure::Unreachable)
        }
        ureq::Error::Timeout(_) => ("no answer in time".to_owned(), WireFailure::Broken),
        ureq::Error::Io(error) if let Some(zone) = OutOfReach::within(error) => {
            (format!("it is {zone}"), WireFailure::OutOfReach(zone))
        }
        ureq::Error::Io(error) => (error.to_string(), io_kind(error)),
        ureq::Error::BodyStalled => ("the connection broke off".to_owned(), WireFailure::Broken),
        ureq::Error::Protocol(error) => {
            (format!("the answer is not HTTP: {error}"), WireFailure::Other)
        }
        // An address may hold a signature, and a proxy's may hold a password: neither is shown.
        ureq::Error::BadUri(_) => ("the address is malformed".to_owned(), WireFailure::Other),
        other => (other.to_string(), WireFailure::Other),
    }
}

fn io_kind(error: &io::Error) -> WireFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable => WireFailure::Unreachable,
        io::ErrorKind::InvalidInput | io::ErrorKind::PermissionDenied => WireFailure::Other,
        _ => WireFailure::Broken,
    }
}

/// Whether a certificate is refused because it is that of an authority, as `openssl req -x509` makes it by itself:
/// that it is trusted as one makes it no server's.
fn is_authority(why: &rustls::CertificateError) -> bool {
    let rustls::CertificateError::Other(rustls::OtherError(why)) = why else { return false };
    matches!(why.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// The TLS fault inside `error`; handshakes hide it in an I/O error.
fn tls_error(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_no_folder_of_authorities_helps_is_told_apart() {
        let kind = |why: rustls::CertificateError| {
            describe(&ureq::Error::Rustls(rustls::Error::InvalidCertificate(why))).1
        };
        let other = |why: webpki::Error| {
            rustls::CertificateError::Other(rustls::OtherError(std::sync::Arc::new(why)))
        };
        assert_eq!(kind(other(webpki::Error::CaUsedAsEndEntity)), WireFailure::AuthorityItself);
        assert_eq!(kind(other(webpki::Error::BadDer)), WireFailure::Certificate);
        assert_eq!(kind(rustls::CertificateError::Expired), WireFailure::OutOfDate);
        assert_eq!(kind(rustls::CertificateError::UnknownIssuer), WireFailure::Certificate);
    }
}
