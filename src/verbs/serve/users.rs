//! [`Users`]: names, each with the hash of its password.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr as _;

use bcrypt::HashParts;

use crate::words::error::{Class, Error, Result};
use crate::words::escape::safe;

/// Highest cost of a hash. One more doubles the time that every wrong password takes here; this much is
/// about a second.
const MAX_COST: u32 = 14;
/// As much of a name as a message shows.
const SHOWN: usize = 60;

/// The users with the hashes of their passwords (bcrypt alone: all other forms that such files know are
/// guessed at billions a second).
pub(super) struct Users {
    hashes: BTreeMap<String, String>,
    /// A hash for those who are no user, so that they wait as long.
    nobody: String,
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("hashes", &self.hashes.len()).finish_non_exhaustive()
    }
}

impl Users {
    /// Those of the file `text`: `NAME:HASH` a line, and comments.
    ///
    /// # Errors
    /// [`Class::Usage`], with the number of the line: for a line that is none, a hash that is not of bcrypt
    /// or costs too much, a user who is there twice, and a file without any.
    pub(super) fn parse(text: &str) -> Result<Users> {
        let mut hashes = BTreeMap::new();
        let (mut nobody, mut highest) = (String::new(), 0);
        for (at, line) in (1..).zip(text.lines()) {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((user, hash)) = line.split_once(':').filter(|(user, _)| !user.is_empty())
            else {
                return Err(bad(format!("line {at} is no NAME:HASH")));
            };
            let shown = safe(user, SHOWN);
            let parts = HashParts::from_str(hash)
                .map_err(|_| bad(format!("line {at}: the hash of {shown} is not of bcrypt")))?;
            let cost = parts.get_cost();
            if cost > MAX_COST {
                return Err(bad(format!(
                    "line {at}: the hash of {shown} costs {cost}, and {MAX_COST} is the most"
                )));
            }
            if cost > highest || nobody.is_empty() {
                (nobody, highest) = (hash.to_owned(), cost);
            }
            if hashes.insert(user.to_owned(), hash.to_owned()).is_some() {
                return Err(bad(format!("line {at}: {shown} is there twice")));
            }
        }
        if hashes.is_empty() {
            return Err(bad("it names no user".to_owned()));
        }
        Ok(Users { hashes, nobody })
    }

    /// The hash of this user's password, and whether there is such a user.
    pub(super) fn hash_of(&self, user: &str) -> (String, bool) {
        let hash = self.hashes.get(user);
        (hash.unwrap_or(&self.nobody).clone(), hash.is_some())
    }
}

fn bad(what: String) -> Error {
    Error::new(Class::Usage, what).hint("make such a file with `htpasswd -B -c FILE NAME`")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `secret`, made by `htpasswd -nbB -C 5 ann secret`.
    const HASH: &str = "$2y$05$MuTpXFYVmuXJDYURTDP0A.HjTpyst0q3K8uK690NfAWWho02uOhUC";

    #[test]
    fn a_file_that_protects_less_than_it_seems_to_is_refused() {
        let costly = HASH.replace("$05$", "$15$");
        for (text, why) in [
            ("", "no user"),
            ("ann", "line 1 is no NAME:HASH"),
            (&format!(":{HASH}"), "line 1 is no NAME:HASH"),
            ("# x\nann:secret", "line 2: the hash of ann is not of bcrypt"),
            ("ann:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00", "is not of bcrypt"),
            ("ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "is not of bcrypt"),
            (&format!("ann:{costly}"), "costs 15, and 14 is the most"),
            (&format!("ann:{HASH}\nann:{HASH}"), "line 2: ann is there twice"),
            ("\u{1b}[2J:x", "the hash of \\u{1b}[2J is"),
        ] {
            let error = Users::parse(text).unwrap_err();
            assert_eq!(error.class(), Class::Usage);
            assert!(error.to_string().contains(why), "{error}, not {why}");
        }
    }
}
