//! Bearer tokens: in the form of Harbor's, which say what they allow; the double remembers them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;

/// What a token allows, by repository.
pub type Access = Vec<(String, Vec<&'static str>)>;

struct Token {
    access: Access,
    until: Instant,
    uses: usize,
}

/// A JSON Web Token with the claims of Harbor's, signed by nobody.
fn written(access: &Access, number: usize) -> String {
    let each = access
        .iter()
        .map(|(name, actions)| json!({ "type": "repository", "name": name, "actions": actions }));
    let claims = json!({
        "iss": "harbor-token-issuer", "aud": "harbor-registry", "jti": number.to_string(),
        "access": each.collect::<Vec<_>>(),
    });
    let part = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{number}", part(json!({ "alg": "RS256", "typ": "JWT" })), part(claims))
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
        let name = written(&access, given.len());
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
