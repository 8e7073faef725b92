//! What Harbor keeps and what it lets go: policies on pulling, its collection of garbage, and what
//! counts against a quota.

use serde_json::Value;

use crate::harbor::{import, with_group};
use crate::round_trip::assert_arrived;
use crate::support::harbor::{Harbor, Policy, Role};
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::shared::Shared;

/// Digests of what is in a repository.
fn held(harbor: &Harbor, repository: &str) -> Vec<String> {
    harbor.artifacts(repository).into_iter().map(|(digest, _)| digest).collect()
}

#[test]
fn what_a_policy_keeps_from_being_pulled_is_pushed_all_the_same() {
    need!("docker-registry", "busybox");
    for policy in [Policy::Scanned, Policy::Signed] {
        let (harbor, dev) = with_group(Role::Developer);
        harbor.policy("group", Some(policy));
        let robot = harbor.robot("group", "secret");
        let robot = harbor.authfile(&robot, "secret");
        let sealift = Sealift::new();

        let first = import(&sealift, &harbor, &robot, &[]).ok();
        first.says("scanned or signed");
        let writes = harbor.writes().len();
        for auth in [&robot, &dev] {
            import(&sealift, &harbor, auth, &[]).ok();
        }
        assert_eq!(harbor.writes().len(), writes, "{:?}", &harbor.writes()[writes..]);

        harbor.policy("group", None);
        for image in ["library/hello", "acme/multi"] {
            let image = Shared::get().image(image);
            assert_arrived(image, harbor.registry(), &format!("group/{}", image.repository));
        }
    }
}

#[test]
fn a_signed_image_can_be_read_back_where_signatures_are_wanted() {
    need!("docker-registry", "busybox");
    let (harbor, auth) = with_group(Role::Developer);
    harbor.policy("group", Some(Policy::Signed));

    let done = import(&Sealift::new(), &harbor, &auth, &[]).ok();

    assert!(!done.stderr.contains("group/acme/signed:1.0"), "{}", done.stderr);
}

#[test]
fn a_tag_that_may_not_be_read_is_not_overwritten() {
    need!("docker-registry", "busybox");
    let (harbor, dev) = with_group(Role::Developer);
    let robot = harbor.robot("group", "secret");
    let robot = harbor.authfile(&robot, "secret");
    let sealift = Sealift::new();
    // Another image stands under a tag of the bundle's.
    push(&harbor, Shared::get().image("acme/twice"), "acme/zstd");
    harbor.policy("group", Some(Policy::Scanned));
    let writes = harbor.writes().len();

    for auth in [&dev, &robot] {
        import(&sealift, &harbor, auth, &[]).exits(code::REFUSED).says("acme/zstd:1.0 is");
    }

    assert_eq!(harbor.writes().len(), writes);
}

/// Pushes `image` through the Harbor as `1.0` of another repository of `group`.
fn push(harbor: &Harbor, image: &crate::support::images::Image, repository: &str) {
    let sealift = Sealift::new();
    let (admin, password) = Harbor::ADMIN;
    let auth = harbor.authfile(admin, password);
    let shared = Shared::get();
    let outside = crate::support::registry::Registry::over(&shared.storage);
    let keys = sealift.keys("other");
    let name = format!("{}/{}", outside.host(), image.path());
    run!(sealift, "export", name, "-o", "b", "--sign-key", keys.private).ok();
    let mut import = sealift.command();
    import.args(["import", "b", "--map", &format!("*={repository}:1.0"), "--key"]);
    import.arg(&keys.public).arg("--authfile").arg(auth);
    ran(import.args(["--to", &format!("docker://{}/group", harbor.host())])).ok();
}

#[test]
fn a_collection_of_garbage_takes_nothing_that_was_brought() {
    need!("docker-registry", "busybox");
    let (harbor, auth) = with_group(Role::Developer);
    import(&Sealift::new(), &harbor, &auth, &[]).ok();
    let before = held(&harbor, "group/acme/signed");

    harbor.collect_garbage();

    assert_eq!(held(&harbor, "group/acme/signed"), before);
    let image = Shared::get().image("acme/signed");
    let kept = image.documents.iter().filter(|document| before.contains(&document.digest));
    // The image, its SBOM and its signature; the list of referrers is Harbor's own.
    assert_eq!(kept.count(), 3);
}

