//! [`Passwords`]: who may ask, as Apache's `htpasswd -B` writes it, and docker-registry reads it.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::str::FromStr as _;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bcrypt::HashParts;
use hyper::header::HeaderValue;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::tools::mutex::lock;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::safe;

/// Largest file: ten thousand users and more.
pub const MAX_FILE: u64 = 1 << 20;
/// Highest cost of a hash. One more doubles the time that every wrong password takes here; this much is
/// about a second.
const MAX_COST: u32 = 14;
/// How many passwords are tried at a time, so that guessing leaves processors to those who pull.
const AT_ONCE: usize = 1;
/// Most right answers that are remembered, so that not every blob costs a hash. As many are forgotten at
/// once when there are more.
const REMEMBERED: usize = 4096;
/// Longest header that is looked at: a name and a password of a kilobyte each.
const MAX_HEADER: usize = 3 << 10;
/// As much of a name as a message shows.
const SHOWN: usize = 60;

/// The users with the hashes of their passwords (bcrypt alone: all other forms that such files know are
/// guessed at billions a second).
pub struct Passwords {
    users: BTreeMap<String, String>,
    /// A hash for those who are no user, so that they wait as long.
    nobody: String,
    /// What was found right, by a hash with a key that nobody knows and that ends with the process.
    right: Mutex<HashSet<[u8; 32]>>,
    key: [u8; 32],
    turns: Semaphore,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("users", &self.users.len()).finish_non_exhaustive()
    }
}

impl Passwords {
    /// Those of the file `text`: `NAME:HASH` a line, and comments.
    ///
    /// # Errors
    /// [`Class::Usage`], with the number of the line: for a line that is none, a hash that is not of bcrypt
    /// or costs too much, a user who is there twice, and a file without any.
    pub fn parse(text: &str) -> Result<Passwords> {
        let mut users = BTreeMap::new();
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
            if users.insert(user.to_owned(), hash.to_owned()).is_some() {
                return Err(bad(format!("line {at}: {shown} is there twice")));
            }
        }
        if users.is_empty() {
            return Err(bad("it names no user".to_owned()));
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|e| Error::new(Class::Other, format!("no random numbers: {e}")))?;
        let (right, turns) = (Mutex::default(), Semaphore::new(AT_ONCE));
        Ok(Passwords { users, nobody, right, key, turns })
    }

    /// Who asks with this `Authorization`; nobody where the password is wrong, or none was given.
    pub async fn user(self: &Arc<Self>, header: Option<&HeaderValue>) -> Option<String> {
        let (user, password) = said(header?)?;
        let mark = self.mark(&user, &password);
        if lock(&self.right).contains(&mark) {
            return Some(user);
        }
        let _turn = self.turns.acquire().await.ok()?;
        let hash = self.users.get(&user);
        let (is_user, hash) = (hash.is_some(), hash.unwrap_or(&self.nobody).clone());
        let is_it = spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false));
        let is_right = is_it.await.unwrap_or(false) && is_user;
        if !is_right {
            return None;
        }
        let mut right = lock(&self.right);
        if right.len() >= REMEMBERED {
            right.clear();
        }
        right.insert(mark);
        Some(user)
    }

    fn mark(&self, user: &str, password: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update((user.len() as u64).to_be_bytes());
        hash.update(user);
        hash.update(password);
        hash.finalize().into()
    }
}

/// The name and the password that a header says (RFC 7617).
fn said(header: &HeaderValue) -> Option<(String, Vec<u8>)> {
    let text = header.to_str().ok().filter(|text| text.len() <= MAX_HEADER)?;
    let (scheme, coded) = text.split_once(' ')?;
    let is_basic = scheme.eq_ignore_ascii_case("basic");
    let both = STANDARD.decode(coded.trim()).ok().filter(|_| is_basic)?;
    let at = both.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(both[..at].to_vec()).ok()?;
    Some((user, both[at + 1..].to_vec()))
}

fn bad(what: String) -> Error {
    Error::new(Class::Usage, what).hint("make such a file with `htpasswd -B -c FILE NAME`")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `secret`, made by `htpasswd -nbB -C 5 ann secret`.
    const HASH: &str = "$2y$05$MuTpXFYVmuXJDYURTDP0A.HjTpyst0q3K8uK690NfAWWho02uOhUC";

    fn header(user: &str, password: &str) -> HeaderValue {
        let coded = STANDARD.encode(format!("{user}:{password}"));
        HeaderValue::from_str(&format!("Basic {coded}")).unwrap()
    }

    fn asked(passwords: &Arc<Passwords>, header: Option<&HeaderValue>) -> Option<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(passwords.user(header))
    }

    #[test]
    fn a_user_is_known_by_the_right_password_alone() {
        let file = format!("# users\n\nann:{HASH}\n");
        let passwords = Arc::new(Passwords::parse(&file).unwrap());
        let asks = |header: &HeaderValue| asked(&passwords, Some(header));

        for _ in 0..2 {
            assert_eq!(asks(&header("ann", "secret")).as_deref(), Some("ann"));
            assert_eq!(asks(&header("ann", "Secret")), None);
            assert_eq!(asks(&header("bob", "secret")), None, "whose hash is that for nobody");
            assert_eq!(asks(&header("ann", "")), None);
            assert_eq!(asks(&header("ann", "secret\0")), None);
        }
        assert_eq!(lock(&passwords.right).len(), 1, "what is wrong is not remembered");
        assert_eq!(asked(&passwords, None), None);
        for text in ["Basic", "Basic !", "Bearer abc", "Basic YW5u", "basic"] {
            assert_eq!(asks(&HeaderValue::from_static(text)), None, "{text}");
        }
    }

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
            let error = Passwords::parse(text).unwrap_err();
            assert_eq!(error.class(), Class::Usage);
            assert!(error.to_string().contains(why), "{error}, not {why}");
        }
    }
}
