//! Prune: what a stream once brought and no kept bundle names goes, as shown, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::content::{Layer, digest};
use crate::support::double::{Double, Reply, no_script};
use crate::support::engines::Podman;
use crate::support::harbor::{Harbor, Role};
use crate::support::images::{self, Image, OCI_INDEX, OCI_MANIFEST};
use crate::support::inside::{Engine, Inside, with_each};
use crate::support::months::{Sender, image, layer_digest};
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, code, ran};

/// Runs `sealift prune PLACE` with what `line` says, which has no quotes.
fn prune(sender: &Sender, place: &str, line: &str) -> Ran {
    let mut command = sender.sealift.command();
    command.args(["prune", place, "--format", "json", "--key"]).arg(&sender.keys.public);
    ran(command.args(line.split_whitespace()))
}

/// What becomes of each name, without the host before it.
fn actions(report: &Value) -> BTreeMap<String, String> {
    let lots = report["repositories"].as_array().unwrap();
    let names = lots.iter().flat_map(|lot| lot["names"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    names
        .map(|name| {
            let full = text(&name["name"]);
            (full.split_once('/').unwrap().1.to_owned(), text(&name["action"]))
        })
        .collect()
}

/// The digests of the documents, or blobs, that go.
fn going(report: &Value, what: &str) -> BTreeSet<String> {
    let lots = report["repositories"].as_array().unwrap();
    let all = lots.iter().flat_map(|lot| lot[what].as_array().unwrap());
    all.map(|it| it["digest"].as_str().unwrap().to_owned()).collect()
}

/// `(name, action)` pairs, to be compared.
fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(name, action)| (name.to_owned(), action.to_owned())).into()
}

/// What is shown and what is done are the same.
#[track_caller]
fn assert_same(shown: &Value, done: &Value) {
    for member in ["repositories", "frees", "keep", "brought", "place"] {
        assert_eq!(shown[member], done[member], "{member}");
    }
    assert_eq!((&shown["removed"], &done["removed"]), (&false.into(), &true.into()));
}

/// Two months in `place`: an application is rebuilt, an image goes, another one comes.
fn two_months(sender: &Sender, place: &str) -> [Image; 4] {
    let june = [
        image("a/app:1.0", &["base", "app 1"]),
        image("a/gone:1", &["base", "gone"]),
        image("a/moved:1", &["moved"]),
        image("a/shared:1", &["shared"]),
    ];
    let july = [image("a/app:1.0", &["base", "app 2"]), image("a/new:1", &["base", "new"])];
    sender.export("june", &june, &[]).ok();
    sender.export("july", &july, &[]).ok();
    sender.import("june", place, &[]).ok();
    sender.import("july", place, &["--on-existing", "overwrite"]).ok();
    june
}

const MONTHS: &str = "--keep july --brought june";

