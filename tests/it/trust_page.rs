//! `docs/trust.md` means what it says: its commands are run from the page, block by block, each on its side of
//! the gap.

use crate::support::ceremony::fingerprint;
use crate::support::files::copy;
use crate::support::sealift::Sealift;
use crate::support::walk::{self, Side};

const PAGE: &str = "trust.md";
/// What the page has to walk through.
const WALKED: [&str; 12] = [
    "--threshold 2",
    "HOME=$PWD/bob sealift trust sign",
    "--fingerprint",
    "sealift verify june --trust trust # exit 3",
    "trust remove root.2.json alice",
    "trust revoke root.3.json carol",
    "--accept",
    "trust rotate /media/usb/root.4.json --trust trust # exit 7",
    "import /media/usb/august",
    "import /media/usb/july --to oci:store --trust trust # exit 7",
    "import /media/usb/forked --to oci:store --trust trust # exit 7",
    "trust deny",
];

/// The block, in which each person with a home has the state there, which the harness takes elsewhere.
fn with_own_state(text: &str) -> String {
    let line = |line: &str| match line.split_once("HOME=$PWD/") {
        None => format!("{line}\n"),
        Some((before, rest)) => {
            let (who, command) = rest.split_once(' ').unwrap();
            let home = format!("$PWD/{who}");
            format!("{before}XDG_STATE_HOME={home}/.local/state HOME={home} {command}\n")
        }
    };
    text.lines().map(line).collect()
}

#[test]
fn the_page_walks_from_the_first_root_over_a_stolen_key_to_a_fork() {
    let (outside, inside) = (Sealift::new(), Sealift::new());
    let usb = outside.at("usb");
    std::fs::create_dir(&usb).unwrap();
    let testdata = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/hello");
    copy(&testdata, &outside.at("images"));
    let (mut told, mut said) = (String::new(), Vec::new());

    for block in walk::blocks(PAGE) {
        let usb = usb.to_str().unwrap();
        let text = with_own_state(&block.text)
            .replace("/media/usb", usb)
            .replace("THE FINGERPRINT", &told);
        let side = match block.side {
            Side::Outside => &outside,
            Side::Inside => &inside,
        };
        let ran = walk::run(&block, &text, side);
        said.push(format!("{}\n{}{}", block.place, ran.stdout, ran.stderr));
        if told.is_empty() && outside.at("usb/root.1.json").exists() {
            told = fingerprint(&outside, "usb/root.1.json");
        }
    }

    let said = said.join("\n");
    for saying in [
        "it has all signatures that it needs",
        "role * takes 2 signatures of 3: signed by alice, not by bob, carol",
        "role * takes 2 signatures of 3: signed by alice, bob, not by carol",
        "role root of version 1 takes 2 signatures of 3: signed by bob, not by alice, carol",
        "the bundle brought root 2, which is kept",
        "roots 1 to 2 follow each other",
        "laptop stolen",
        "carol (revoked, this one still counts)",
        "root 4 does not follow root 2: those between are missing",
        "the bundle brought root 3, 4, which is kept",
        "roots 1 to 4 follow each other",
        "an old one",
        "root 1 is old: root 4 was taken already",
        "two bundles are",
        "not taken: docker.io/example/*, not licensed",
    ] {
        assert!(said.contains(saying), "{saying} in\n{said}");
    }
}

#[test]
fn the_page_is_whole_and_the_readme_leads_to_it() {
    let typed = walk::typed(PAGE);

    for part in WALKED {
        assert!(typed.contains(part), "{part}");
    }
    assert!(walk::is_in_readme(PAGE));
}
