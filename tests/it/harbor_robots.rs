//! Robots and people at a Harbor: what they may do is what they may do, whatever Harbor shows them
//! of itself, and credentials that are not taken are never passed over.

use crate::harbor::{import, import_to, with_group};
use crate::round_trip::assert_arrived;
use crate::support::harbor::{Harbor, Role};
use crate::support::registry::Registry;
use crate::support::sealift::{Sealift, code, ran};
use crate::support::shared::Shared;

#[test]
fn a_robot_that_may_push_and_pull_imports_into_a_private_project_time_and_again() {
    need!("docker-registry", "busybox");
    let (harbor, _) = with_group(Role::Developer);
    let robot = harbor.robot("group", "secret");
    let auth = harbor.authfile(&robot, "secret");
    let sealift = Sealift::new();

    let plan = import(&sealift, &harbor, &auth, &["--dry-run"]).ok().json();
    assert_eq!(plan["projects"][0]["action"], "present");
    assert_eq!(plan["projects"][0]["mayPush"], true);
    import(&sealift, &harbor, &auth, &[]).ok();
    let image = Shared::get().image("library/hello");
    assert_arrived(image, harbor.registry(), "group/library/hello");

    let (writes, entries) = (harbor.writes().len(), harbor.audit().len());
    import(&sealift, &harbor, &auth, &[]).ok();
    assert_eq!(harbor.writes().len(), writes, "{:?}", &harbor.writes()[writes..]);
    assert_eq!(harbor.audit().len(), entries, "{:?}", &harbor.audit()[entries..]);
}

#[test]
fn no_upload_is_taken_back_by_who_may_not_delete() {
    need!("docker-registry", "busybox");
    let (harbor, _) = with_group(Role::Developer);
    let robot = harbor.robot("group", "secret");
    let auth = harbor.authfile(&robot, "secret");
    harbor.leave_room("group", 300_000);

    // It cannot see the quota, so that the push finds out.
    import(&Sealift::new(), &harbor, &auth, &[]).exits(code::NO_ROOM);

    assert!(!harbor.requests().iter().any(|request| request.method == "DELETE"));
}

#[test]
fn a_system_robot_that_made_the_project_runs_the_same_command_again() {
    need!("docker-registry", "busybox");
    let harbor = Harbor::start();
    let robot = harbor.system_robot("secret", true);
    let auth = harbor.authfile(&robot, "secret");
    let sealift = Sealift::new();

    import(&sealift, &harbor, &auth, &["--create-projects"]).ok().says("made project");
    let writes = harbor.writes().len();
    import(&sealift, &harbor, &auth, &["--create-projects"]).ok();

    assert_eq!(harbor.writes().len(), writes, "{:?}", &harbor.writes()[writes..]);
}

#[test]
fn a_quota_that_would_not_be_given_is_no_success() {
    need!("docker-registry", "busybox");
    let harbor = Harbor::start();
    let robot = harbor.system_robot("secret", true);
    let auth = harbor.authfile(&robot, "secret");
    let more = ["--create-projects", "--storage-quota", "50GB"];

    let refused = import(&Sealift::new(), &harbor, &auth, &more).exits(code::REFUSED);

    refused.says("may not choose its quota").says("--storage-quota");
    assert!(harbor.writes().is_empty(), "{:?}", harbor.writes());
}

#[test]
fn a_dry_run_knows_who_makes_projects_and_what_they_may_be_called() {
    need!("docker-registry", "busybox");
    let (harbor, _) = with_group(Role::Developer);
    let project_robot = harbor.robot("group", "secret");
    let system_robot = harbor.system_robot("secret", false);
    let (admin, password) = Harbor::ADMIN;
    let sealift = Sealift::new();
    let refused = |name: &str, password: &str, project: &str, why: &str| {
        let (auth, to) = (harbor.authfile(name, password), format!("{}/{project}", harbor.host()));
        let to = format!("docker://{to}");
        for more in [&["--create-projects", "--dry-run"][..], &["--create-projects"]] {
            import_to(&sealift, &to, &auth, more).exits(code::REFUSED).says(why);
        }
    };

    refused(&project_robot, "secret", "new", "another project's robot");
    refused(&system_robot, "secret", "new", "only administrators");
    refused(admin, password, "a__b", "no project of that name");
    harbor.everyone_creates(-1);
    refused(&project_robot, "secret", "new", "another project's robot");

    assert!(harbor.writes().is_empty(), "{:?}", harbor.writes());
}

#[test]
fn credentials_that_are_not_taken_are_an_error_by_name() {
    need!("docker-registry", "busybox");
    let (harbor, _) = with_group(Role::Developer);
    harbor.publish("group");
    let robot = harbor.robot("group", "secret");
    let sealift = Sealift::new();
    let not_taken = |password: &str| {
        let auth = harbor.authfile(&robot, password);
        for more in [&["--dry-run"][..], &[]] {
            let refused = import(&sealift, &harbor, &auth, more).exits(code::REFUSED);
            refused.says("does not take the password").says("robot$group+carrier");
        }
    };

    not_taken("wrong");
    harbor.disable(&robot);
    not_taken("secret");

    assert!(harbor.writes().is_empty(), "{:?}", harbor.writes());
}

#[test]
fn a_wrong_password_is_no_way_to_read_as_anybody() {
    need!("docker-registry", "busybox");
    let harbor = Harbor::start();
    let image = Shared::get().image("acme/odd");
    let mut open = image.clone();
    open.repository = "library/odd".to_owned();
    open.push(harbor.registry());
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    let (admin, _) = Harbor::ADMIN;
    let auth = harbor.authfile(admin, "wrong");
    let name = format!("{}/library/odd:1.0", harbor.host());
    let mut export = sealift.command();
    export.args(["export", &name, "-o", "b"]).arg("--sign-key").arg(&keys.private);

    let refused = ran(export.arg("--authfile").arg(auth)).exits(code::REFUSED);

    refused.says("does not take the password of \"admin\"");
}

#[test]
fn a_registry_that_takes_nothing_and_holds_everything_is_a_success() {
    need!("docker-registry", "busybox");
    let (harbor, auth) = with_group(Role::Developer);
    let sealift = Sealift::new();
    import(&sealift, &harbor, &auth, &[]).ok();
    let writes = harbor.writes().len();
    harbor.read_only(true);
    harbor.account("reader", "x", &[("group", Role::Guest)]);
    let reader = harbor.authfile("reader", "x");

    for auth in [&auth, &reader] {
        import(&sealift, &harbor, auth, &["--dry-run"]).ok();
        import(&sealift, &harbor, auth, &[]).ok();
    }

    assert_eq!(harbor.writes().len(), writes);
}

#[test]
fn an_import_with_nothing_to_do_writes_nothing_to_a_plain_registry_either() {
    need!("docker-registry", "busybox");
    let (sealift, inside, shared) = (Sealift::new(), Registry::empty(), Shared::get());
    let to = format!("docker://{}/group", inside.host());
    let again = || {
        let mut import = sealift.command();
        import.arg("import").arg(&shared.tar).arg("--key").arg(&shared.keys.public);
        ran(import.args(["--to", &to])).ok();
    };
    again();
    let writes = inside.writes().len();

    again();

    assert_eq!(inside.writes().len(), writes, "{:?}", &inside.writes()[writes..]);
}
