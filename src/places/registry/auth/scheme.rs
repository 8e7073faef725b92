//! [`Scheme`]: what a registry wants to see of those who ask.

use crate::places::registry::http::url::Url;

/// What Harbor calls itself in its challenges; a constant of its source.
pub(crate) const HARBOR_SERVICE: &str = "harbor-registry";

/// What a registry wants to see of those who ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// A token from this server.
    Bearer {
        /// Its address, checked.
        realm: Url,
        /// The name under which it knows the registry.
        service: Option<String>,
        /// Whether no credentials are shown there, because it is in another domain.
        anonymous: bool,
    },
    /// User name and password.
    Basic,
}
