//! [`Terms`]: how a shelf is served, whatever is on it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::passwords::Passwords;
use super::tls::Tls;

/// How long answers under way may take to end where nobody says.
const GRACE: Duration = Duration::from_secs(10);

/// Who hears of requests.
pub type Visits = Arc<dyn Fn(&Visit) + Send + Sync>;

/// How a shelf is served.
#[derive(Clone)]
#[non_exhaustive]
pub struct Terms {
    /// How long answers under way may take to end once a stop was asked for.
    pub grace: Duration,
    /// Who may ask; everybody where there are none.
    pub passwords: Option<Arc<Passwords>>,
    /// What TLS is spoken with; plain HTTP without.
    pub tls: Option<Arc<Tls>>,
    /// The most bytes a second that each client gets, over all of its connections.
    pub client_rate: Option<u64>,
    /// Hears of every request once its answer has ended, in whatever way. Must be quick.
    pub visits: Option<Visits>,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms { grace: GRACE, passwords: None, tls: None, client_rate: None, visits: None }
    }
}

impl Terms {
    /// Takes up what changed of the files that it comes from. What is to be told of that.
    pub(super) fn look(&self) -> Vec<String> {
        let tls = self.tls.as_ref().map(|tls| match tls.look() {
            Ok(false) => None,
            Ok(true) => Some("the certificate was renewed".to_owned()),
            Err(error) => Some(format!("the certificate stays as it was: {error}")),
        });
        let passwords = self.passwords.as_ref().map(|passwords| match passwords.look() {
            Ok(false) => None,
            Ok(true) => Some("the passwords were read anew".to_owned()),
            Err(error) => Some(format!("the passwords stay as they were: {error}")),
        });
        tls.into_iter().chain(passwords).flatten().collect()
    }
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms")
            .field("grace", &self.grace)
            .field("passwords", &self.passwords)
            .field("tls", &self.tls)
            .field("client_rate", &self.client_rate)
            .finish_non_exhaustive()
    }
}

/// A request, and what came of it. All text is as the client wrote it, cut to a length that a line can
/// have: whoever prints it escapes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Visit {
    /// Whence it came.
    pub peer: IpAddr,
    /// Who asked, where that was to be proven.
    pub user: Option<String>,
    /// The method; nothing, as of target and version, where what came was no request.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// `HTTP/1.1`, or an older one.
    pub version: String,
    /// What the client calls itself (`User-Agent`).
    pub agent: String,
    /// The status of the answer.
    pub status: u16,
    /// The bytes of its body that were sent.
    pub bytes: u64,
    /// From the request to the end of its answer.
    pub took: Duration,
}
