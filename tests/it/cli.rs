//! The surface: help, exit codes, refusals, and what never reaches a terminal.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::content::{Layer, digest};
use crate::support::images::{self, Image};
use crate::support::registry::Registry;
use crate::support::sealift::{Keys, Sealift, code, ran};
use crate::support::{command, output};

/// A layout `source` in the scratch folder, with one small image of the given name.
fn small_source(sealift: &Sealift, name: &str) -> Image {
    let layers = [Layer::gzip(&images::one_file("a", "b"))];
    let image = Image::single("acme/small", "1", "[]", &layers);
    images::write_layout(&sealift.at("source"), &[(name, &image)]);
    image
}

/// A small bundle `b` with its keys.
fn small_bundle() -> (Sealift, Keys, Image) {
    let sealift = Sealift::new();
    let image = small_source(&sealift, "docker.io/acme/small:1");
    let keys = sealift.keys("signer");
    run!(sealift, "export", "oci:source", "-o", "b", "--sign-key", keys.private).ok();
    (sealift, keys, image)
}

#[test]
fn help_has_examples_for_every_verb() {
    let sealift = Sealift::new();

    let overview = run!(sealift, "--help").ok().stdout;
    for verb in [
        "key",
        "export",
        "inspect",
        "diff",
        "verify",
        "import",
        "report",
        "proof",
        "serve",
        "list",
        "tags",
        "search",
        "completions",
    ] {
        assert!(overview.contains(verb), "{verb} is not in\n{overview}");
        let help = run!(sealift, verb, "--help").ok().stdout;
        assert!(help.to_lowercase().contains("example"), "no example in\n{help}");
        assert!(help.contains(&format!("sealift {verb}")), "no command line in\n{help}");
    }
}

#[test]
fn every_verb_has_a_manual_page_with_its_options_and_examples() {
    let sealift = Sealift::new();
    let verbs = run!(sealift, "man", "--list").ok().stdout;
    assert!(verbs.lines().count() > 10 && verbs.contains("key generate\n"), "{verbs}");

    for verb in verbs.lines() {
        let words: Vec<&str> = verb.split(' ').collect();
        let page = ran(sealift.command().arg("man").args(&words)).ok().stdout.replace("\\-", "-");
        assert!(page.contains(&format!(".TH sealift-{} 1", words.join("-"))), "{page}");
        assert!(page.contains(".SH EXAMPLES\n.nf\n"), "no examples for {verb}\n{page}");
        let help = ran(sealift.command().args(&words).arg("--help")).ok().stdout;
        let options = help.split_whitespace().filter(|word| word.starts_with("--"));
        for option in options.map(|option| option.trim_end_matches(['`', ',', '.', ')'])) {
            // Of one with a value that may be left out, `--new-epoch[=<N>]`, the page sets that apart.
            let option = option.split('[').next().unwrap();
            assert!(page.contains(option), "{verb}: {option} is not in\n{page}");
        }
    }
    assert!(run!(sealift, "man").ok().stdout.contains(".SH \"EXIT CODES\""));
    run!(sealift, "man", "nothing").exits(code::USAGE).says("there is no verb nothing");
}

#[test]
fn a_command_line_that_makes_no_sense_exits_2() {
    let sealift = Sealift::new();

    for arguments in [
        &["frobnicate"][..],
        &[],
        &["verify", "b"],
        &["import", "b", "--to", "oci:x"],
        &["serve", "b"],
        &["export", "alpine", "-o", "b"],
        &["export", "Not A Reference", "-o", "b", "--sign-key", "k"],
        &["import", "b", "--to", "ftp://host", "--key", "k"],
        &["verify", "b", "--key", "k", "--format", "yaml"],
    ] {
        let done = ran(sealift.command().args(arguments));
        assert_eq!(done.code, code::USAGE, "{done:?}");
        assert!(!done.stderr.is_empty());
    }
}

