//! [`Address`]: where an engine finds what is served to it.

use std::fmt;

use crate::words::error::{Error, Result};

/// What the path begins with, so that a name left behind is known for what it is.
const MARK: &str = "sealift-";

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
        format!("http://127.0.0.1:{}/v2/{}", self.port, self.path)
    }

    /// The port, when `name` is that of an image that was pulled from such an address.
    #[must_use]
    pub fn port_in(name: &str) -> Option<u16> {
        let (port, path) = name.strip_prefix("127.0.0.1:")?.split_once('/')?;
        let (first, _) = path.split_once('/')?;
        is_random_name(first).then_some(port)?.parse().ok()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "127.0.0.1:{}/{}", self.port, self.path)
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
}
