//! What sealift does: each verb is a page of numbered steps over the layers below.

pub mod diff;
pub mod evidence;
pub mod export;
pub mod freshness;
pub mod import;
pub mod inspect;
pub mod inventory;
pub mod login;
mod making;
mod paths;
pub mod prune;
pub mod search;
#[cfg(feature = "serve")]
pub mod serve;
pub mod squash;
pub mod tags;
pub mod verify;
