//! One image does not stop the others: with `--keep-going` what cannot be brought is named, listed
//! for the next run, and told by the exit code.

use crate::support::content::Layer;
use crate::support::images::{self, Image};
use crate::support::sealift::{Sealift, code};
use crate::to_oci::{bundle, import, of, zot};

#[test]
fn a_registry_that_refuses_a_kind_gets_the_others_and_the_next_run_the_rest() {
    need!("busybox");
    let (sealift, inside) = (Sealift::new(), zot());
    let images = ["acme/schema2", "acme/list", "acme/odd", "charts/web"].map(of);
    bundle(&sealift, &images);
    let to = format!("docker://{}", inside.host());

    let more = ["--keep-going", "--failed-list", "failed.txt"];
    import(&sealift, &to, &more)
        .exits(code::REFUSED)
        .says("2 of 4 images did not arrive")
        .says("acme/schema2:2.0: ")
        .says("acme/list:1.0: ")
        .says("--to-oci");

    for image in &images[2..] {
        let there = inside.stock(|s| s.document(&image.repository, &image.tag).map(<[u8]>::to_vec));
        assert!(there.unwrap() == image.root().bytes, "{}", image.path());
    }
    let list = std::fs::read_to_string(sealift.at("failed.txt")).unwrap();
    assert_eq!(list.lines().filter(|line| !line.starts_with('#')).count(), 2, "{list}");

    let again = import(&sealift, &to, &["-f", "failed.txt", "--keep-going", "--format", "json"])
        .exits(code::REFUSED)
        .json();
    assert_eq!((&again["ok"], again["failed"].as_array().unwrap().len()), (&false.into(), 2));
    let more = ["-f", "failed.txt", "--to-oci", "--keep-going", "--failed-list", "failed.txt"];
    import(&sealift, &to, &more).ok();
    let list = std::fs::read_to_string(sealift.at("failed.txt")).unwrap();
    assert!(list.lines().all(|line| line.starts_with('#')), "{list}");
}

#[test]
fn a_kind_that_is_refused_is_found_out_before_everything_else_was_sent() {
    let (sealift, inside) = (Sealift::new(), zot());
    let large = Layer::gzip(&images::one_file("large", &"large ".repeat(50_000)));
    let large = Image::single("acme/large", "1", "[]", &[large]);
    bundle(&sealift, &[of("acme/schema2"), large.clone()]);
    let to = format!("docker://{}", inside.host());

    import(&sealift, &to, &[]).exits(code::REFUSED).says("acme/schema2").says("--to-oci");

    let sent = |digest: &String| {
        inside.count("PUT", &digest.replace(':', "%3A")) + inside.count("PUT", digest)
    };
    assert!(large.blobs.keys().all(|digest| sent(digest) == 0));
    assert_eq!(inside.count("PUT", "/manifests/"), 1);
}

#[test]
fn a_docker_archive_gets_the_images_and_the_chart_is_named() {
    need!("busybox");
    let sealift = Sealift::new();
    bundle(&sealift, &["acme/odd", "charts/web"].map(of));

    for to in ["docker-archive:all.tar", "docker-archive:each/"] {
        import(&sealift, to, &[]).exits(code::REFUSED);
        assert!(!sealift.at(to.trim_start_matches("docker-archive:")).exists());
        // The second time the archive is there and holds what it can.
        for _ in 0..2 {
            import(&sealift, to, &["--keep-going"])
                .exits(code::REFUSED)
                .says("1 of 2 images did not arrive")
                .says("charts/web:0.1.0: ");
        }
    }
    assert!(sealift.at("all.tar").exists());
    assert_eq!(std::fs::read_dir(sealift.at("each")).unwrap().count(), 1);
}

