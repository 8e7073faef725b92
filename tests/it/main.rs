//! The one integration crate: every module states claims about the product as a user meets it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs,
    missing_debug_implementations
)]

#[macro_use]
mod support;

mod agents_in;
mod archives_in;
mod archives_out;
mod charts;
mod cli;
mod clients;
mod components;
mod conformance;
mod cosign;
mod crossing;
mod damage;
mod deltas;
mod diff;
mod distribution;
mod each_call;
mod encrypted;
mod encrypted_everywhere;
mod encrypted_out;
mod encrypted_volumes;
mod engines_faults;
mod engines_in;
mod engines_out;
mod engines_remote;
mod engines_room;
mod every_month;
mod evidence;
mod examples;
mod existing;
mod exit_codes;
mod fanout;
mod fanout_condor;
mod fanout_kubernetes;
mod fanout_served;
mod fanout_slurm;
mod faults;
mod formats;
mod freshness;
mod from_docker_save;
mod harbor;
mod harbor_keeping;
mod harbor_robots;
mod harbor_variants;
mod hostile;
mod image_signatures;
mod import_receipts;
mod json;
mod keep_going;
mod keep_going_parts;
mod killed;
mod later;
mod leaks;
mod ledger;
mod limits;
mod list;
mod list_asked;
mod lists;
mod lists_page;
mod lock;
mod login;
mod looking;
mod manners;
mod many;
mod mapping;
mod media;
mod memory;
mod mirror_config;
mod mirrors;
mod months;
mod movement;
mod newcomer;
mod no_registry;
mod one_drive_in;
mod one_drive_out;
mod only_intact;
mod openssl;
mod outlook;
mod over_http;
mod pack;
mod policy;
mod proof;
mod protect;
mod prune;
mod reach;
mod receipts;
mod receive;
mod receive_rounds;
mod referrers;
mod refusal;
mod repair;
mod repair_hostile;
mod repair_media;
mod repair_rounds;
mod report;
mod reproducible;
mod requests;
mod resumed_media;
mod reuse;
mod round_trip;
mod scan;
mod sealing;
mod selection;
mod serve_endures;
mod serve_many;
mod served;
mod served_changes;
mod served_files;
mod shards;
mod sign;
mod signed_volumes;
mod squash;
mod stored;
mod streams;
mod terminal;
mod to_oci;
mod tokens;
mod tokens_elsewhere;
mod told;
mod tried;
mod trust;
mod trust_attacks;
mod trust_page;
mod unreadable;
mod volumes;
mod without_sealift;
mod words;
mod zot;
