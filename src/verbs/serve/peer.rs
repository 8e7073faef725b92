//! Who is at the other end of a connection on this machine, as Linux tells in `/proc/net/tcp`.

use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// Most of the list that is read: a line has 150 bytes, and a machine a hundred thousand
/// connections at most.
const MAX_LIST: u64 = 32 << 20;
/// Most of the list of users that is read; it has three numbers a line, and 340 lines at most.
const MAX_MAP: u64 = 64 << 10;
/// The user that stands for those whom a user namespace does not know, if nobody changed it. It is
/// a user like others, `nobody`, where the namespace knows it.
const UNKNOWN: u32 = 65_534;
/// Where the user stands in a line.
const USER: usize = 7;

/// Whether it can be told who connects.
pub(super) fn can_tell() -> bool {
    connections().is_some()
}

/// Whether `peer`, which is connected to `port` of the loopback, is the superuser's or our own
/// process. Others can only stand in the way of the engine. Who cannot be told is nobody's.
pub(super) fn is_ours(peer: SocketAddr, port: u16) -> bool {
    let SocketAddr::V4(peer) = peer else { return false };
    let Some(list) = connections() else { return false };
    let Some(user) = user_of(&list, peer, port) else { return false };
    may_connect(user, rustix::process::geteuid().as_raw(), || read("/proc/self/uid_map", MAX_MAP))
}

/// Whether `user` is the superuser or `own`; or nobody that the namespace with this `map` knows,
/// which the superuser of the machine is not.
fn may_connect(user: u32, own: u32, map: impl FnOnce() -> Option<String>) -> bool {
    let is_outside = || user == UNKNOWN && map().is_some_and(|map| !knows(&map, user));
    user == 0 || user == own || is_outside()
}

fn connections() -> Option<String> {
    read("/proc/net/tcp", MAX_LIST)
}

fn read(path: &str, most: u64) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(most).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Whether `user` is a user of its own in the namespace with this `map`: lines of the first user
/// inside, the first one outside, and how many there are.
fn knows(map: &str, user: u32) -> bool {
    map.lines().any(|line| {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        matches!(numbers[..], [first, _, count] if (first..first + count).contains(&user.into()))
    })
}

/// The user of the socket `peer` that is connected to `port`.
fn user_of(list: &str, peer: SocketAddrV4, port: u16) -> Option<u32> {
    let end = |address: &Ipv4Addr, port: u16| {
        // The kernel prints the address as the number that it is in memory.
        format!("{:08X}:{port:04X}", u32::from_ne_bytes(address.octets()))
    };
    let (own, other) = (end(peer.ip(), peer.port()), end(&Ipv4Addr::LOCALHOST, port));
    list.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.get(1) == Some(&own.as_str()) && fields.get(2) == Some(&other.as_str());
        is_it.then(|| fields.get(USER)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_user_of_the_other_end_is_found_by_both_ends() {
        let port = 40_000;
        let list = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n\
                    0: 0100007F:9C40 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0 0\n\
                    1: 0100007F:0050 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000 0\n";
        let at = |port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);

        if cfg!(target_endian = "little") {
            assert_eq!(user_of(list, at(80), port), Some(1000));
            assert_eq!(user_of(list, at(81), port), None);
            assert_eq!(user_of(list, at(80), 1), None);
        }
    }

    #[test]
    fn nobody_is_a_stranger_where_it_is_a_user() {
        let everybody = "         0          0 4294967295\n";
        let rootless = "         0       1000          1\n         1     100000      65536\n";
        let few = "         0       1000          1\n         1     100000      1000\n";

        assert!(knows(everybody, UNKNOWN) && knows(rootless, UNKNOWN));
        assert!(!knows(few, UNKNOWN) && !knows("", UNKNOWN));
        let may = |user, map: &str| may_connect(user, 1000, || Some(map.to_owned()));
        assert!(may(0, everybody) && may(1000, everybody) && may(UNKNOWN, few));
        assert!(!may(UNKNOWN, everybody) && !may(UNKNOWN, rootless) && !may(105, few));
        assert!(!may_connect(UNKNOWN, 1000, || None), "where nobody can tell");
    }

    #[test]
    fn a_connection_of_our_own_is_ours() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let _ours = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let (_, peer) = listener.accept().unwrap();

        assert!(is_ours(peer, port));
        assert!(!is_ours("[::1]:1".parse().unwrap(), port));
    }
}
