//! Harbor: `docs/harbor.md` means what it says, and what is in the way of a push is said before a
//! byte moves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::round_trip::assert_arrived;
use crate::support::content::Layer;
use crate::support::harbor::{Harbor, Role};
use crate::support::images::Image;
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::shared::Shared;
use crate::support::{Random, command};

/// The `sh` blocks of the page by name.
fn blocks() -> BTreeMap<String, String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/harbor.md");
    let page = std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
    let mut blocks: BTreeMap<String, String> = BTreeMap::new();
    let mut inside: Option<String> = None;
    for line in page.lines() {
        match (line.strip_prefix("```sh "), &inside) {
            (Some(name), _) => inside = Some(name.to_owned()),
            (None, Some(_)) if line == "```" => inside = None,
            (None, Some(name)) => *blocks.entry(name.clone()).or_default() += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

/// Someone who follows the page: a folder, a home, Docker Hub outside and a Harbor inside.
struct Reader {
    sealift: Sealift,
    hub: Registry,
    harbor: Harbor,
    blocks: BTreeMap<String, String>,
}

impl Reader {
    fn new() -> Reader {
        let sealift = Sealift::new();
        sealift.keys("transfer");
        std::fs::write(sealift.at("password.txt"), "the password").unwrap();
        std::fs::write(sealift.at("secret.txt"), "the secret").unwrap();
        let storage = "[storage]\ndriver = \"vfs\"\n";
        let at = |name: &str| sealift.at(name).display().to_string();
        let roots = format!("graphroot = \"{}\"\nrunroot = \"{}\"\n", at("graph"), at("runroot"));
        std::fs::write(sealift.at("storage.conf"), format!("{storage}{roots}")).unwrap();
        let harbor = Harbor::start();
        harbor.account("abc123", "the password", &[]);
        Reader { sealift, hub: Registry::empty(), harbor, blocks: blocks() }
    }

    /// Pushes an `alpine:3.20` of so many bytes to Docker Hub.
    fn publish(&self, seed: u64, bytes: usize) -> Image {
        let content = Random::new(seed).bytes(bytes);
        let layer = crate::support::content::tar(&[("data", &content, 0o644)]);
        let image =
            Image::single("library/alpine", "3.20", r#"["/bin/true"]"#, &[Layer::gzip(&layer)]);
        image.push(&self.hub);
        image
    }

    /// Runs a block of the page, with the hosts that stand for the real ones.
    fn follow(&self, block: &str) -> Ran {
        let text = self.blocks.get(block).unwrap_or_else(|| panic!("no block {block}"));
        // The real one speaks TLS.
        let plain = format!("sealift import --plain-http {}", self.harbor.host());
        let text = text
            .replace("sealift import", &plain)
            .replace("erisxdl.partners.org", &self.harbor.host())
            .replace("docker.io/library", &format!("{}/library", self.hub.host()));
        let file = self.sealift.at("block.sh");
        std::fs::write(&file, text).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_sealift")).parent().unwrap().to_owned();
        let mut path = program.into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let (own, mut shell) = (self.sealift.command(), command("sh"));
        let variables = own.get_envs().filter_map(|(name, value)| Some((name, value?)));
        shell.env_clear().envs(variables).env("PATH", path);
        shell.env("CONTAINERS_REGISTRIES_CONF", self.harbor.registries_conf());
        shell.env("CONTAINERS_STORAGE_CONF", self.sealift.at("storage.conf"));
        shell.current_dir(self.sealift.at("")).stdin(Stdio::null());
        ran(shell.arg("-eu").arg(file))
    }
}

#[test]
fn the_page_leads_an_image_from_docker_hub_to_podman_on_a_login_node() {
    need!("docker-registry", "podman");
    let reader = Reader::new();
    let harbor = &reader.harbor;
    harbor.everyone_creates(50_000_000_000);
    let all: Vec<&str> = reader.blocks.keys().map(String::as_str).collect();
    // Those that are not followed here have tests of their own below.
    assert_eq!(all, ["administrator", "export", "import", "login", "plan", "robot", "use"]);
    let first = reader.publish(1, 100_000);
    reader.follow("export").ok();
    reader.follow("login").ok();
    let project = format!("{}/mygroup", harbor.host());

    // The project is missing: said with the way out, and nothing changes.
    let missing = reader.follow("plan").exits(code::REFUSED);
    missing.says(&format!("project {project} does not exist")).says("--create-projects");
    assert!(harbor.writes().is_empty(), "{:?}", harbor.writes());

    // Made, pushed, and found by podman.
    reader.follow("import").ok().says(&format!("made project {project}")).says("new");
    let made = harbor.look("mygroup").unwrap();
    assert!(!made.public);
    assert_eq!(made.limit, 50_000_000_000);
    let arrived = harbor.registry().document("mygroup/alpine", "demo-copy");
    assert!(arrived.as_ref() == Some(&first.root().bytes));
    reader.follow("use").ok();
    let planned = reader.follow("plan").ok();
    planned.says(&format!("project {project} exists, private")).says("unchanged");

    // An unchanged tag is a success, immutable or not.
    harbor.immutable("mygroup", "**", "**");
    let before = harbor.writes().len();
    reader.follow("import").ok().says("unchanged");
    assert_eq!(harbor.writes().len(), before, "{:?}", harbor.writes());

    // A changed one is refused with both digests, before a byte.
    let second = reader.publish(2, 100_000);
    std::fs::remove_file(reader.sealift.at("june.tar")).unwrap();
    reader.follow("export").ok();
    for block in ["plan", "import"] {
        let refused = reader.follow(block).exits(code::REFUSED).says("immutable");
        refused.says(first.digest()).says(second.digest());
    }
    assert_eq!(harbor.writes().len(), before);

    // And so is what the quota has no room for, with the numbers.
    harbor.forget_rules("mygroup");
    harbor.leave_room("mygroup", 1000);
    let import = reader.blocks["import"].replace("demo-copy", "another");
    let mut reader = reader;
    reader.blocks.insert("import".to_owned(), import);
    let full = reader.follow("import").exits(code::NO_ROOM).says("left:    1000 bytes");
    full.says("has no room").says("lacking: ").says("--ignore-quota");
    assert_eq!(reader.harbor.writes().len(), before, "{:?}", reader.harbor.writes());
}

#[test]
fn a_robot_account_pushes_as_the_page_says() {
    need!("docker-registry", "podman");
    let reader = Reader::new();
    let robot = "robot$mygroup+carrier";
    reader.harbor.project("mygroup", -1);
    reader.harbor.account(robot, "the secret", &[("mygroup", Role::Developer)]);
    let image = reader.publish(3, 1000);
    reader.follow("export").ok();

    reader.follow("robot").ok();
    reader.follow("import").ok();

    let arrived = reader.harbor.registry().document("mygroup/alpine", "demo-copy");
    assert!(arrived.as_ref() == Some(&image.root().bytes));
}

#[test]
fn an_administrator_chooses_the_quota_of_a_new_project() {
    need!("docker-registry");
    let reader = Reader::new();
    reader.publish(4, 1000);
    reader.follow("export").ok();
    let (name, password) = Harbor::ADMIN;
    let auth = reader.harbor.authfile(name, password);
    std::fs::copy(auth, reader.sealift.at("administrator.json")).unwrap();

    reader.follow("administrator").ok();

    let made = reader.harbor.look("mygroup").unwrap();
    assert_eq!((made.public, made.limit), (false, 50_000_000_000));
    let posted = reader.harbor.writes();
    assert!(posted[0].path == "/api/v2.0/projects" && posted[0].status == 201, "{posted:?}");
}

#[test]
fn what_is_wished_for_new_projects_and_not_done_to_one_that_is_there_is_said() {
    need!("docker-registry");
    let sealift = Sealift::new();
    let (harbor, auth) = with_group(Role::Maintainer);
    let wishes = ["--create-projects", "--storage-quota", "50GB", "--public"];

    for more in [&["--dry-run"][..], &[]] {
        let ran = import(&sealift, &harbor, &auth, &[&wishes[..], more].concat()).ok();
        ran.says("/group is there already and stays without a quota: --storage-quota is for")
            .says("/group is there already and stays private: --public is for");
    }
    let again = import(&sealift, &harbor, &auth, &wishes[..1]).ok();
    assert!(!again.stderr.contains("is there already"), "{}", again.stderr);
}

/// The shared bundle into `group` at `harbor`, with more arguments.
pub fn import(sealift: &Sealift, harbor: &Harbor, auth: &Path, more: &[&str]) -> Ran {
    let to = format!("docker://{}/group", harbor.host());
    import_to(sealift, &to, auth, more)
}

/// The same to any place.
pub fn import_to(sealift: &Sealift, to: &str, auth: &Path, more: &[&str]) -> Ran {
    let shared = Shared::get();
    let mut import = sealift.command();
    import.arg("import").arg(&shared.tar).arg("--key").arg(&shared.keys.public);
    import.arg("--authfile").arg(auth).args(["--format", "json", "--to", to]).args(more);
    ran(&mut import)
}

/// A Harbor with the project `group` and someone who has `role` there.
pub fn with_group(role: Role) -> (Harbor, PathBuf) {
    let harbor = Harbor::start();
    harbor.project("group", -1);
    harbor.account("dev", "pass word:x", &[("group", role)]);
    let auth = harbor.authfile("dev", "pass word:x");
    (harbor, auth)
}

/// Whether `tag` is that of a list of referrers.
fn is_list(tag: &str) -> bool {
    tag.starts_with("sha256-") && tag.len() == "sha256-".len() + 64
}

#[test]
fn tokens_that_end_in_the_middle_of_a_push_are_renewed() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let (harbor, auth) = with_group(Role::Developer);
    harbor.tokens_last(7);

    // A token for seven requests, and as many as that at a time: others use it up meanwhile.
    import(&Sealift::new(), &harbor, &auth, &["--jobs", "6"]).ok();

    for image in &shared.images {
        let mut image = image.clone();
        // Harbor lists referrers itself, so that the lists under fallback tags stay behind.
        let lists: Vec<String> =
            image.tags.extract_if(.., |tag, _| is_list(tag)).map(|(_, digest)| digest).collect();
        image.documents.retain(|document| !lists.contains(&document.digest));
        assert_arrived(&image, harbor.registry(), &format!("group/{}", image.repository));
    }
    assert!(harbor.tokens_given() > 10, "{}", harbor.tokens_given());
    let refused = harbor.requests().iter().filter(|request| request.status == 401).count();
    assert!(refused > 10, "{refused}");
}

#[test]
fn referrers_are_listed_by_harbor_itself_and_need_no_fallback_tag() {
    need!("docker-registry", "busybox");
    let (harbor, auth) = with_group(Role::Developer);

    import(&Sealift::new(), &harbor, &auth, &[]).ok();

    let named = |path: &str| path.rsplit('/').next().is_some_and(is_list);
    assert!(!harbor.writes().iter().any(|request| named(&request.path)));
    assert!(harbor.referrers() > 0);
}

#[test]
fn whoever_may_not_push_is_told_so_before_anything_is_sent() {
    need!("docker-registry", "busybox");
    let (harbor, auth) = with_group(Role::Guest);
    let sealift = Sealift::new();

    import(&sealift, &harbor, &auth, &[]).exits(code::REFUSED).says("may not push to project");
    let plan = import(&sealift, &harbor, &auth, &["--dry-run"]).exits(code::REFUSED).json();
    assert_eq!(plan["projects"][0]["mayPush"], false);
    assert_eq!(plan["obstacles"][0]["class"], "refused");

    harbor.account("stranger", "x", &[]);
    let stranger = harbor.authfile("stranger", "x");
    import(&sealift, &harbor, &stranger, &[]).exits(code::REFUSED).says("may not be seen");
    harbor.read_only(true);
    import(&sealift, &harbor, &auth, &[]).exits(code::REFUSED).says("read-only");
    assert!(harbor.writes().is_empty(), "{:?}", harbor.writes());
}

#[test]
fn whoever_may_not_make_a_project_is_told_so_before_anything_is_sent() {
    need!("docker-registry", "busybox");
    let (harbor, _) = with_group(Role::Developer);
    harbor.account("other", "x", &[]);
    let auth = harbor.authfile("other", "x");
    let to = format!("docker://{}/new", harbor.host());
    let sealift = Sealift::new();

    for more in [&["--create-projects"][..], &["--create-projects", "--dry-run"]] {
        let refused = import_to(&sealift, &to, &auth, more).exits(code::REFUSED);
        refused.says("only administrators may make projects").says("ask an administrator");
    }
    assert!(harbor.writes().is_empty(), "{:?}", harbor.writes());
}

#[test]
fn a_quota_that_runs_out_in_the_middle_is_said_with_its_own_code() {
    need!("docker-registry", "busybox");
    let (harbor, auth) = with_group(Role::Developer);
    harbor.leave_room("group", 300_000);

    let refused = import(&Sealift::new(), &harbor, &auth, &["--ignore-quota"]).exits(code::NO_ROOM);

    let refused = refused.says("no room").says("quota is used up");
    assert_eq!(refused.json()["error"]["kind"], "no-space", "{}", refused.stdout);
    assert!(harbor.look("group").unwrap().used <= 300_000);
}

#[test]
fn what_a_plan_says_to_add_is_what_harbor_counts() {
    need!("docker-registry", "busybox");
    let (harbor, auth) = with_group(Role::Developer);
    let sealift = Sealift::new();
    harbor.leave_room("group", 1 << 40);

    let adds = import(&sealift, &harbor, &auth, &["--dry-run"]).ok().number("/projects/0/adds");
    import(&sealift, &harbor, &auth, &[]).ok();

    assert_eq!(harbor.look("group").unwrap().used as u64, adds);
    let again = import(&sealift, &harbor, &auth, &["--dry-run"]).ok();
    assert_eq!(again.number("/projects/0/adds"), 0);
}

/// A bundle `b` of `acme/multi` with one of its two platforms.
fn half(sealift: &Sealift) {
    let shared = Shared::get();
    let outside = Registry::over(&shared.storage);
    let mut export = sealift.command();
    export.arg("export").arg(format!("{}/acme/multi:1.0", outside.host())).args(["-o", "b"]);
    export.arg("--sign-key").arg(&shared.keys.private).args(["--platform", "linux/amd64"]);
    ran(&mut export).ok();
}

fn import_half(sealift: &Sealift, to: &str, auth: Option<&Path>, more: &[&str]) -> Ran {
    let mut import = sealift.command();
    import.args(["import", "b", "--format", "json", "--to", to]).args(more);
    import.arg("--key").arg(&Shared::get().keys.public);
    import.args(auth.map(|_| "--authfile")).args(auth);
    ran(&mut import)
}

#[test]
fn harbor_is_known_to_take_no_sparse_index_and_gets_a_smaller_one_on_request() {
    need!("docker-registry", "busybox");
    let (harbor, auth) = with_group(Role::Developer);
    let sealift = Sealift::new();
    half(&sealift);
    let to = format!("docker://{}/group", harbor.host());

    let plan = import_half(&sealift, &to, Some(&auth), &["--dry-run"]).exits(code::REFUSED).json();
    assert_eq!(plan["sparse"][0]["acceptance"], "refused");
    import_half(&sealift, &to, Some(&auth), &[]).exits(code::REFUSED).says("--rewrite-index");
    assert!(harbor.writes().is_empty(), "{:?}", harbor.writes());

    let done = import_half(&sealift, &to, Some(&auth), &["--rewrite-index"]).ok().json();
    let image = &done["images"][0];
    assert_eq!(image["rewrittenFrom"], Shared::get().image("acme/multi").digest());
    let raw = harbor.registry().document("group/acme/multi", "1.0").unwrap();
    let index: Value = serde_json::from_slice(&raw).unwrap();
    assert_eq!(crate::support::content::digest(&raw), image["digest"].as_str().unwrap());
    assert!(index["manifests"].as_array().unwrap().len() < 4);
    // The same once more is nothing to do.
    let before = harbor.writes().len();
    import_half(&sealift, &to, Some(&auth), &["--rewrite-index"]).ok();
    assert_eq!(harbor.writes().len(), before);
}

#[test]
fn other_registries_are_tried_and_nothing_is_left_where_they_refuse() {
    need!("docker-registry", "busybox");
    let (sealift, inside) = (Sealift::new(), Registry::empty());
    half(&sealift);
    let to = format!("docker://{}", inside.host());

    let plan = import_half(&sealift, &to, None, &["--dry-run"]).ok().json();
    assert_eq!(plan["sparse"][0]["acceptance"], "unknown-until-tried");
    assert!(inside.writes().is_empty());

    import_half(&sealift, &to, None, &[]).exits(code::REFUSED).says("--rewrite-index");
    let writes = inside.writes();
    assert!(writes.len() == 1 && writes[0].status >= 400, "{writes:?}");
    import_half(&sealift, &to, None, &["--rewrite-index"]).ok();
}

#[test]
fn a_sparse_index_whose_other_parts_are_there_is_taken() {
    need!("docker-registry", "busybox");
    let (sealift, inside) = (Sealift::new(), Registry::empty());
    let multi = Shared::get().image("acme/multi");
    half(&sealift);
    let mut parts = multi.clone();
    parts.tags.clear();
    let root = multi.digest().to_owned();
    parts.documents.retain(|document| document.digest != root);
    parts.push(&inside);

    import_half(&sealift, &format!("docker://{}", inside.host()), None, &[]).ok();

    assert!(inside.document("acme/multi", "1.0").as_ref() == Some(&multi.root().bytes));
}

#[test]
fn a_registry_that_is_no_harbor_is_not_asked_as_one() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let (sealift, inside) = (Sealift::new(), Registry::empty());
    let to = format!("docker://{}/group", inside.host());

    let key = &shared.keys.public;
    run!(sealift, "import", shared.tar, "--to", to, "--key", key, "--create-projects").ok();

    assert!(inside.requests().iter().all(|request| request.path.starts_with("/v2/")));
}

#[test]
fn a_name_outside_of_any_project_is_refused() {
    need!("docker-registry", "busybox");
    let (harbor, auth) = with_group(Role::Developer);
    let sealift = Sealift::new();
    half(&sealift);
    let to = format!("docker://{}", harbor.host());

    import_half(&sealift, &to, Some(&auth), &["--flatten"]).exits(code::REFUSED).says("PROJECT");

    assert!(harbor.writes().is_empty());
}
