//! [`Proxies`]: which proxy, if any, a request goes through.

use std::fmt;
use std::net::IpAddr;

use super::url::Url;

/// The proxies of the environment, as `http_proxy`, `https_proxy` and `no_proxy` name them.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Proxies {
    /// For `http` addresses.
    pub http: Option<String>,
    /// For `https` addresses.
    pub https: Option<String>,
    /// Hosts that are reached directly: names with everything below them, addresses, networks in
    /// CIDR form, each with an optional port; `*` for all; joined by commas.
    pub no_proxy: Option<String>,
}

impl fmt::Debug for Proxies {
    /// Without the addresses, which may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

impl Proxies {
    /// The proxy for `url`. This machine itself is never reached through one.
    pub(crate) fn choose(&self, url: &Url) -> Option<&str> {
        let proxy = if url.is_https() { &self.https } else { &self.http };
        let proxy = proxy.as_deref().filter(|proxy| !proxy.is_empty())?;
        let (host, local) = (url.host(), url.is_loopback());
        let list = self.no_proxy.as_deref().unwrap_or_default();
        let direct = list.split([',', ' ']).any(|entry| matches(entry.trim(), host, url.port()));
        (!local && !direct).then_some(proxy)
    }
}

fn matches(entry: &str, host: &str, port: u16) -> bool {
    if entry.is_empty() || entry == "*" {
        return entry == "*";
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return matches_address(entry, address, port);
    }
    let (name, only_port) = match entry.rsplit_once(':') {
        Some((name, only)) => (name, only.parse::<u16>().ok()),
        None => (entry, None),
    };
    let name = name.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
    let below = host.strip_suffix(&name).is_some_and(|front| front.ends_with('.'));
    !name.is_empty() && only_port.is_none_or(|only| only == port) && (host == name || below)
}

fn matches_address(entry: &str, host: IpAddr, port: u16) -> bool {
    if let Some((network, bits)) = entry.split_once('/') {
        return match (network.parse::<IpAddr>(), bits.parse::<u32>()) {
            (Ok(network), Ok(bits)) => contains(network, bits, host),
            _ => false,
        };
    }
    if let Ok(socket) = entry.parse::<std::net::SocketAddr>() {
        return socket.ip() == host && socket.port() == port;
    }
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok_and(|address| address == host)
}

fn contains(network: IpAddr, bits: u32, host: IpAddr) -> bool {
    match (network, host) {
        (IpAddr::V4(network), IpAddr::V4(host)) if bits <= 32 => {
            let drop = 32 - bits;
            u32::from(network).checked_shr(drop) == u32::from(host).checked_shr(drop)
        }
        (IpAddr::V6(network), IpAddr::V6(host)) if bits <= 128 => {
            let drop = 128 - bits;
            u128::from(network).checked_shr(drop) == u128::from(host).checked_shr(drop)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_has_its_own_proxy_and_loopback_none() {
        let no_proxy = ".corp.example, plain.test,10.1.0.0/16,192.168.7.7,port.test:8443,*.w.test";
        let proxies = Proxies {
            http: Some("http://p:1".to_owned()),
            https: Some("http://p:2".to_owned()),
            no_proxy: Some(no_proxy.to_owned()),
        };
        for (url, proxy) in [
            ("https://quay.io/", Some("http://p:2")),
            ("http://quay.io/", Some("http://p:1")),
            ("http://localhost:5000/", None),
            ("http://127.0.0.1:5000/", None),
            ("http://[::1]:5000/", None),
            ("https://a.corp.example/", None),
            ("https://corp.example/", None),
            ("https://acorp.example/", Some("http://p:2")),
            ("https://plain.test:99/", None),
            ("https://sub.plain.test/", None),
            ("https://10.1.2.3/", None),
            ("https://10.2.2.3/", Some("http://p:2")),
            ("https://192.168.7.7:5/", None),
            ("https://port.test:8443/", None),
            ("https://port.test/", Some("http://p:2")),
            ("https://x.w.test/", None),
        ] {
            assert_eq!(proxies.choose(&Url::parse(url).unwrap()), proxy, "{url}");
        }
        assert_eq!(Proxies::default().choose(&Url::parse("https://a/").unwrap()), None);
        assert!(contains("0.0.0.0".parse().unwrap(), 0, "9.9.9.9".parse().unwrap()));
    }
}