#[test]
fn an_existing_bundle_is_never_touched() {
    let (sealift, keys, _) = small_bundle();

    for name in ["there", "there.tar"] {
        std::fs::write(sealift.at(name), "mine").unwrap();
        run!(sealift, "export", "oci:source", "-o", name, "--sign-key", keys.private)
            .exits(code::USAGE)
            .says(name);
        assert_eq!(std::fs::read_to_string(sealift.at(name)).unwrap(), "mine");
        assert!(!sealift.at(&format!("{name}.partial")).exists());
    }
    small_source(&sealift, "docker.io/acme/small:2");
    run!(sealift, "export", "oci:source", "-o", "b", "--sign-key", keys.private).exits(code::USAGE);
    run!(sealift, "verify", "b", "--key", keys.public).ok();
}

#[test]
fn a_key_is_never_overwritten_and_only_its_owner_reads_it() {
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    let before = std::fs::read(&keys.private).unwrap();
    assert_eq!(std::fs::metadata(&keys.private).unwrap().permissions().mode() & 0o777, 0o600);

    let again = || run!(sealift, "key", "generate", "--no-passphrase", "-o", "signer");
    assert_ne!(again().code, 0);
    assert!(std::fs::read(&keys.private).unwrap() == before);

    // One half alone is enough to say no.
    std::fs::remove_file(&keys.private).unwrap();
    assert_ne!(again().code, 0);
    assert!(!keys.private.exists());
}

#[test]
fn the_key_id_is_the_hash_of_the_public_key() {
    need!("openssl");
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    let der = ["pkey", "-pubin", "-outform", "DER", "-in"];
    let der = output(command("openssl").args(der).arg(&keys.public));
    let id = digest(&der).replace("sha256:", "");

    for key in [&keys.public, &keys.private] {
        run!(sealift, "key", "show", key).ok().says(&id);
        run!(sealift, "key", "show", key, "--format", "json").ok().says(&id);
    }
}

#[test]
fn an_encrypted_key_opens_with_its_passphrase_only() {
    let sealift = Sealift::new();
    small_source(&sealift, "docker.io/acme/small:1");
    let generate = ["key", "generate", "-o", "k"];
    ran(sealift.command().args(generate).env("SEALIFT_PASSPHRASE", "open sesame")).ok();
    let export = ["export", "oci:source", "-o", "b", "--sign-key", "k.key.pem"];

    // Without a terminal there is nobody to ask.
    let unasked = ran(sealift.command().args(export)).says("SEALIFT_PASSPHRASE");
    assert_ne!(unasked.code, 0);
    let wrong = ran(sealift.command().args(export).env("SEALIFT_PASSPHRASE", "close sesame"));
    assert_ne!(wrong.code, 0, "{wrong:?}");
    assert!(!sealift.at("b").exists());

    std::fs::write(sealift.at("phrase"), "open sesame\n").unwrap();
    ran(sealift.command().args(export).args(["--passphrase-file", "phrase"])).ok();
    run!(sealift, "verify", "b", "--key", "k.pub.pem").ok();
}

#[test]
fn a_key_is_made_without_passphrase_only_on_request() {
    let sealift = Sealift::new();

    assert_ne!(run!(sealift, "key", "generate", "-o", "k").code, 0);

    assert!(!sealift.at("k.key.pem").exists());
}

