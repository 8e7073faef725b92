//! What people run into at a Harbor: each ends with its own exit code and one clear error, before
//! anything is sent where that can be known.

use std::path::PathBuf;

use crate::harbor::{import, import_to, with_group};
use crate::support::harbor::{Harbor, Policy, Role};
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::shared::Shared;

/// A Harbor with the project `group` and a robot that may push to it and pull from it.
fn with_robot() -> (Harbor, PathBuf) {
    let (harbor, _) = with_group(Role::Developer);
    let robot = harbor.robot("group", "secret");
    let auth = harbor.authfile(&robot, "secret");
    (harbor, auth)
}

/// One error, with these words.
fn one_error(refused: Ran, words: &[&str]) {
    println!("{}", refused.stderr);
    assert_eq!(refused.stderr.matches("error:").count(), 1, "{}", refused.stderr);
    for word in words {
        assert!(refused.stderr.contains(word), "{word}: {}", refused.stderr);
    }
}

#[test]
fn a_robot_whose_project_is_missing_is_told_so_by_name() {
    need!("docker-registry", "busybox");
    let (harbor, robot) = with_robot();
    let to = format!("docker://{}/nobody", harbor.host());
    let sealift = Sealift::new();

    for more in [&["--dry-run"][..], &[]] {
        let refused = import_to(&sealift, &to, &robot, more).exits(code::REFUSED);
        one_error(refused, &["/nobody does not exist", "may not make it either"]);
    }
    assert!(harbor.writes().is_empty(), "{:?}", harbor.writes());
}

#[test]
fn a_robot_that_sees_no_quota_is_told_when_it_runs_out() {
    need!("docker-registry", "busybox");
    let (harbor, robot) = with_robot();
    harbor.leave_room("group", 300_000);

    let refused = import(&Sealift::new(), &harbor, &robot, &[]).exits(code::NO_ROOM);

    one_error(refused, &["no room", "configured upper limit", "quota is used up"]);
}

#[test]
fn a_robot_that_sees_no_rules_is_told_of_the_tag_that_may_not_be_moved() {
    need!("docker-registry", "busybox");
    let (harbor, robot) = with_robot();
    let sealift = Sealift::new();
    let moved = ["--map", "*=acme/zstd:1.0", "--only", "*/acme/twice"];
    import(&sealift, &harbor, &robot, &[]).ok();
    harbor.immutable("group", "**", "**");
    let overwrite = [&moved[..], &["--on-existing", "overwrite"]].concat();

    one_error(import(&sealift, &harbor, &robot, &moved).exits(code::REFUSED), &["acme/zstd:1.0"]);
    let refused = import(&sealift, &harbor, &robot, &overwrite).exits(code::REFUSED);
    one_error(refused, &["acme/zstd:1.0", "the tag is immutable", "--on-existing skip"]);
}

#[test]
fn what_a_policy_keeps_back_is_no_source_and_says_why() {
    need!("docker-registry", "busybox");
    let (harbor, robot) = with_robot();
    let sealift = Sealift::new();
    import(&sealift, &harbor, &robot, &[]).ok();
    harbor.policy("group", Some(Policy::Scanned));
    let keys = sealift.keys("signer");
    let mut export = sealift.command();
    export.args(["export", &format!("{}/group/acme/zstd:1.0", harbor.host()), "-o", "b"]);
    export.arg("--sign-key").arg(&keys.private).arg("--authfile").arg(&robot);

    let refused = ran(&mut export).exits(code::REFUSED);

    one_error(refused, &["group/acme/zstd:1.0", "a policy of the project", "scanned or signed"]);
}

#[test]
fn a_robot_that_may_only_pull_and_one_whose_secret_is_old_are_told_apart() {
    need!("docker-registry", "busybox");
    let (harbor, _) = with_group(Role::Developer);
    harbor.account("robot$group+reader", "secret", &[("group", Role::Guest)]);
    let robot = harbor.robot("group", "secret");
    let reader = harbor.authfile("robot$group+reader", "secret");
    let old = harbor.authfile(&robot, "the secret before");
    let sealift = Sealift::new();

    for more in [&["--dry-run"][..], &[]] {
        let refused = import(&sealift, &harbor, &reader, more).exits(code::REFUSED);
        one_error(refused, &["may not push to project", "/group"]);
        let refused = import(&sealift, &harbor, &old, more).exits(code::REFUSED);
        one_error(refused, &["does not take the password of \"robot$group+carrier\"", "expired"]);
    }
    assert!(harbor.writes().is_empty(), "{:?}", harbor.writes());
}

#[test]
fn a_read_only_harbor_and_a_project_that_caches_take_nothing_and_are_named() {
    need!("docker-registry", "busybox");
    let (harbor, robot) = with_robot();
    let dev = harbor.authfile("dev", "pass word:x");
    let sealift = Sealift::new();

    harbor.cache("group");
    for more in [&["--dry-run"][..], &[]] {
        let refused = import(&sealift, &harbor, &dev, more).exits(code::REFUSED);
        one_error(refused, &["/group", "cache"]);
    }
    // The robot sees nothing of the project, and is told by the push.
    let refused = import(&sealift, &harbor, &robot, &[]).exits(code::REFUSED);
    one_error(refused, &["can not push artifact to a proxy project"]);
    harbor.read_only(true);
    for auth in [&dev, &robot] {
        for more in [&["--dry-run"][..], &[]] {
            let refused = import(&sealift, &harbor, auth, more).exits(code::REFUSED);
            one_error(refused, &["read-only"]);
        }
    }
}

#[test]
fn a_repository_may_be_deep() {
    need!("docker-registry", "busybox");
    let (harbor, robot) = with_robot();
    let dev = harbor.authfile("dev", "pass word:x");
    let to = format!("docker://{}/group/a/b/c/d", harbor.host());
    let sealift = Sealift::new();

    import_to(&sealift, &to, &robot, &[]).ok();
    let writes = harbor.writes().len();
    harbor.policy("group", Some(Policy::Scanned));
    for auth in [&dev, &robot] {
        import_to(&sealift, &to, auth, &[]).ok();
    }

    assert_eq!(harbor.writes().len(), writes);
    assert!(!harbor.artifacts("group/a/b/c/d/acme/zstd").is_empty());
    assert_eq!(Shared::get().image("acme/zstd").repository, "acme/zstd");
}
