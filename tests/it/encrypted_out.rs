//! Bundles that are encrypted while they are made: `age` opens them, and so does the other side.

use std::path::PathBuf;

use crate::support::age::{export, identity, outside, run, tool};
use crate::support::sealift::{Sealift, code};
use crate::support::terminal::Terminal;
use crate::support::{self, files, packed};

#[test]
fn what_is_encrypted_here_is_opened_by_age_and_by_everybody_whom_it_is_for() {
    need!("age", "ssh-keygen");
    let sealift = outside();
    let (one, other) = (identity(&sealift, "one"), identity(&sealift, "other"));
    let mut keygen = support::command("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(sealift.at("ssh"));
    support::output(&mut keygen);
    let public = std::fs::read_to_string(sealift.at("ssh.pub")).unwrap();
    std::fs::write(sealift.at("site.txt"), format!("# the site\n\n{other}\n{public}")).unwrap();

    export(&sealift, &format!("-o b.tar.age --recipient {one} --recipient @site.txt"))
        .ok()
        .says("bundle b.tar.age is complete");
    export(&sealift, "-o b.tar").ok();
    let plain = std::fs::read(sealift.at("b.tar")).unwrap();
    for (at, identity) in ["one", "other", "ssh"].into_iter().enumerate() {
        run(&sealift, &format!("verify b.tar.age --identity {identity} --key k.pub.pem")).ok();
        tool(&sealift, &format!("age -d -i {identity} -o out{at} b.tar.age"));
        let opened = std::fs::read(sealift.at(&format!("out{at}"))).unwrap();
        assert!(opened == plain, "the packed bundle itself is in it");
    }
    assert!(!sealift.at("b.tar.age.partial").exists());
    run(&sealift, "import b.tar.age --identity ssh --to oci:in --key k.pub.pem").ok();
    assert_eq!(files::whole_blobs(&sealift.at("in")).len(), 5);
    // Nobody can tell whether it is the same: it stays.
    export(&sealift, &format!("-o b.tar.age --recipient {one}"))
        .exits(code::USAGE)
        .says("exists already");
}

#[test]
fn a_passphrase_encrypts_as_well() {
    need!("age", "script");
    let sealift = outside();
    std::fs::write(sealift.at("words"), "correct horse\n").unwrap();
    export(&sealift, "-o b.tar.age --encrypt-passphrase=words").ok();
    run(&sealift, "verify b.tar.age --passphrase-file words --key k.pub.pem").ok();
    let mut terminal = Terminal::start(sealift.command(), 100, "correct horse");
    terminal.types("age -d -o out.tar b.tar.age");
    let opened = std::fs::read(sealift.at("out.tar")).unwrap();
    assert!(packed::entries(&opened).iter().any(|entry| entry.path == "SHA256SUMS"));

    export(&sealift, "-o n.tar.age --encrypt-passphrase")
        .exits(code::USAGE)
        .says("--encrypt-passphrase=FILE");
    let shown = terminal.types(
        "sealift export oci:images -o asked.tar.age --sign-key k.key.pem --encrypt-passphrase",
    );
    assert!(shown.iter().any(|line| line.contains("is complete")), "{shown:?}");
    run(&sealift, "inspect asked.tar.age --passphrase-file words").ok();
}

#[test]
fn recipients_and_names_that_do_not_go_together_are_told_before_anything_is_made() {
    need!("age");
    let sealift = outside();
    let one = identity(&sealift, "one");
    let secret = std::fs::read_to_string(sealift.at("one")).unwrap();
    let secret = secret.lines().last().unwrap();
    std::fs::write(sealift.at("none.txt"), "# nobody\n").unwrap();
    std::fs::write(sealift.at("bad.txt"), format!("{one}\nage1x\n")).unwrap();
    for (more, why) in [
        ("-o n.tar.age", "--recipient"),
        (&*format!("-o n.tar --recipient {one}"), "NAME.tar.age"),
        (&*format!("-o n --recipient {one}"), "NAME.tar.age"),
        (&*format!("-o n.TAR.AGE --recipient {one}"), "lower case"),
        ("-o n.tar.age --recipient age1x", "age1x is no recipient"),
        ("-o n.tar.age --recipient @none.txt", "names no recipient"),
        ("-o n.tar.age --recipient @bad.txt", "bad.txt: line 2"),
        ("-o n.tar.age --recipient @nowhere", "cannot read nowhere"),
    ] {
        export(&sealift, more).exits(code::USAGE).says(why);
    }
    let told = export(&sealift, &format!("-o n.tar.age --recipient {secret}")).exits(code::USAGE);
    assert!(!told.stderr.contains(secret), "a private key is not shown");
    let made = std::fs::read_dir(sealift.at("")).unwrap();
    let made =
        made.filter(|it| it.as_ref().unwrap().file_name().to_string_lossy().starts_with('n'));
    assert_eq!(made.count(), 1, "none.txt alone");
}

/// The layers in the folder `layout`, in order of their digests.
fn layers(sealift: &Sealift, layout: &str) -> Vec<PathBuf> {
    let blobs = std::fs::read_dir(sealift.at(&format!("{layout}/blobs/sha256"))).unwrap();
    let large = |path: &PathBuf| path.metadata().unwrap().len() > 100_000;
    let mut layers: Vec<_> = blobs.map(|entry| entry.unwrap().path()).filter(large).collect();
    layers.sort();
    layers
}

#[test]
fn an_interrupted_one_holds_nothing_in_clear_and_is_begun_anew() {
    need!("age");
    let sealift = outside();
    let one = identity(&sealift, "one");
    export(&sealift, "-o whole").ok();
    // The last layer that is written is not what its name says.
    let damaged = &layers(&sealift, "images")[1];
    files::flip(damaged, 200_000);

    export(&sealift, &format!("-o b.tar.age --recipient {one}")).exits(code::DAMAGED);
    assert!(!sealift.at("b.tar.age").exists());
    let left = std::fs::read(sealift.at("b.tar.age.partial")).unwrap();
    for word in ["acme/app", "imageLayoutVersion", "ustar"] {
        let word = word.as_bytes();
        assert!(!left.windows(word.len()).any(|part| part == word), "{word:?} in clear");
    }
    files::flip(damaged, 200_000);
    export(&sealift, &format!("-o b.tar.age --recipient {one}")).ok().says("begun anew");
    run(&sealift, "verify b.tar.age --identity one --key k.pub.pem").ok();
}

#[test]
fn what_is_here_already_is_taken_and_checked_before_it_is_written() {
    need!("age");
    let sealift = outside();
    let one = identity(&sealift, "one");
    export(&sealift, "-o whole").ok();
    files::flip(&layers(&sealift, "whole")[0], 200_000);

    let made = export(&sealift, &format!("-o b.tar.age --recipient {one} --reuse whole"));
    made.ok().says("its bytes are others").says("already there");
    run(&sealift, "verify b.tar.age --identity one --key k.pub.pem").ok();
}

#[test]
fn a_stream_of_layers_is_encrypted_in_the_order_in_which_it_comes() {
    need!("age", "gzip");
    let sealift = outside();
    let one = identity(&sealift, "one");
    export(&sealift, "-o b.tar").ok();
    run(&sealift, "import b.tar --to docker-archive:app.tar.gz --key k.pub.pem").ok();
    run(
        &sealift,
        &format!(
            "export docker-archive:app.tar.gz -o c.tar.age --sign-key k.key.pem --recipient {one}"
        ),
    )
    .ok();
    run(&sealift, "verify c.tar.age --identity one --key k.pub.pem").ok();
}
