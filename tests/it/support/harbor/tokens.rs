//! Bearer tokens: opaque words that the double itself remembers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What a token allows, by repository.
pub type Access = Vec<(String, Vec<&'static str>)>;

struct Token {
    access: Access,
    until: Instant,
    uses: usize,
}

/// All tokens given.
pub struct Tokens {
    life: Duration,
    uses: AtomicUsize,
    given: Mutex<BTreeMap<String, Token>>,
}

impl Tokens {
    /// Tokens that end after `life`.
    pub fn lasting(life: Duration) -> Tokens {
        Tokens { life, uses: AtomicUsize::new(usize::MAX), given: Mutex::default() }
    }

    /// Ends each token that is given from now on after so many uses.
    pub fn last(&self, uses: usize) {
        self.uses.store(uses, Ordering::SeqCst);
    }

    /// How many were given.
    pub fn given(&self) -> usize {
        self.given.lock().unwrap().len()
    }

    /// A new token.
    pub fn give(&self, access: Access) -> String {
        let mut given = self.given.lock().unwrap();
        let name = format!("opaque-{}", given.len());
        let (until, uses) = (Instant::now() + self.life, self.uses.load(Ordering::SeqCst));
        given.insert(name.clone(), Token { access, until, uses });
        name
    }

    /// What a token allows, counted as one use; nothing when it has ended.
    pub fn take(&self, name: &str) -> Option<Access> {
        let mut given = self.given.lock().unwrap();
        let token = given.get_mut(name)?;
        if token.uses == 0 || Instant::now() >= token.until {
            return None;
        }
        token.uses -= 1;
        Some(token.access.clone())
    }
}
