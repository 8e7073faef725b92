//! How far the addresses that a registry gives may lead.
//!
//! A registry names other places: where a blob is, where an upload goes on, where tokens are had.
//! One that lies could so make this machine call services that trust the network they are in: its
//! own, those of the local network, the cloud's for credentials. So an address leads from a public
//! place to public places only, and from a private one to others beside it. What the user named is
//! reached wherever it is.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// What kind of place an address is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// The internet.
    Public,
    /// A private network, or a range that is not the internet's.
    Private,
    /// The own link only, where clouds have their services for credentials.
    Link,
    /// This machine.
    Machine,
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Zone::Public => "a public address",
            Zone::Private => "an address of a private network",
            Zone::Link => "an address of the own link",
            Zone::Machine => "an address of this machine",
        })
    }
}

impl Zone {
    /// Where `address` is.
    pub(crate) fn of(address: IpAddr) -> Zone {
        match address {
            IpAddr::V4(v4) => of_v4(v4),
            IpAddr::V6(v6) => of_v6(v6),
        }
    }

    /// Where a host of this name is, where the name alone says so.
    pub(crate) fn of_name(name: &str) -> Option<Zone> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let last = name.rsplit('.').next().unwrap_or(name);
        let below = |suffixes: &[&str]| {
            suffixes.iter().any(|suffix| {
                let front = name.strip_suffix(suffix);
                front.is_some_and(|front| front.is_empty() || front.ends_with('.'))
            })
        };
        if last == "localhost" {
            return Some(Zone::Machine);
        }
        if below(METADATA) {
            return Some(Zone::Link);
        }
        (last == name || below(PRIVATE)).then_some(Zone::Private)
    }
}

/// Names of clouds' services for credentials.
const METADATA: &[&str] = &["metadata.google.internal", "instance-data.ec2.internal"];

/// Ends of names that the internet does not have (RFC 6762, appendix G; RFC 8375; ICANN for
/// `internal`). A name without a dot is none of the internet's either.
const PRIVATE: &[&str] = &[
    "internal",
    "local",
    "localdomain",
    "lan",
    "home.arpa",
    "home",
    "corp",
    "private",
    "intranet",
];

/// Azure's service for credentials, at an address that looks public.
const WIRE_SERVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

fn of_v4(v4: Ipv4Addr) -> Zone {
    match v4.octets() {
        // Linux takes 0.0.0.0 for 127.0.0.1.
        [0 | 127, ..] => Zone::Machine,
        [169, 254, ..] => Zone::Link,
        _ if v4 == WIRE_SERVER => Zone::Link,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Zone::Private,
        // Carriers' own, protocols', measurements', multicast and reserved (RFC 6890).
        [100, 64..=127, ..] | [192, 0, 0, _] | [198, 18 | 19, ..] | [224..=255, ..] => {
            Zone::Private
        }
        _ => Zone::Public,
    }
}

fn of_v6(v6: Ipv6Addr) -> Zone {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Zone::Machine,
        // Addresses of IPv4 in another form: mapped and compatible ones, translated ones
        // (RFC 2765, RFC 6052), and those of tunnels (RFC 3056, RFC 4380).
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => v4(high, low),
        [0x2001, 0, _, _, _, _, high, low] => v4(!high, !low),
        [0xfe80..=0xfebf, ..] => Zone::Link,
        // Global unicast is all that the internet has.
        [0x2000..=0x3fff, ..] => Zone::Public,
        _ => Zone::Private,
    }
}

/// The kinds of places, besides public ones, that an address may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ground {
    private: bool,
    link: bool,
    machine: bool,
}

impl Ground {
    /// All: what the user named.
    pub(crate) const ANYWHERE: Ground = Ground { private: true, link: true, machine: true };
    /// None.
    pub(crate) const PUBLIC: Ground = Ground { private: false, link: false, machine: false };

    /// What may be beside a place. Storage for a registry on this machine may be in the network
    /// that the machine is in; a registry of that network has nothing to look for on this machine.
    pub(crate) fn beside(zone: Zone) -> Ground {
        match zone {
            Zone::Public => Ground::PUBLIC,
            Zone::Private => Ground { private: true, ..Ground::PUBLIC },
            Zone::Link => Ground { machine: false, ..Ground::ANYWHERE },
            Zone::Machine => Ground { link: false, ..Ground::ANYWHERE },
        }
    }

