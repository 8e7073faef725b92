//! What sealift does: each verb is a page of numbered steps over the layers below.

pub mod admission;
mod described;
pub mod diff;
pub mod evidence;
pub mod export;
pub mod fanout;
pub mod freshness;
pub mod import;
pub mod inspect;
pub mod inventory;
pub mod ledger;
pub mod list;
pub mod lock;
pub mod login;
mod making;
pub mod mirror_config;
mod numbered;
pub mod pack;
mod paths;
pub mod policy;
pub mod proof;
mod prospect;
pub mod protect;
pub mod prune;
pub mod receipt;
pub mod receive;
pub mod recording;
pub mod repair;
#[cfg(feature = "report")]
pub mod report;
pub mod resolve;
pub mod roots;
pub mod search;
pub mod sequel;
#[cfg(feature = "serve")]
pub mod serve;
pub mod sign;
pub mod squash;
pub mod tags;
pub mod verify;