#[test]
fn the_report_of_verify_says_what_was_found() {
    let (sealift, keys, image) = small_bundle();

    let report = run!(sealift, "verify", "b", "--key", keys.public, "--format", "json").ok().json();

    assert_eq!(report["ok"], true);
    assert_eq!(report["bundle"], "b");
    assert_eq!(report["signers"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["images"][0]["name"], "docker.io/acme/small:1");
    assert_eq!(report["images"][0]["digest"], image.digest());
    assert_eq!(report["blobs"], 3);
    let bytes = image.blobs.values().chain([&image.root().bytes]).map(Vec::len).sum::<usize>();
    assert_eq!(report["bytes"], bytes);
    assert_eq!(report["problems"].as_array().map(Vec::len), Some(0));
}

#[test]
fn inspect_shows_images_with_and_without_a_key() {
    let (sealift, _, image) = small_bundle();

    for more in [&[][..], &["--key", "signer.pub.pem"]] {
        ran(sealift.command().args(["inspect", "b"]).args(more))
            .ok()
            .says("docker.io/acme/small:1")
            .says("linux/amd64");
        let json = ran(sealift.command().args(["inspect", "b", "--format", "json"]).args(more));
        assert!(json.ok().says(image.digest()).json().is_object());
    }
}

#[test]
fn inspect_of_a_bundle_with_problems_says_so_by_its_exit_code() {
    let (sealift, ..) = small_bundle();
    let inspect = |more: &[&str]| ran(sealift.command().args(["inspect", "b"]).args(more));
    let key = ["--key", "signer.pub.pem"];
    let json = ["--key", "signer.pub.pem", "--format", "json"];
    assert_eq!(inspect(&json).ok().json()["ok"], true);

    let docker = std::fs::read(sealift.at("b/manifest.json")).unwrap();
    std::fs::remove_file(sealift.at("b/manifest.json")).unwrap();
    inspect(&key).exits(code::INCOMPLETE).says("docker.io/acme/small:1").says("manifest.json");
    inspect(&[]).exits(code::INCOMPLETE);

    std::fs::write(sealift.at("b/manifest.json"), docker).unwrap();
    std::fs::write(sealift.at("b/extra"), "x").unwrap();
    inspect(&key).exits(code::DAMAGED).says("not signed for: extra");
    let said = inspect(&json).exits(code::DAMAGED);
    assert_eq!((&said.json()["ok"], &said.json()["trusted"]), (&false.into(), &true.into()));
}

#[test]
fn a_signature_beside_the_one_that_counts_is_named() {
    let (sealift, keys, _) = small_bundle();
    let other = sealift.keys("other");
    for (bundle, key, time) in [("one", &keys, "1"), ("same", &other, "1"), ("later", &other, "2")]
    {
        let mut export = sealift.command();
        export.args(["export", "oci:source", "-o", bundle, "--sign-key"]).arg(&key.private);
        ran(export.env("SOURCE_DATE_EPOCH", time)).ok();
    }
    let foreign = std::fs::read_dir(sealift.at("same/sig")).unwrap().next().unwrap().unwrap();
    let name = format!("sig/{}", foreign.file_name().to_string_lossy());
    let all = |code: i32, words: &str| {
        for verb in ["verify", "inspect"] {
            let done = run!(sealift, verb, "one", "--key", keys.public).exits(code);
            done.says(&name).says(words);
        }
    };

    std::fs::copy(foreign.path(), sealift.at("one").join(&name)).unwrap();
    all(code::DONE, "none that was given");
    let said = run!(sealift, "verify", "one", "--key", keys.public, "--format", "json").ok().json();
    assert_eq!(said["otherSignatures"][0]["path"], name.as_str());

    std::fs::copy(sealift.at("later").join(&name), sealift.at("one").join(&name)).unwrap();
    all(code::UNTRUSTED, "two different statements");
    std::fs::write(sealift.at("one").join(&name), "{}").unwrap();
    all(code::UNTRUSTED, "not a signature file");
}

#[test]
fn nothing_is_imported_or_served_without_a_key_but_by_the_ugly_name() {
    let (sealift, ..) = small_bundle();

    run!(sealift, "import", "b", "--to", "oci:inside").exits(code::USAGE);
    assert!(!sealift.at("inside").exists());
    let done = run!(sealift, "import", "b", "--to", "oci:inside", "--insecure-no-verify").ok();

    assert!(sealift.at("inside/index.json").exists());
    assert!(done.stderr.to_lowercase().contains("verif"), "{done:?}");
}

#[test]
fn a_list_names_the_images() {
    need!("docker-registry", "busybox");
    let (sealift, outside) = (Sealift::new(), Registry::empty());
    let keys = sealift.keys("signer");
    let images = images::all();
    images.iter().for_each(|image| image.push(&outside));
    let host = outside.host();
    let list =
        format!("# two of them\n{host}/acme/odd:1.0\n\n  {host}/acme/zstd:1.0  # and this\n");
    std::fs::write(sealift.at("list"), list).unwrap();

    run!(sealift, "export", "-f", "list", "-o", "b", "--sign-key", keys.private).ok();

    let report = run!(sealift, "verify", "b", "--key", keys.public, "--format", "json").ok();
    assert_eq!(report.json()["images"].as_array().map(Vec::len), Some(2));
}

#[test]
fn an_image_that_is_not_there_is_named_and_no_bundle_made() {
    need!("docker-registry");
    let (sealift, outside) = (Sealift::new(), Registry::empty());
    let keys = sealift.keys("signer");
    let name = format!("{}/acme/none:1.0", outside.host());

    let done = run!(sealift, "export", name, "-o", "b", "--sign-key", keys.private);
    let done = done.says("acme/none:1.0").says(&outside.host());

    assert!(matches!(done.code, code::INCOMPLETE | code::REFUSED), "{done:?}");
    assert!(!sealift.at("b").exists());
}

#[test]
fn a_registry_that_is_not_there_is_named() {
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    // A port that was free a moment ago and that nobody listens on.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();

    let name = format!("{closed}/acme/app:1.0");
    let done = run!(sealift, "export", name, "-o", "b", "--sign-key", keys.private);

    assert_ne!(done.code, 0);
    done.says(&closed.to_string());
}

/// Whether `text` has anything that a terminal would act upon.
fn acts_on_terminals(text: &str) -> bool {
    text.chars().any(|c| {
        (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{202e}').contains(&c)
    })
}

#[test]
fn no_escape_sequence_from_an_image_or_argument_reaches_the_output() {
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    let evil = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\r";
    let quoted = serde_json::to_string(evil).unwrap();
    let mut image = Image::single("acme/evil", "1", &format!("[{quoted}]"), &[]);
    let text = String::from_utf8(image.root().bytes.clone()).unwrap();
    let end = text.rfind('}').unwrap();
    let text = format!(r#"{},"annotations":{{"title":{quoted},{quoted}:"x"}}}}"#, &text[..end]);
    image.document(images::OCI_MANIFEST, &text, "");
    image.name("1");
    images::write_layout(&sealift.at("source"), &[("docker.io/acme/evil:1", &image)]);
    // In a layout, the name too is the sender's choice.
    images::write_layout(&sealift.at("named"), &[("docker.io/acme/NAME:1", &image)]);
    let index = sealift.at("named/index.json");
    let named = std::fs::read_to_string(&index).unwrap();
    std::fs::write(&index, named.replace("NAME", quoted.trim_matches('"'))).unwrap();

    let argument = format!("docker.io/{evil}/x:1");
    for arguments in [
        &["export", "oci:source", "-o", "b", "--sign-key", "signer.key.pem"][..],
        &["inspect", "b"],
        &["inspect", "b", "--format", "json"],
        &["verify", "b", "--key", "signer.pub.pem"],
        &["import", "b", "--to", "oci:inside", "--key", "signer.pub.pem"],
        &["export", "oci:named", "-o", "n", "--sign-key", "signer.key.pem"],
        &["export", &argument, "-o", "a", "--sign-key", "signer.key.pem"],
        &["verify", evil, "--key", "signer.pub.pem"],
        &["import", "b", "--to", evil, "--key", "signer.pub.pem"],
        &[evil],
    ] {
        let done = ran(sealift.command().args(arguments));
        assert!(!acts_on_terminals(&done.stdout), "{:?}", done.stdout);
        assert!(!acts_on_terminals(&done.stderr), "{:?}", done.stderr);
    }
    run!(sealift, "verify", "b", "--key", keys.public).ok();
}

#[test]
fn quiet_is_quiet_and_completions_complete() {
    let (sealift, keys, _) = small_bundle();

    assert_eq!(run!(sealift, "--quiet", "verify", "b", "--key", keys.public).ok().stderr, "");
    for shell in ["bash", "zsh", "fish"] {
        run!(sealift, "completions", shell).ok().says("sealift");
    }
}

#[test]
fn verification_needs_no_home_and_writes_nothing() {
    let (sealift, keys, _) = small_bundle();
    let before = crate::support::files::tree(Path::new(&sealift.at("")));

    let mut verify = sealift.command();
    verify.args(["verify", "b", "--key"]).arg(&keys.public).env_remove("HOME");
    verify.env("XDG_STATE_HOME", "/proc/nowhere");
    ran(verify.env_remove("XDG_CONFIG_HOME").env_remove("XDG_RUNTIME_DIR")).ok();

    assert_eq!(crate::support::files::tree(Path::new(&sealift.at(""))), before);
}

#[test]
fn no_verb_needs_scratch_space() {
    let (sealift, keys, _) = small_bundle();
    run!(sealift, "export", "oci:source", "-o", "p.tar", "--sign-key", keys.private).ok();

    for bundle in ["b", "p.tar"] {
        let nowhere = |arguments: &[&str]| {
            let mut command = sealift.command();
            command.args(arguments).args([bundle, "--key", "signer.pub.pem"]);
            ran(command.env("TMPDIR", "/nonexistent")).ok();
        };
        nowhere(&["verify"]);
        nowhere(&["import", "--to", &format!("oci:from-{bundle}")]);
    }
}

#[test]
fn lines_are_plain_off_a_terminal() {
    let (sealift, keys, _) = small_bundle();

    let done = run!(sealift, "verify", "b", "--key", keys.public).ok();

    assert!(!acts_on_terminals(&done.stdout) && !acts_on_terminals(&done.stderr), "{done:?}");
}

#[test]
fn an_error_names_the_way_out() {
    let (sealift, ..) = small_bundle();
    let stranger = sealift.keys("stranger");

    let done = run!(sealift, "verify", "b", "--key", stranger.public).exits(code::UNTRUSTED);

    assert!(done.stderr.lines().any(|line| line.starts_with("  hint: ")), "{}", done.stderr);
}

#[test]
fn a_failure_is_told_as_json_where_json_was_asked_for() {
    let (sealift, keys, _) = small_bundle();
    let verify =
        |bundle: &str| run!(sealift, "verify", bundle, "--key", keys.public, "--format", "json");

    let nothing = verify("nowhere").exits(code::INCOMPLETE);
    std::fs::write(sealift.at("b/index.json"), "{}").unwrap();
    let damaged = verify("b").exits(code::DAMAGED);

    assert_eq!(nothing.json()["ok"], false);
    assert_eq!(nothing.json()["error"]["exitCode"], code::INCOMPLETE);
    assert!(nothing.stderr.starts_with("error: "), "{nothing:?}");
    assert_eq!(damaged.json()["problems"][0]["path"], "index.json");
}

#[test]
fn quiet_leaves_results_and_errors() {
    let (sealift, ..) = small_bundle();
    let import = |to: &str| {
        let to = format!("oci:{to}");
        run!(sealift, "import", "b", "--to", to, "--insecure-no-verify", "--quiet")
    };

    let done = import("inside").ok();
    std::fs::write(sealift.at("file"), "").unwrap();
    let failed = import("file");

    assert!(done.stderr.is_empty() && done.stdout.contains("acme/small:1"), "{done:?}");
    assert!(failed.code != 0 && failed.stderr.contains("error: "), "{failed:?}");
}