    /// What both allow.
    pub(crate) fn and(self, other: Ground) -> Ground {
        Ground {
            private: self.private && other.private,
            link: self.link && other.link,
            machine: self.machine && other.machine,
        }
    }

    /// Whether such a place may be reached.
    pub(crate) fn allows(self, zone: Zone) -> bool {
        match zone {
            Zone::Public => true,
            Zone::Private => self.private,
            Zone::Link => self.link,
            Zone::Machine => self.machine,
        }
    }
}

/// Where hosts were found to be: what may be beside all addresses that a name ever had.
#[derive(Debug, Clone, Default)]
pub(crate) struct Met(Arc<Mutex<HashMap<String, Ground>>>);

impl Met {
    /// What may be beside the host of this name; nothing while it was not looked up here, be it
    /// because a proxy does that.
    pub(crate) fn beside(&self, host: &str) -> Option<Ground> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied()
    }

    fn note(&self, host: &str, ground: Ground) {
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = met.entry(host.to_owned()).or_insert(Ground::ANYWHERE);
        *known = known.and(ground);
    }
}

/// Looks names up, and leaves out the addresses that are out of reach. By then nothing can change
/// any more what the name means: the connection is made to what comes out of here.
#[derive(Debug)]
pub(crate) struct Guard {
    ground: Ground,
    met: Met,
    resolver: DefaultResolver,
}

impl Guard {
    /// Leaves what `ground` allows; notes in `met` where hosts are.
    pub(crate) fn new(ground: Ground, met: Met) -> Guard {
        Guard { ground, met, resolver: DefaultResolver::default() }
    }

    /// Leaves all `found` addresses of `host` that may be reached.
    fn judge(
        &self,
        host: &str,
        found: &ResolvedSocketAddrs,
    ) -> Result<ResolvedSocketAddrs, OutOfReach> {
        let mut left = self.resolver.empty();
        for address in found.iter() {
            let zone = Zone::of(address.ip());
            self.met.note(host, Ground::beside(zone));
            if self.ground.allows(zone) {
                left.push(*address);
            }
        }
        match found.iter().next() {
            Some(first) if left.is_empty() => Err(OutOfReach(Zone::of(first.ip()))),
            _ => Ok(left),
        }
    }
}

impl Resolver for Guard {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.resolver.resolve(uri, config, timeout).map_err(unresolved)?;
        self.judge(uri.host().unwrap_or_default(), &found)
            .map_err(|error| io::Error::new(io::ErrorKind::PermissionDenied, error).into())
    }
}

/// A failure to look a name up, told from one to begin with it. The standard library has no kind for
/// the former; the latter are the system's, with a number, or those of a name that is none.
fn unresolved(error: ureq::Error) -> ureq::Error {
    match error {
        ureq::Error::Io(error)
            if error.raw_os_error().is_none() && error.kind() != io::ErrorKind::InvalidInput =>
        {
            ureq::Error::HostNotFound
        }
        other => other,
    }
}

/// All addresses of a host are out of reach; this is the kind of the first one.
#[derive(Debug)]
pub(crate) struct OutOfReach(Zone);

impl OutOfReach {
    /// The kind of place that `error` says is out of reach.
    pub(crate) fn within(error: &io::Error) -> Option<Zone> {
        error.get_ref()?.downcast_ref().map(|OutOfReach(zone)| *zone)
    }
}

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is {}, and the registry that leads there is not beside it", self.0)
    }
}

