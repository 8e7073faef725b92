//! [`Authorization`]: what a request shows to a registry.

use std::fmt;

use base64::Engine as _;
use zeroize::Zeroizing;

use super::token::{Token, TokenKey};

/// Something to show to a registry, never to people.
#[derive(Clone)]
pub(crate) enum Authorization {
    /// A bearer token, and where it is kept.
    Token(TokenKey, Token),
    /// The whole header.
    Basic(Zeroizing<String>),
    /// The whole header, with a token that cannot be renewed here.
    Given(Zeroizing<String>),
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Authorization::Token(..) => "Token(..)",
            Authorization::Basic(_) => "Basic(..)",
            Authorization::Given(_) => "Given(..)",
        })
    }
}

impl Authorization {
    /// The whole `Authorization` header.
    pub(crate) fn header(&self) -> &str {
        match self {
            Authorization::Token(_, token) => token.header(),
            Authorization::Basic(header) | Authorization::Given(header) => header,
        }
    }

    /// Hears that the registry took it.
    pub(crate) fn set_taken(&self) {
        if let Authorization::Token(_, token) = self {
            token.set_taken();
        }
    }

    /// Whether it is a token that can be renewed.
    pub(crate) fn is_token(&self) -> bool {
        matches!(self, Authorization::Token(..))
    }

    /// Whether it is a token that the registry took once.
    pub(crate) fn was_taken(&self) -> bool {
        matches!(self, Authorization::Token(_, token) if token.was_taken())
    }

    pub(crate) fn basic(user: &str, password: &str) -> Authorization {
        let pair = Zeroizing::new(format!("{user}:{password}"));
        let code = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(&*pair));
        Authorization::Basic(Zeroizing::new(format!("Basic {}", *code)))
    }
}