#[test]
fn a_registry_loses_what_is_shown_and_what_another_pushed_stays() {
    need!("docker-registry");
    let (sender, registry) = (Sender::new(), Registry::empty());
    let place = format!("docker://{}", registry.host());
    let [app, gone, moved, shared] = two_months(&sender, &place);
    // Somebody moves one tag, and gives another name to what a second one stands for.
    let theirs = image("a/moved:1", &["theirs"]);
    theirs.push(&registry);
    let root = shared.root();
    registry.put_document("a/shared", "theirs", root.media_type, &root.bytes);
    let before = registry.writes().len();

    let shown = prune(&sender, &place, MONTHS).ok().json();

    let asked: Vec<_> = registry.writes().split_off(before);
    assert!(asked.iter().all(|it| it.method == "DELETE" && it.status >= 400), "{asked:?}");
    assert_eq!(
        actions(&shown),
        pairs([("a/gone:1", "remove"), ("a/moved:1", "moved"), ("a/shared:1", "shared")])
    );
    let old = [&app, &gone, &moved].map(|image| image.digest().to_owned());
    assert_eq!(going(&shown, "documents"), old.clone().into(), "those without a tag, too");
    let bytes: usize = [&app, &gone, &moved]
        .iter()
        .flat_map(|image| {
            let blobs = image.blobs.iter().filter(|(it, _)| **it != layer_digest("base"));
            blobs.map(|(_, bytes)| bytes.len()).chain([image.root().bytes.len()])
        })
        .sum();
    assert_eq!(shown["frees"]["bytes"], bytes, "the base is needed in July");
    let lots = shown["repositories"].as_array().unwrap().iter();
    let each = lots.map(|lot| lot["frees"]["bytes"].as_u64().unwrap());
    assert_eq!(each.sum::<u64>(), bytes as u64, "here no two have anything in common");
    // A plan says what it moves, and what room is known: a registry tells none.
    let room = json!([{"place": place, "needed": 0, "free": null}]);
    let sizes = json!({"download": 0, "carry": 0, "write": 0, "send": 0, "room": room});
    assert_eq!(shown["sizes"], sizes);

    let done = prune(&sender, &place, &format!("{MONTHS} --yes")).ok().json();

    assert_same(&shown, &done);
    assert_eq!(done.get("sizes"), None);
    for (image, digest) in [("a/app", &old[0]), ("a/gone", &old[1]), ("a/moved", &old[2])] {
        assert!(registry.document(image, digest).is_none(), "{image}");
    }
    assert!(registry.document("a/gone", "1").is_none());
    for (repository, tag) in
        [("a/app", "1.0"), ("a/new", "1"), ("a/shared", "1"), ("a/shared", "theirs")]
    {
        assert!(registry.document(repository, tag).is_some(), "{repository}:{tag}");
    }
    assert_eq!(registry.document("a/moved", "1").unwrap(), theirs.root().bytes);
    // Again there is nothing to do, and nothing is asked to go.
    let writes = registry.writes().len();
    let again = prune(&sender, &place, &format!("{MONTHS} --yes")).ok().json();
    assert!(going(&again, "documents").is_empty());
    assert!(!actions(&again).values().any(|action| action == "remove"));
    let asked: Vec<_> = registry.writes().split_off(writes);
    assert!(asked.iter().all(|it| it.status >= 400), "{asked:?}");
    // July arrives once more with nothing to do: it is whole.
    sender.import("july", &place, &[]).ok().says("sent 0 blobs");
}

#[test]
fn a_tag_that_somebody_moved_back_to_what_an_older_bundle_brought_stays() {
    need!("docker-registry");
    let (sender, registry) = (Sender::new(), Registry::empty());
    let place = format!("docker://{}", registry.host());
    let [june, july] = ["june", "july"]
        .map(|month| ["a/back:1", "a/stays:1"].map(|name| image(name, &["base", month, name])));
    let kept = [image("a/new:1", &["base", "new"])];
    let stream = ["--stream", "prod", "--history", "h"];
    sender.export("june", &june, &[&stream[..], &["--new-epoch"]].concat()).ok();
    sender.export("july", &july, &stream).ok();
    sender.export("august", &kept, &stream).ok();
    for month in ["june", "july", "august"] {
        sender.import(month, &place, &["--on-existing", "overwrite"]).ok();
    }
    // An administrator goes back to June's image.
    let root = june[0].root();
    registry.put_document("a/back", "1", root.media_type, &root.bytes);

    for order in ["june july", "july june"] {
        let line = format!("--keep august --brought {order}");
        let shown = prune(&sender, &place, &line).ok().json();
        assert_eq!(actions(&shown), pairs([("a/back:1", "moved"), ("a/stays:1", "remove")]));
        let gone = [june[1].digest(), july[0].digest(), july[1].digest()].map(str::to_owned);
        assert_eq!(going(&shown, "documents"), gone.into(), "{order}");
    }
    let mut command = sender.sealift.command();
    command.args(["prune", &place, "--yes", "--key"]).arg(&sender.keys.public);
    command.args(["--keep", "august", "--brought", "july", "june"]);
    ran(&mut command).ok().says("stays: somebody has moved it since");

    assert_eq!(registry.document("a/back", "1").unwrap(), root.bytes);
    assert!(registry.document("a/stays", "1").is_none());
    assert!(registry.document("a/back", july[0].digest()).is_none());
}

