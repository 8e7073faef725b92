//! [`Address`]: where an engine finds what is served to it.

use std::fmt;

use crate::words::error::{Error, Result};

/// What the path begins with, so that a name left behind is known for what it is.
const MARK: &str = "sealift-";

/// What stands before each port.
const HOST: &str = "127.0.0.1:";

/// `127.0.0.1:PORT` and a path that nobody can guess, fit to begin the name of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    port: u16,
    path: String,
}

impl Address {
    /// A fresh path at `port`, of 128 random bits.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new(port: u16) -> Result<Address> {
        Ok(Address { port, path: random_name()? })
    }

    /// The part of it with that number.
    #[must_use]
    pub fn below(&self, number: usize) -> Address {
        Address { port: self.port, path: format!("{}/h{number}", self.path) }
    }

    /// The path, without slashes around it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// As a registry's API has it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{HOST}{}/v2/{}", self.port, self.path)
    }

    /// The port, when `name` is that of an image that was pulled from such an address.
    #[must_use]
    pub fn port_in(name: &str) -> Option<u16> {
        let (port, path) = name.strip_prefix(HOST)?.split_once('/')?;
        let (first, _) = path.split_once('/')?;
        is_random_name(first).then_some(port)?.parse().ok()
    }

    /// Whether an engine's complaint is about another port of this machine, and none about this
    /// one: that of an import that has ended.
    #[must_use]
    pub(super) fn is_other_than_in(&self, complaints: &str) -> bool {
        let digits = |rest: &str| rest.split(|c: char| !c.is_ascii_digit()).next().map(str::parse);
        let ports = complaints.split(HOST).skip(1).filter_map(digits).flatten();
        let mut ports = ports.peekable();
        ports.peek().is_some() && ports.all(|port: u16| port != self.port)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HOST}{}/{}", self.port, self.path)
    }
}

/// A name of 128 random bits that begins with [`MARK`].
pub(super) fn random_name() -> Result<String> {
    let random =
        || getrandom::u64().map_err(|e| Error::io("no random numbers", std::io::Error::other(e)));
    Ok(format!("{MARK}{:016x}{:016x}", random()?, random()?))
}

/// Whether [`random_name`] makes such names.
pub(super) fn is_random_name(name: &str) -> bool {
    let hex = |hex: &str| hex.len() == 32 && hex.bytes().all(|c| b"0123456789abcdef".contains(&c));
    name.strip_prefix(MARK).is_some_and(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_by_the_names_below_it_and_nothing_else_is() {
        let address = Address::new(4711).unwrap().below(2);

        assert_eq!(Address::port_in(&format!("{address}/library/alpine:1")), Some(4711));
        assert!(address.path().parse::<crate::words::reference::Repository>().is_ok());
        let other = Address::new(4711).unwrap();
        assert_ne!(other.below(2), address);
        for name in [
            "127.0.0.1:5000/library/alpine:1",
            "127.0.0.1:5000/sealift-1234/h0/alpine:1",
            &format!("localhost:5000/{}/x:1", other.path()),
            &format!("127.0.0.1:5000/x/{}/x:1", other.path()),
        ] {
            assert_eq!(Address::port_in(name), None, "{name}");
        }
    }

    #[test]
    fn a_complaint_about_another_port_is_told_from_one_about_this() {
        let address = Address::new(4711).unwrap();
        for (complaint, other) in [
            ("dial tcp 127.0.0.1:42911: connect: connection refused", true),
            ("Get \"http://127.0.0.1:42911/v2/\": EOF", true),
            ("dial tcp 127.0.0.1:47110: connect: connection refused", true),
            ("dial tcp 127.0.0.1:4711: connect: connection refused", false),
            ("127.0.0.1:4711/sealift-0/h0/x: dial tcp 127.0.0.1:42911: refused", false),
            ("127.0.0.1: no port", false),
            ("127.0.0.1:99999 is none", false),
            ("no space left on device", false),
        ] {
            assert_eq!(address.is_other_than_in(complaint), other, "{complaint}");
        }
    }
}
