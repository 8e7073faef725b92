//! [`Client`]: registries that speak the OCI distribution protocol.
//!
//! A [`Client`] is shared by all threads of a run: connections, tokens and what was learnt about
//! each host belong to it. [`Client::repository`] gives one repository as one end of a transfer,
//! which implements the traits of `storage`.
//!
//! Three promises hold for every request. Credentials go to the registry's own scheme, host and
//! port, and to a token server that the registry may name, nowhere else. What comes back is never
//! read into memory without a limit. A failure names the end, the thing, and the way out.
//!
//! Whoever reads a file here needs those below it alone; imports point downwards:
//!
//! ```text
//! login, search ─ catalog                what is asked of a registry as a whole
//! web, web_file                          files of servers that are no registries
//! client                                 whence repositories are had
//! repository ─ mirrors/alternatives      one end of a transfer
//! blobs, manifests, referrers, at_hand,  what is asked, and what need not be; lists in pages;
//! sparse, lists/, harbor/                what Harbor's own API tells
//! push/                                  what is sent, in which form, and gone on with
//! call                                   redirects and retries
//! auth ─ auth/, leading                  who asks, and how far it may be led
//! session, meter                         one request of one repository; how fast bytes go
//! shared ─ mirrors/                      what all requests have in common
//! host ─ pull_limit                      what was learnt of one registry
//! fault ─ fault/                         what went wrong
//! http ─ http/, settings                 how a request travels, where to, and how far
//! ```
//!
//! Of a folder the words come first: a token, a credential (`auth/`), an address (`http/`), the list
//! of tags (`lists/`), how a host takes blobs (`push/`) are known far below whoever uses them.

mod at_hand;
mod auth;
mod blobs;
mod call;
mod catalog;
mod client;
mod fault;
mod harbor;
mod host;
mod http;
mod leading;
mod lists;
mod login;
mod manifests;
mod meter;
mod mirrors;
mod pull_limit;
mod push;
mod referrers;
mod removal;
mod repository;
mod search;
mod session;
mod settings;
mod shared;
mod sparse;
#[cfg(test)]
mod tests;
mod web;
mod web_file;

pub use self::auth::credential_file::{CredentialFile, KeptIn};
pub use self::client::Client;
pub use self::harbor::{Barrier, Findings, Project, Quota, Standing};
pub use self::http::proxy::Proxies;
pub use self::lists::page::TagPages;
pub use self::login::{LoginVerdict, check_login};
pub use self::mirrors::files::MirrorFiles;
pub use self::pull_limit::PullLimit;
pub use self::repository::RegistryRepository;
pub use self::search::{FoundRepository, Hits, SearchBy};
pub use self::settings::Settings;
pub use self::web::WebFolder;