#[test]
fn an_image_beside_a_tag_that_stays_can_have_one_of_its_own() {
    need!("docker-registry", "busybox");
    let (harbor, auth) = with_group(Role::Developer);
    let image = Shared::get().image("acme/zstd");
    push(&harbor, Shared::get().image("acme/twice"), "acme/zstd");
    let sealift = Sealift::new();
    let lost = |how: &str| -> (Ran, bool) {
        let done = import(&sealift, &harbor, &auth, &["--on-existing", how]).ok();
        harbor.collect_garbage();
        (done, !held(&harbor, "group/acme/zstd").contains(&image.digest().to_owned()))
    };

    let (_, gone) = lost("keep-digest");
    assert!(gone);
    let mut plan = sealift.command();
    let shared = Shared::get();
    plan.arg("import").arg(&shared.tar).arg("--key").arg(&shared.keys.public).arg("--authfile");
    plan.arg(&auth).args(["--on-existing", "keep-digest", "--dry-run", "--to"]);
    ran(plan.arg(format!("docker://{}/group", harbor.host()))).ok().says("without a tag: 1");

    let (done, gone) = lost("digest-tag");
    assert!(!gone);
    let tag = image.digest().replace("sha256:", "digest-");
    done.says(&format!("group/acme/zstd:{tag}"));
    let writes = harbor.writes().len();
    lost("digest-tag");
    assert_eq!(harbor.writes().len(), writes);
}

#[test]
fn blobs_that_are_there_and_belong_to_nothing_count_again() {
    need!("docker-registry", "busybox");
    let (harbor, auth) = with_group(Role::Developer);
    let sealift = Sealift::new();
    import(&sealift, &harbor, &auth, &[]).ok();
    let used = harbor.look("group").unwrap().used;
    harbor.remove_repository("group/library/hello");
    let freed = used - harbor.look("group").unwrap().used;
    assert!(freed > 0);

    let plan = import(&sealift, &harbor, &auth, &["--dry-run"]).ok();
    assert!(plan.number("/projects/0/adds") as i64 >= freed);
    harbor.leave_room("group", freed - 1);
    for more in [&["--dry-run"][..], &[]] {
        import(&sealift, &harbor, &auth, more).exits(code::NO_ROOM);
    }
    harbor.leave_room("group", freed + 1_000_000);
    import(&sealift, &harbor, &auth, &[]).ok();
    assert_eq!(harbor.look("group").unwrap().used, used);
}

#[test]
fn a_full_quota_is_told_as_such_though_a_proxy_answers_for_harbor() {
    need!("docker-registry", "busybox");
    let (harbor, auth) = with_group(Role::Developer);
    harbor.leave_room("group", 3000);
    harbor.hasty(true);

    let full = import(&Sealift::new(), &harbor, &auth, &["--ignore-quota"]).exits(code::NO_ROOM);

    let full = full.says("of the quota of project group are left");
    assert_eq!(full.json()["error"]["kind"], "no-space", "{}", full.stdout);
}

/// `inspect` of what an export of `name` from the Harbor makes.
fn inspected(harbor: &Harbor, auth: &std::path::Path, name: &str) -> Value {
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    let mut export = sealift.command();
    export.args(["export", &format!("{}/{name}", harbor.host()), "-o", "b", "--authfile"]);
    ran(export.arg(auth).arg("--sign-key").arg(&keys.private)).ok();
    run!(sealift, "inspect", "b", "--key", keys.public, "--format", "json").ok().json()
}

/// The digests of the referrers that `inspect` shows.
fn shown(report: &Value) -> Vec<String> {
    let referrers = report["referrers"].as_array().unwrap();
    referrers.iter().map(|referrer| referrer["digest"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_signature_of_cosigns_is_listed_once() {
    need!("docker-registry", "busybox");
    let (harbor, auth) = with_group(Role::Developer);
    import(&Sealift::new(), &harbor, &auth, &[]).ok();

    let listed = shown(&inspected(&harbor, &auth, "group/acme/signed:1.0"));

    let mut once = listed.clone();
    once.sort();
    once.dedup();
    assert_eq!((once.len(), listed.len()), (2, 2), "{listed:?}");
}

#[test]
fn a_project_that_caches_another_registry_gives_what_the_fallback_tag_lists() {
    need!("docker-registry", "busybox");
    let (harbor, auth) = with_group(Role::Developer);
    harbor.cache("group");
    // Pulled through: the database knows nothing of it.
    let mut cached = Shared::get().image("acme/signed").clone();
    cached.repository = "group/acme/signed".to_owned();
    cached.push(harbor.registry());

    let listed = shown(&inspected(&harbor, &auth, "group/acme/signed:1.0"));

    let sbom = cached.documents.iter().find(|document| {
        let text = String::from_utf8_lossy(&document.bytes);
        text.contains("spdx") && text.contains("\"subject\"")
    });
    assert!(listed.contains(&sbom.unwrap().digest), "{listed:?}");
}