#[test]
fn a_damaged_layer_stops_its_image_alone() {
    need!("busybox");
    let sealift = Sealift::new();
    let (odd, schema2) = (of("acme/odd"), of("acme/schema2"));
    bundle(&sealift, &[odd.clone(), schema2.clone()]);
    let own = odd.blobs.iter().find(|(digest, bytes)| {
        !schema2.blobs.contains_key(*digest) && bytes.starts_with(&[0x1f, 0x8b])
    });
    let (_, bytes) = own.unwrap();
    let mut file = std::fs::read(sealift.at("b.tar")).unwrap();
    let at = file.windows(bytes.len()).position(|part| part == bytes.as_slice()).unwrap();
    file[at + bytes.len() / 2] ^= 1;
    std::fs::write(sealift.at("b.tar"), file).unwrap();

    import(&sealift, "oci:none", &[]).exits(code::DAMAGED);
    import(&sealift, "oci:some", &["--keep-going"])
        .exits(code::DAMAGED)
        .says("1 of 2 images did not arrive")
        .says("acme/odd:1.0: ");

    assert!(!sealift.at("none/index.json").exists());
    let index = std::fs::read_to_string(sealift.at("some/index.json")).unwrap();
    assert!(index.contains("acme/schema2") && !index.contains("acme/odd"), "{index}");
}

#[test]
fn images_that_would_get_one_name_are_all_told_and_stop_no_other() {
    need!("busybox");
    let sealift = Sealift::new();
    bundle(&sealift, &["acme/odd", "acme/schema2", "charts/web"].map(of));
    let same = ["--map", "*acme/odd=x/one:1", "--map", "*acme/schema2=x/one:1"];

    let both = import(&sealift, "oci:none", &same).exits(code::USAGE);
    assert!(both.stderr.contains("acme/odd:1.0 and ") && both.stderr.contains("schema2:2.0 would"));
    assert!(!sealift.at("none").exists());
    let more = [&same[..], &["--keep-going", "--failed-list", "failed.txt"]].concat();
    import(&sealift, "oci:some", &more)
        .exits(code::USAGE)
        .says("2 of 3 images did not arrive")
        .says("acme/odd:1.0: 2 images would become")
        .says("acme/schema2:2.0: 2 images would become");

    let index = std::fs::read_to_string(sealift.at("some/index.json")).unwrap();
    assert!(index.contains("charts/web") && !index.contains("x/one"), "{index}");
    import(&sealift, "oci:some", &["-f", "failed.txt"]).ok();
}

#[test]
fn a_list_of_what_failed_needs_keep_going() {
    let sealift = Sealift::new();

    import(&sealift, "oci:x", &["--failed-list", "f.txt"]).exits(code::USAGE);
}

#[test]
fn the_list_takes_the_place_of_an_earlier_list_and_of_nothing_else() {
    need!("mkfifo");
    let sealift = Sealift::new();
    bundle(&sealift, &[of("charts/web")]);
    let list =
        |path: &str, to: &str| import(&sealift, to, &["--keep-going", "--failed-list", path]);
    let made = std::process::Command::new("mkfifo").arg(sealift.at("pipe")).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink("pipe", sealift.at("link")).unwrap();
    std::fs::write(sealift.at("empty"), "").unwrap();
    std::fs::write(sealift.at("mine.txt"), "charts/web\n").unwrap();
    let before = |path: &str| std::fs::read(sealift.at(path)).unwrap();
    let kept = ["b.tar", "k.pub.pem", "mine.txt"].map(|path| (path, before(path)));

    for path in ["b.tar", "k.pub.pem", "mine.txt", "pipe", "link", "/dev/full"] {
        list(path, "oci:x").exits(code::USAGE).says(path);
        assert!(!sealift.at("x").exists(), "{path}: found before anything is written");
    }
    list("empty", "oci:x").ok();
    list("empty", "oci:x").ok();

    kept.iter().for_each(|(path, bytes)| assert!(before(path) == *bytes, "{path}"));
    assert!(String::from_utf8(before("empty")).unwrap().starts_with("# what did not arrive"));
    assert!(std::fs::symlink_metadata(sealift.at("link")).unwrap().is_symlink());
}