impl std::error::Error for OutOfReach {}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn an_address_is_known_in_every_form() {
        for (address, zone) in [
            ("9.9.9.9", Zone::Public),
            ("172.15.0.1", Zone::Public),
            ("172.32.0.1", Zone::Public),
            ("100.63.0.1", Zone::Public),
            ("2606:4700::1", Zone::Public),
            ("::ffff:9.9.9.9", Zone::Public),
            ("10.0.0.1", Zone::Private),
            ("172.16.0.1", Zone::Private),
            ("172.31.255.255", Zone::Private),
            ("192.168.1.1", Zone::Private),
            ("100.100.100.200", Zone::Private),
            ("192.0.0.192", Zone::Private),
            ("224.0.0.1", Zone::Private),
            ("255.255.255.255", Zone::Private),
            ("fd00:ec2::254", Zone::Private),
            ("fec0::1", Zone::Private),
            ("ff02::1", Zone::Private),
            ("::ffff:10.0.0.1", Zone::Private),
            ("64:ff9b::10.0.0.1", Zone::Private),
            ("2002:a00:1::", Zone::Private),
            ("169.254.169.254", Zone::Link),
            ("168.63.129.16", Zone::Link),
            ("fe80::1", Zone::Link),
            ("::ffff:169.254.169.254", Zone::Link),
            ("::169.254.169.254", Zone::Link),
            ("64:ff9b::169.254.169.254", Zone::Link),
            ("127.0.0.1", Zone::Machine),
            ("127.9.9.9", Zone::Machine),
            ("0.0.0.0", Zone::Machine),
            ("0.1.2.3", Zone::Machine),
            ("::", Zone::Machine),
            ("::1", Zone::Machine),
            ("::ffff:127.0.0.1", Zone::Machine),
            ("::ffff:0:127.0.0.1", Zone::Machine),
            ("2002:7f00:1::", Zone::Machine),
            ("2001:0:1:2:3:4:80ff:fffe", Zone::Machine),
        ] {
            assert_eq!(Zone::of(address.parse().unwrap()), zone, "{address}");
        }
        for (name, zone) in [
            ("quay.io", None),
            ("local.example", None),
            ("mylocal", Some(Zone::Private)),
            ("a.mylocal", None),
            ("localhost", Some(Zone::Machine)),
            ("a.localhost.", Some(Zone::Machine)),
            ("metadata.google.internal", Some(Zone::Link)),
            ("metadata.google.internal.", Some(Zone::Link)),
            ("minio.corp.internal", Some(Zone::Private)),
            ("printer.local", Some(Zone::Private)),
        ] {
            assert_eq!(Zone::of_name(name), zone, "{name}");
        }
    }

    #[test]
    fn what_is_beside_a_place_may_be_reached_from_there() {
        use Zone::{Link, Machine, Private, Public};
        for (from, reached) in [
            (Public, &[Public][..]),
            (Private, &[Public, Private]),
            (Link, &[Public, Private, Link]),
            (Machine, &[Public, Private, Machine]),
        ] {
            let ground = Ground::beside(from);
            for to in [Public, Private, Link, Machine] {
                assert_eq!(ground.allows(to), reached.contains(&to), "from {from} to {to}");
            }
            assert_eq!(ground.and(Ground::ANYWHERE), ground);
            assert_eq!(ground.and(Ground::PUBLIC), Ground::PUBLIC);
        }
    }

    #[test]
    fn addresses_out_of_reach_are_left_out_and_a_host_is_as_public_as_its_most_public_address() {
        let met = Met::default();
        let guard = Guard::new(Ground::PUBLIC, met.clone());
        let judge = |host: &str, addresses: &[&str]| {
            let mut found = guard.resolver.empty();
            addresses.iter().for_each(|address| found.push(address.parse().unwrap()));
            let left = guard.judge(host, &found)?;
            Ok::<_, OutOfReach>(left.iter().map(SocketAddr::to_string).collect::<Vec<_>>())
        };

        assert_eq!(judge("mixed", &["10.0.0.1:80", "9.9.9.9:80"]).unwrap(), ["9.9.9.9:80"]);
        assert!(judge("inner", &["10.0.0.1:80", "127.0.0.1:80"]).is_err());
        assert!(judge("rebound", &["10.0.0.1:80"]).is_err());
        assert_eq!(met.beside("rebound"), Some(Ground::beside(Zone::Private)));
        judge("rebound", &["9.9.9.9:80"]).unwrap();

        assert_eq!(met.beside("mixed"), Some(Ground::PUBLIC));
        assert_eq!(met.beside("inner"), Some(Ground::beside(Zone::Private)), "not the machine's");
        assert_eq!(met.beside("rebound"), Some(Ground::PUBLIC), "it was elsewhere before");
        assert_eq!(met.beside("unknown"), None);
    }
}