#[test]
fn a_registry_that_deletes_nothing_is_told_apart_before_anything_goes() {
    let sender = Sender::new();
    let double = Double::start(|seen| match seen.method.as_str() {
        "DELETE" => Some(Reply::new(405, r#"{"errors":[{"code":"UNSUPPORTED"}]}"#)),
        _ => None,
    });
    let place = format!("docker://{}", double.host());
    two_months(&sender, &place);

    for more in ["", "--yes"] {
        let refused = prune(&sender, &place, &format!("{MONTHS} {more}")).exits(code::REFUSED);
        refused.says("deletes nothing (HTTP 405)").says("storage.delete.enabled");
    }
}

/// A multi-platform image of `arches`, of which each is the same wherever it is in.
fn multi(tag: &str, arches: &[&str]) -> Image {
    let mut image = Image::new("a/multi", tag);
    let children: Vec<String> = arches
        .iter()
        .map(|arch| {
            let layers = [Layer::gzip(&images::one_file("arch", arch))];
            let text = image.manifest(OCI_MANIFEST, arch, r#"["/bin/true"]"#, &layers);
            image.document(OCI_MANIFEST, &text, &images::platform(arch))
        })
        .collect();
    image.document(OCI_INDEX, &images::index(OCI_INDEX, &children), "");
    image.name(tag);
    image
}

/// Something that refers to `subject`.
fn referrer(subject: &Image, kind: &str) -> Image {
    let mut image = Image::new(&subject.repository, kind);
    let nothing = image.blob(images::OCI_EMPTY, b"{}");
    let (digest, size) = (subject.digest(), subject.root().bytes.len());
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","artifactType":"x/{kind}","config":{nothing},"layers":[{nothing}],"subject":{{"mediaType":"{}","digest":"{digest}","size":{size}}}}}"#,
        subject.root().media_type
    );
    let entry = image.document(OCI_MANIFEST, &text, "");
    image.document(OCI_INDEX, &images::index(OCI_INDEX, &[entry]), "");
    image.name(&digest.replace(':', "-"));
    image
}

#[test]
fn parts_that_a_kept_image_shares_stay_and_so_does_what_others_refer_to() {
    need!("docker-registry");
    let (sender, registry) = (Sender::new(), Registry::empty());
    let place = format!("docker://{}", registry.host());
    let (old, new) = (multi("1", &["amd64", "arm64"]), multi("2", &["arm64", "riscv64"]));
    let (signed, ours) = (image("a/signed:1", &["signed"]), image("a/ours:1", &["ours"]));
    // A signature that travels with its image.
    let outside = Registry::empty();
    for image in [&old, &new, &signed, &ours, &referrer(&ours, "ours")] {
        image.push(&outside);
    }
    let export = |bundle: &str, names: &[&Image]| {
        let mut export = sender.sealift.command();
        let names = names.iter().map(|image| format!("{}/{}", outside.host(), image.path()));
        export.arg("export").args(names).args(["-o", bundle, "--sign-key"]);
        ran(export.arg(&sender.keys.private)).ok();
    };
    export("june", &[&old, &signed, &ours]);
    export("july", &[&new]);
    sender.import("june", &place, &[]).ok();
    sender.import("july", &place, &[]).ok();
    // Somebody here signs an image on his own.
    referrer(&signed, "theirs").push(&registry);

    let shown = prune(&sender, &place, MONTHS).ok().json();
    let done = prune(&sender, &place, &format!("{MONTHS} --yes")).ok().json();

    assert_same(&shown, &done);
    let list = format!("a/ours:{}", ours.digest().replace(':', "-"));
    assert_eq!(
        actions(&done),
        pairs([
            ("a/multi:1", "remove"),
            ("a/ours:1", "remove"),
            (&list, "remove"),
            ("a/signed:1", "referred"),
        ])
    );
    let there = |image: &Image, at: usize| {
        registry.document(&image.repository, &image.documents[at].digest).is_some()
    };
    // amd64 and the index go, arm64 is the other one's.
    assert_eq!([0, 1, 2].map(|at| there(&old, at)), [false, true, false]);
    assert_eq!([0, 1, 2].map(|at| there(&new, at)), [true; 3]);
    assert!(there(&signed, 0), "somebody else signed it");
    let own = referrer(&ours, "ours");
    assert!(!there(&ours, 0) && !there(&own, 0) && !there(&own, 1), "with its own signature");
    let again = prune(&sender, &place, &format!("{MONTHS} --yes")).ok().json();
    assert!(going(&again, "documents").is_empty());
}

#[test]
fn what_was_killed_at_any_moment_is_finished_by_the_same_command() {
    need!("docker-registry");
    let (sender, registry) = (Sender::new(), Registry::empty());
    let layout = sender.at("store");
    let places = [format!("docker://{}", registry.host()), format!("oci:{}", layout.display())];
    let many = |month: &str| -> Vec<Image> {
        let image =
            |n: usize| image(&format!("a/app{n}:{month}"), &["base", month, &n.to_string()]);
        (0..12).map(image).collect()
    };
    sender.export("june", &many("june"), &[]).ok();
    sender.export("july", &many("july"), &[]).ok();
    for place in &places {
        sender.import("june", place, &[]).ok();
        sender.import("july", place, &[]).ok();
        for moment in [20, 40, 60, 80, 100, 120, 150, 180, 210, 250] {
            let mut command = sender.sealift.command();
            command.args(["prune", place, "--yes", "--key"]).arg(&sender.keys.public);
            let mut child = command.args(MONTHS.split_whitespace()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(moment));
            let _ = child.kill();
            child.wait().unwrap();
        }

        let done = prune(&sender, place, &format!("{MONTHS} --yes")).ok().json();

        assert!(actions(&done).values().all(|action| action == "remove"));
        sender.import("july", place, &[]).ok().says("sent 0 blobs");
    }
    for image in many("june") {
        assert!(registry.document(&image.repository, image.digest()).is_none());
        assert!(registry.document(&image.repository, "june").is_none());
    }
    let held: BTreeSet<String> = blobs(&layout);
    let needed: BTreeSet<String> = many("july")
        .iter()
        .flat_map(|image| {
            let documents = image.documents.iter().map(|document| document.digest.clone());
            documents.chain(image.blobs.keys().cloned()).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(held, needed, "the layout has July, and nothing else");
}

/// The blobs in a layout.
fn blobs(layout: &Path) -> BTreeSet<String> {
    let all = fs::read_dir(layout.join("blobs/sha256")).unwrap();
    all.map(|it| format!("sha256:{}", it.unwrap().file_name().display())).collect()
}

#[test]
fn a_layout_keeps_what_anything_in_it_needs_and_what_was_never_ours() {
    let sender = Sender::new();
    let layout = sender.at("store");
    let place = format!("oci:{}", layout.display());
    let [app, gone, ..] = two_months(&sender, &place);
    // Another one's image, which shares a layer with one that goes, and a file that nobody lists.
    let other = Sender::new();
    let theirs = image("b/theirs:1", &["gone", "theirs"]);
    other.export("theirs", std::slice::from_ref(&theirs), &[]).ok();
    other.import("theirs", &place, &[]).ok();
    let stray = digest(b"stray");
    fs::write(layout.join("blobs/sha256").join(&stray[7..]), "stray").unwrap();
    let before = blobs(&layout);

    let shown = prune(&sender, &place, MONTHS).ok().json();
    assert_eq!(blobs(&layout), before, "it was only shown");
    let list = fs::metadata(layout.join("index.json")).unwrap().len();
    let (sizes, room) = (&shown["sizes"], &shown["sizes"]["room"][0]);
    assert_eq!((&sizes["write"], &room["needed"]), (&list.into(), &list.into()));
    assert_eq!(room["place"], layout.display().to_string());
    assert!(room["free"].as_u64() > Some(0), "{sizes}");
    let done = prune(&sender, &place, &format!("{MONTHS} --yes")).ok().json();

    assert_same(&shown, &done);
    let actions = actions(&done);
    assert_eq!(
        actions,
        pairs([("a/gone:1", "remove"), ("a/moved:1", "remove"), ("a/shared:1", "remove")])
    );
    let gone_now: BTreeSet<String> = before.difference(&blobs(&layout)).cloned().collect();
    let planned: BTreeSet<String> =
        going(&done, "documents").union(&going(&done, "blobs")).cloned().collect();
    assert_eq!(gone_now, planned, "plan equals deed");
    for kept in [layer_digest("gone"), layer_digest("base"), stray] {
        assert!(blobs(&layout).contains(&kept), "{kept}");
    }
    for lost in [app.digest(), gone.digest(), &layer_digest("app 1")] {
        assert!(!blobs(&layout).contains(lost), "{lost}");
    }
    sender.import("july", &place, &[]).ok().says("sent 0 blobs");
    other.import("theirs", &place, &[]).ok().says("sent 0 blobs");
    // What cannot be read may be needed by anything.
    let manifest = layout.join("blobs/sha256").join(&theirs.digest()[7..]);
    fs::write(&manifest, "{}").unwrap();
    prune(&sender, &place, &format!("{MONTHS} --yes")).exits(code::DAMAGED);
}

#[test]
fn what_is_no_place_to_prune_or_not_of_one_stream_is_refused() {
    let sender = Sender::new();
    let place = format!("oci:{}", sender.at("store").display());
    two_months(&sender, &place);

    prune(&sender, &place, "--keep july").exits(code::USAGE);
    prune(&sender, "oci-archive:x.tar", MONTHS).exits(code::USAGE).says("as a whole");
    let bundle = format!("oci:{}", sender.at("june").display());
    prune(&sender, &bundle, &format!("{MONTHS} --yes")).exits(code::USAGE).says("is a bundle");
    let none = format!("oci:{}", sender.at("nowhere").display());
    prune(&sender, &none, MONTHS).exits(code::INCOMPLETE);
    assert!(!sender.at("nowhere").exists());
    let stranger = Sender::new();
    let mut command = sender.sealift.command();
    command.args(["prune", &place, "--key"]).arg(&stranger.keys.public);
    ran(command.args(MONTHS.split_whitespace())).exits(code::UNTRUSTED);
    ran(sender.sealift.command().args(["verify", "june", "--key"]).arg(&sender.keys.public)).ok();
}

#[test]
fn what_was_never_imported_brought_nothing_and_whose_word_counts_is_said() {
    let sender = Sender::new();
    let place = format!("oci:{}", sender.at("store").display());
    let month = |name: &str, images: &[Image], more: &[&str]| {
        sender.export(name, images, &[&["--stream", "prod"], more].concat()).ok();
    };
    let theirs = image("b/theirs:1", &["theirs"]);
    month("june", &[image("a/gone:1", &["gone"])], &["--new-epoch"]);
    month("july", &[image("a/new:1", &["new"])], &[]);
    // August never arrives. What is in it somebody else brought, under the very same name.
    month("august", std::slice::from_ref(&theirs), &[]);
    month("september", &[image("a/new:1", &["new"])], &[]);
    for arrives in ["june", "july"] {
        sender.import(arrives, &place, &[]).ok();
    }
    let other = Sender::new();
    other.export("other", std::slice::from_ref(&theirs), &[]).ok();
    other.import("other", &place, &[]).ok();
    let arrivals = |report: &Value| -> Vec<String> {
        let brought = report["brought"].as_array().unwrap();
        brought.iter().map(|it| it["arrival"].as_str().unwrap().to_owned()).collect()
    };
    let line = "--keep july --brought june august";

    let told = prune(&sender, &place, &format!("{line} --yes")).ok().json();

    assert_eq!(arrivals(&told), ["before", "not-taken"]);
    assert!(told["state"].as_str().unwrap().ends_with("state/prod.json"));
    assert_eq!(actions(&told), pairs([("a/gone:1", "remove")]));
    other.import("other", &place, &[]).ok().says("sent 0 blobs");
    // It is passed over, and then stands before the last.
    sender.import("september", &place, &["--accept-gap", "lost"]).ok();
    let told = prune(&sender, &place, "--keep july --brought june august september").ok().json();
    assert_eq!(arrivals(&told), ["before", "not-taken", "taken"]);
    let mut text = sender.sealift.command();
    text.args(["prune", &place, "--key"]).arg(&sender.keys.public).args(line.split_whitespace());
    ran(&mut text)
        .ok()
        .says("NOT counted: august (prod 3) was never imported")
        .says("believed that june (prod 1) was imported");
    // Where nothing is remembered, all are believed, and that is said.
    let told = prune(&sender, &place, &format!("{line} --state elsewhere")).ok().json();
    assert_eq!(arrivals(&told), ["unknown", "unknown"]);
    assert!(told["state"].is_null() && !sender.at("elsewhere").exists());
    assert_eq!(actions(&told), pairs([("b/theirs:1", "remove")]));
    // What cannot be understood is not taken for nothing.
    fs::create_dir(sender.at("broken")).unwrap();
    fs::write(sender.at("broken/prod.json"), "{").unwrap();
    let broken = prune(&sender, &place, &format!("{line} --state broken --yes"));
    broken.exits(code::STALE).says("nobody can tell");
}

/// Two months in the project `group` of a Harbor, and what an account may take away there.
fn at_harbor(sender: &Sender, harbor: &Harbor) -> String {
    harbor.project("group", 1 << 30);
    let (admin, password) = Harbor::ADMIN;
    let auth = harbor.authfile(admin, password);
    let place = format!("docker://{}/group", harbor.host());
    let june = [
        image("a/app:1.0", &["base", "app 1"]),
        image("a/gone:1", &["base", "gone"]),
        multi("1", &["amd64", "arm64"]),
    ];
    let july = [image("a/app:1.0", &["base", "app 2"]), multi("2", &["arm64", "riscv64"])];
    sender.export("june", &june, &[]).ok();
    sender.export("july", &july, &[]).ok();
    let auth = auth.to_str().unwrap();
    sender.import("june", &place, &["--authfile", auth]).ok();
    sender.import("july", &place, &["--authfile", auth, "--on-existing", "overwrite"]).ok();
    place
}

/// `prune` as the account of `auth`.
fn prune_as(sender: &Sender, place: &str, auth: &Path, line: &str) -> Ran {
    prune(sender, place, &format!("{line} --authfile {}", auth.display()))
}

/// The tags of each repository of the Harbor that the tests use.
fn tags(harbor: &Harbor) -> Vec<Vec<String>> {
    let of = |repository: &&str| {
        let all = harbor.artifacts(&format!("group/{repository}"));
        let mut tags: Vec<String> = all.into_iter().flat_map(|(_, tags)| tags).collect();
        tags.sort();
        tags
    };
    ["a/app", "a/gone", "a/multi"].iter().map(of).collect()
}

#[test]
fn a_harbor_loses_tags_then_artifacts_with_the_rights_for_that_and_against_no_rule() {
    need!("docker-registry");
    let (sender, harbor) = (Sender::new(), Harbor::start());
    let place = at_harbor(&sender, &harbor);
    let keeper = harbor.keeper("group", "secret");
    let keeper = harbor.authfile(&keeper, "secret");
    harbor.immutable("group", "a/gone", "**");

    let fixed = prune_as(&sender, &place, &keeper, MONTHS).ok().json();
    harbor.forget_rules("group");
    let shown = prune_as(&sender, &place, &keeper, MONTHS).ok().json();
    let writes = harbor.writes().len();
    let done = prune_as(&sender, &place, &keeper, &format!("{MONTHS} --yes")).ok().json();

    // A robot without the right to look is told nothing of rules.
    assert_eq!(actions(&fixed)["group/a/multi:1"], "remove");
    assert_same(&shown, &done);
    assert_eq!(
        actions(&done),
        pairs([("group/a/gone:1", "remove"), ("group/a/multi:1", "remove")])
    );
    assert_eq!(tags(&harbor), [vec!["1.0"], vec![], vec!["2"]]);
    // amd64 went with its index, arm64 is the other one's.
    assert_eq!(harbor.artifacts("group/a/multi").len(), 3);
    let asked: Vec<String> = harbor.writes()[writes..].iter().map(|it| it.path.clone()).collect();
    let place_of = |what: &str| asked.iter().position(|path| path.contains(what));
    let tag = place_of("multi/artifacts/1/tags/1").unwrap();
    assert!(tag < place_of("multi/artifacts/sha256").unwrap(), "{asked:?}");
    let auth = keeper.to_str().unwrap();
    sender.import("july", &place, &["--authfile", auth]).ok().says("sent 0 blobs");
    let audit = harbor.audit().len();
    prune_as(&sender, &place, &keeper, &format!("{MONTHS} --yes")).ok();
    assert_eq!(harbor.audit().len(), audit, "the second time nothing goes");
}

#[test]
fn who_may_not_delete_at_a_harbor_is_told_so_and_a_rule_keeps_its_tag() {
    need!("docker-registry");
    let (sender, harbor) = (Sender::new(), Harbor::start());
    let place = at_harbor(&sender, &harbor);
    let before = tags(&harbor);
    // A developer is known to have no right; a robot that is told nothing tries.
    harbor.account("dev", "pass", &[("group", Role::Developer)]);
    let dev = harbor.authfile("dev", "pass");
    let robot = harbor.robot("group", "secret");
    let robot = harbor.authfile(&robot, "secret");

    for more in ["", "--yes"] {
        let refused = prune_as(&sender, &place, &dev, &format!("{MONTHS} {more}"));
        refused.exits(code::REFUSED).says("may not delete").says("maintainer");
    }
    prune_as(&sender, &place, &robot, MONTHS).ok();
    let refused = prune_as(&sender, &place, &robot, &format!("{MONTHS} --yes"));
    refused.exits(code::REFUSED).says("HTTP 403").says("a robot needs the rights");
    assert_eq!(tags(&harbor), before);

    harbor.account("chief", "pass", &[("group", Role::Maintainer)]);
    let chief = harbor.authfile("chief", "pass");
    let sizes = prune_as(&sender, &place, &chief, MONTHS).ok().json()["sizes"].clone();
    assert_eq!(sizes["room"].as_array().unwrap().len(), 1, "one project for all: {sizes}");
    assert_eq!(
        (&sizes["room"][0]["place"], &sizes["room"][0]["needed"]),
        (&"group".into(), &0.into())
    );
    assert!(sizes["room"][0]["free"].as_u64() > Some(1 << 29), "{sizes}");
    harbor.immutable("group", "a/gone", "**");
    let done = prune_as(&sender, &place, &chief, &format!("{MONTHS} --yes")).ok().json();
    assert_eq!(actions(&done)["group/a/gone:1"], "fixed");
    assert_eq!(tags(&harbor), [vec!["1.0"], vec!["1"], vec!["2"]]);
}

#[test]
fn an_engine_forgets_names_and_keeps_what_was_moved_or_is_in_use() {
    with_each(|inside| {
        let hello = images::hello();
        let app = |tag: &str| image(&format!("a/app:{tag}"), &["base", tag]);
        let (one, two, theirs) = (app("1"), app("2"), app("3"));
        inside.pack("june", &[("q.example/a/app:1", &one), ("q.example/a/app:3", &one)]);
        inside.pack("july", &[("q.example/a/app:2", &two), ("q.example/hello:1.0", &hello)]);
        inside.pack("theirs", &[("q.example/a/app:3", &theirs)]);
        inside.import("june").ok();
        inside.import("july").ok();
        inside.import_with("theirs", &["--on-existing", "overwrite"]).ok();
        let engine = inside.engine.name();
        let prune = |more: &str| {
            let mut command = inside.sealift.command();
            inside.engine.dress(&mut command);
            command.args(["prune", &inside.engine.destination(), "--format", "json"]);
            command.args(MONTHS.split_whitespace()).args(more.split_whitespace());
            ran(command.arg("--key").arg(&inside.keys.public)).ok().json()
        };

        let (shown, done) = (prune(""), prune("--yes"));

        assert_same(&shown, &done);
        let expected = pairs([("a/app:1", "remove"), ("a/app:3", "moved")]);
        assert_eq!(actions(&done), expected, "{engine}");
        let names = inside.engine.names();
        let has = |name: &str| names.iter().any(|it| it == name);
        assert!(!has("q.example/a/app:1"), "{engine}: {names:?}");
        for kept in ["q.example/a/app:2", "q.example/a/app:3", "q.example/hello:1.0"] {
            assert!(has(kept), "{engine}: {kept}: {names:?}");
        }
        inside.shows("q.example/a/app:3", &theirs);
        let again = prune("--yes");
        assert_eq!(actions(&again), pairs([("a/app:3", "moved")]), "{engine}");
    });
}

#[test]
fn podman_keeps_an_image_that_a_container_uses() {
    need!("root", "podman", "runc", "busybox");
    let inside = Inside::new(Engine::Podman(Podman::new()));
    let (hello, other) = (images::hello(), image("a/app:2", &["base"]));
    inside.pack("june", &[("q.example/hello:1.0", &hello)]);
    inside.pack("july", &[("q.example/a/app:2", &other)]);
    inside.import("june").ok();
    let mut create = inside.engine.command();
    crate::support::output(create.args(["create", "--network=none", "q.example/hello:1.0"]));

    let mut command = inside.sealift.command();
    inside.engine.dress(&mut command);
    command.args(["prune", &inside.engine.destination(), "--yes"]).args(MONTHS.split_whitespace());
    let refused = ran(command.arg("--key").arg(&inside.keys.public)).exits(code::REFUSED);

    refused.says("a container uses it");
    inside.shows("q.example/hello:1.0", &hello);
}

#[test]
fn a_registry_that_deletes_tags_by_themselves_loses_the_tag_and_keeps_the_image() {
    let sender = Sender::new();
    // As distribution 3 does: 404 for a tag that is not there, 202 for one that is.
    let double = Double::start(no_script);
    let place = format!("docker://{}", double.host());
    let both = [image("a/app:1", &["app"]), image("a/app:2", &["app"])];
    assert_eq!(both[0].digest(), both[1].digest());
    sender.export("june", &both[..1], &[]).ok();
    sender.export("july", &both[1..], &[]).ok();
    sender.import("june", &place, &[]).ok();
    sender.import("july", &place, &[]).ok();

    let done = prune(&sender, &place, &format!("{MONTHS} --yes")).ok().json();

    assert_eq!(actions(&done), pairs([("a/app:1", "remove")]));
    assert!(going(&done, "documents").is_empty());
    sender.import("july", &place, &[]).ok().says("sent 0 blobs");
}
