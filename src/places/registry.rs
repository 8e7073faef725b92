//! [`Client`]: registries that speak the OCI distribution protocol.
//!
//! A [`Client`] is shared by all threads of a run: connections, tokens and what was learnt about
//! each host belong to it. [`Client::repository`] gives one repository as one end of a transfer,
//! which implements all four traits of `storage`.
//!
//! Three promises hold for every request. Credentials go to the registry's own scheme, host and
//! port, and to a token server that the registry may name, nowhere else. What comes back is never
//! read into memory without a limit. A failure names the end, the thing, and the way out.
//!
//! Whoever reads a file here needs those below it alone; imports point downwards:
//!
//! ```text
//! login, search                                       what is asked of a registry as a whole
//! client                                              whence repositories are had
//! repository ─ alternatives                           one end of a transfer
//! blobs, manifests, referrers ─ listed, page, trail,  what is asked
//! sparse, harbor
//! upload ─ pieces                                     what is sent
//! call                                                redirects and retries
//! auth ─ challenge, realm, authorization; leading     who asks, and how far it may lead
//! session; meter                                      one request of one repository
//! shared ─ mirrors, journal, credentials ─ helper,    what all requests have in common
//!          token ─ granted
//! host ─ tagged ─ tag_list, sending, pull_limit, scheme   what was learnt of one registry
//! fault, wire ─ codes                                 what went wrong
//! http ─ tls, settings, proxy, answer, steady         how a request travels
//! access, url ─ reach                                 where to, and how far
//! ```

mod access;
mod alternatives;
mod answer;
mod auth;
mod authorization;
mod blobs;
mod call;
mod challenge;
mod client;
mod codes;
mod credential;
mod credentials;
mod fault;
mod granted;
mod harbor;
mod helper;
mod host;
mod http;
mod journal;
mod leading;
mod listed;
mod login;
mod manifests;
mod meter;
mod mirrors;
mod page;
mod pieces;
mod proxy;
mod pull_limit;

mod reach;
mod realm;
mod referrers;
mod repository;
mod scheme;
mod search;
mod sending;
mod session;
mod settings;
mod shared;
mod sparse;
mod splice;
mod steady;
mod store;
mod tag_list;
mod tagged;
#[cfg(test)]
mod tests;
mod tls;
mod token;
mod trail;
mod upload;
mod url;
mod wire;

pub use self::client::Client;
pub use self::harbor::{Barrier, Findings, Project, Quota, Standing};
pub use self::login::{LoginVerdict, check_login};
pub use self::mirrors::files::MirrorFiles;
pub use self::proxy::Proxies;
pub use self::pull_limit::PullLimit;
pub use self::repository::RegistryRepository;
pub use self::search::{FoundRepository, Hits, SearchBy};
pub use self::settings::Settings;
pub use self::store::{CredentialFile, KeptIn};
