//! Which token server may see a registry's credentials.
//!
//! The registry names its token server in a header, so a registry that lies could send the user's
//! password anywhere, or make this machine call an address inside its own network
//! (CVE-2026-48978, CVE-2026-33540).

use std::net::IpAddr;

use crate::places::registry::http::reach::{Ground, Zone};
use crate::places::registry::http::url::Url;

/// Token servers on a host of their own that are known to belong to a registry.
const KNOWN: &[(&str, &str)] = &[
    ("registry-1.docker.io", "auth.docker.io"),
    ("nvcr.io", "authn.nvidia.com"),
    ("lscr.io", "ghcr.io"),
];

/// The token server at `realm`, if the registry at `base` may name it, from which an address may
/// lead to `ground`.
///
/// It has to be https (unless the registry itself is plain http), and be the registry's own host,
/// a known one, or a neighbour: `auth.gitlab.example` for `registry.gitlab.example`. One on this
/// machine or its link is taken from a registry that is there as well.
///
/// # Errors
/// Why not, for people.
pub(crate) fn check(realm: &str, base: &Url, ground: Ground) -> Result<Url, &'static str> {
    let realm = Url::parse(realm).ok_or("it is no http or https address")?;
    if base.is_https() && !realm.is_https() {
        return Err("it is not https");
    }
    if realm.host() == base.host() {
        return Ok(realm.within(base.ground()));
    }
    let realm = realm.within(ground);
    match realm.zone() {
        Some(Zone::Machine | Zone::Link) if !out_of_reach(&realm) => return Ok(realm),
        Some(Zone::Machine | Zone::Link) => {
            return Err("it is an address of this machine or its link");
        }
        Some(Zone::Private) if out_of_reach(&realm) => {
            return Err("it is in a private network, and the registry is not");
        }
        _ => {}
    }
    if !realm.is_https() {
        return Err("it is another host and not https");
    }
    match KNOWN.contains(&(base.host(), realm.host())) || neighbours(base.host(), realm.host()) {
        true => Ok(realm),
        false => Err("it belongs to another domain than the registry"),
    }
}

/// The token server at `realm`, if it may be asked for a token that is for nobody in particular,
/// whatever domain it is in: by https alone, and by a name. Names of a company's own in front of a
/// public registry need it, and nothing secret is sent.
pub(crate) fn anonymous(realm: &str, base: &Url, ground: Ground) -> Option<Url> {
    let realm = Url::parse(realm)?.within(ground);
    let local = matches!(realm.zone(), Some(Zone::Machine | Zone::Link));
    let fine = base.is_https() && realm.is_https() && realm.host().contains('.') && !local;
    (fine && realm.ip().is_none() && !out_of_reach(&realm)).then_some(realm)
}

/// Whether `realm` is where it may not lead to, as far as that is known beforehand.
fn out_of_reach(realm: &Url) -> bool {
    realm.zone().is_some_and(|zone| !realm.ground().allows(zone))
}

/// Whether two names lie in one domain: the last two labels are the same, or the last three where
/// two are a public suffix by their look (`co.uk`, `com.au`).
fn neighbours(a: &str, b: &str) -> bool {
    if a.parse::<IpAddr>().is_ok() || b.parse::<IpAddr>().is_ok() {
        return false;
    }
    let tail = |host: &str, count: usize| {
        let labels: Vec<String> = host.rsplit('.').take(count).map(str::to_owned).collect();
        (labels.len() == count).then_some(labels)
    };
    let count = match tail(a, 2) {
        Some(labels) if labels[0].len() == 2 && labels[1].len() <= 3 => 3,
        _ => 2,
    };
    tail(a, count).is_some() && tail(a, count) == tail(b, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_elsewhere_is_asked_by_https_and_by_name_only() {
        for (base, realm, fine) in [
            ("https://cr.vanity.example", "https://ghcr.real.test/token", true),
            ("https://cr.vanity.example", "http://ghcr.real.test/token", false),
            ("http://cr.vanity.example", "https://ghcr.real.test/token", false),
            ("https://cr.vanity.example", "https://10.0.0.5/token", false),
            ("https://cr.vanity.example", "https://[fd00::1]/token", false),
            ("https://cr.vanity.example", "https://localhost/token", false),
            ("https://cr.vanity.example", "https://a.localhost/token", false),
            ("https://cr.vanity.example", "https://2130706433/token", false),
            ("https://cr.vanity.example", "https://intranet/token", false),
            ("https://cr.vanity.example", "https://u:p@ghcr.real.test/token", false),
        ] {
            let base = Url::parse(base).unwrap();
            let ground = base.zone().map_or(Ground::PUBLIC, Ground::beside);
            assert_eq!(anonymous(realm, &base, ground).is_some(), fine, "{base} {realm}");
        }
    }

    #[test]
    fn a_realm_stays_with_its_registry() {
        for (base, realm, fine) in [
            ("https://registry-1.docker.io", "https://auth.docker.io/token", true),
            ("https://harbor.example", "https://harbor.example/service/token", true),
            ("https://harbor.example:8443", "https://harbor.example/service/token", true),
            ("https://registry.gitlab.example", "https://gitlab.example/jwt/auth", true),
            ("https://registry.gitlab.example", "https://auth.gitlab.example/jwt", true),
            ("http://10.0.0.5:5000", "http://10.0.0.5:5001/token", true),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5001/token", true),
            ("http://localhost:5000", "http://127.0.0.1:5001/token", true),
            ("https://harbor.example", "http://harbor.example/service/token", false),
            ("https://harbor.example", "https://evil.test/token", false),
            ("https://harbor.example", "https://harbor.example.evil.test/", false),
            ("http://harbor.example", "http://auth.harbor.example/", false),
            ("https://a.co.uk", "https://b.co.uk/", false),
            ("https://r.a.co.uk", "https://t.a.co.uk/", true),
            ("https://harbor", "https://auth/", false),
            ("https://harbor.example", "https://169.254.169.254/latest", false),
            ("http://harbor.example", "http://169.254.169.254/latest", false),
            ("http://harbor.example", "http://127.0.0.1/", false),
            ("http://harbor.example", "http://127.1/", false),
            ("http://harbor.example", "http://2130706433/", false),
            ("http://harbor.example", "http://[::1]/", false),
            ("http://harbor.example", "http://[::ffff:127.0.0.1]/", false),
            ("http://harbor.example", "http://localhost/", false),
            ("https://10.0.0.5", "https://10.1.0.5/", false),
            ("https://harbor.example", "/service/token", false),
            ("https://harbor.example", "file:///etc/passwd", false),
            ("https://harbor.example", "https://harbor.example@evil.test/", false),
        ] {
            let base = Url::parse(base).unwrap();
            let ground = base.zone().map_or(Ground::PUBLIC, Ground::beside);
            assert_eq!(check(realm, &base, ground).is_ok(), fine, "{base} {realm}");
        }
    }
}
