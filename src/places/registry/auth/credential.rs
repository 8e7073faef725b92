//! [`Credential`]: how to show a registry who one is.

use std::fmt;

use zeroize::Zeroizing;

/// How to show who one is. Never shown itself.
#[derive(Clone)]
pub(crate) enum Credential {
    /// User name and password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: Zeroizing<String>,
    },
    /// A refresh token that stands for the user.
    Identity(Zeroizing<String>),
    /// A bearer token for the registry itself, got in another way.
    Bearer(Zeroizing<String>),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credential::Password { .. } => "Password(..)",
            Credential::Identity(_) => "Identity(..)",
            Credential::Bearer(_) => "Bearer(..)",
        })
    }
}

impl Credential {
    /// The pair as every tool stores it: the user `<token>` marks an identity token.
    pub(crate) fn pair(user: &str, password: &str) -> Credential {
        let password = Zeroizing::new(password.to_owned());
        match user {
            "<token>" => Credential::Identity(password),
            _ => Credential::Password { user: user.to_owned(), password },
        }
    }
}
