//! Addresses at which something else than a registry answers: what is said of it, and that it is not
//! called damage.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::double::{Body, Double, Reply};
use crate::support::sealift::{Ran, Sealift, code, ran};

const HELLO: &str = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");

/// What a proxy says to everybody whom it does not know.
fn portal() -> Reply {
    Reply::new(200, "\u{feff}\n<!DOCTYPE html><html><body>Please log in</body></html>")
        .header("content-type", "text/html; charset=utf-8")
}

/// Runs `line`, which has no quotes, with JSON asked for.
fn run(sealift: &Sealift, line: &str) -> Ran {
    ran(sealift.command().args(line.split_whitespace()).args(["--format", "json"]))
}

/// The failure that `ran` tells of.
fn failure(ran: &Ran) -> Value {
    ran.json()["error"].clone()
}

#[test]
fn a_page_of_a_proxy_is_no_damage_and_names_end_and_host() {
    let portal = Double::start(|_| Some(portal()));
    let (sealift, host) = (Sealift::new(), portal.host());
    sealift.keys("k");
    run(&sealift, &format!("export {HELLO} -o b --sign-key k.key.pem")).ok();
    let digest = format!("sha256:{}", "0".repeat(64));

    for (line, side) in [
        (format!("import b --key k.pub.pem --to docker://{host}/p"), "destination"),
        (format!("export {host}/p/app:1 -o n --sign-key k.key.pem"), "source"),
        (format!("export {host}/p/app@{digest} -o n --sign-key k.key.pem"), "source"),
        (format!("tags {host}/p/app"), "source"),
    ] {
        let error = failure(&run(&sealift, &line).exits(code::REFUSED));

        assert_eq!(
            (&error["class"], &error["kind"]),
            (&json!("refused"), &json!("answer-unusable"))
        );
        assert_eq!(
            (&error["side"], &error["subject"]["host"]),
            (&json!(side), &json!(host)),
            "{line}"
        );
        assert!(error["message"].as_str().unwrap().contains("a page for people"), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("it is no registry"), "{error}");
    }
}

#[test]
fn what_no_registry_says_is_refused_however_it_is_wrong() {
    let typed = |body: &str| Reply::new(200, body).header("content-type", "application/json");
    let odd = Double::start(move |seen| match &seen.target {
        target if target.contains("/no-schema/") => Some(typed(r#"{"name":"app"}"#)),
        target if target.contains("/no-json/") => Some(typed("welcome")),
        target if target.contains("/large/") => Some(
            Reply::with(200, Body::Spaces(40 << 20)).header("content-type", "application/json"),
        ),
        _ => None,
    });
    let (sealift, host) = (Sealift::new(), odd.host());
    sealift.keys("k");

    for repository in ["no-schema/app", "no-json/app", "large/app"] {
        for line in [
            format!("export {host}/{repository}:1 -o n --sign-key k.key.pem"),
            format!("tags {host}/{repository}"),
        ] {
            if repository == "no-schema/app" && line.starts_with("tags") {
                // A list that is left out is an empty one.
                continue;
            }
            let error = failure(&run(&sealift, &line).exits(code::REFUSED));
            assert_eq!(error["kind"], "answer-unusable", "{line}: {error}");
            assert_eq!(
                (&error["side"], &error["subject"]["host"]),
                (&json!("source"), &json!(host))
            );
            assert!(error["hint"].is_string(), "{line}: {error}");
        }
    }
}

#[test]
fn nobody_logs_in_at_a_page_and_no_password_is_kept() {
    // Once at once, and once by sending on, as most portals do.
    let led = Double::start(|seen| match seen.target.contains("/login") {
        true => Some(portal()),
        false => Some(Reply::new(302, "").header("location", "/login?back=v2")),
    });
    let portal = Double::start(|_| Some(portal()));
    for host in [portal.host(), led.host()] {
        let sealift = Sealift::new();
        let mut login = sealift.command();
        login.args(["login", &host, "-u", "me", "--password-stdin", "--format", "json"]);
        login.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = login.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"secret\n").unwrap();

        let ran = Ran::new(format!("{login:?}"), child.wait_with_output().unwrap());

        let error = failure(&ran.exits(code::REFUSED));
        assert_eq!(
            (&error["kind"], &error["subject"]["host"]),
            (&json!("answer-unusable"), &json!(host))
        );
        let kept = std::process::Command::new("grep")
            .args(["-rlE", "secret|bWU6c2VjcmV0"])
            .arg(sealift.home())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&kept.stdout), "");
    }
}

#[test]
fn what_was_tried_again_and_again_is_still_said_to_pass() {
    let busy = |status| move |_: &_| Some(Reply::new(status, "").header("retry-after", "0"));
    let sealift = Sealift::new();
    sealift.keys("k");
    run(&sealift, &format!("export {HELLO} -o b --sign-key k.key.pem")).ok();
    for status in [429, 500, 503] {
        let (double, is_import) = (Double::start(busy(status)), status == 503);
        let line = match is_import {
            true => format!("import b --key k.pub.pem --to docker://{}/p", double.host()),
            false => format!("export {}/p/app:1 -o n --sign-key k.key.pem", double.host()),
        };

        let error = failure(&run(&sealift, &line));

        assert_eq!(error["transient"], true, "{status}: {error}");
        let asked = double.count(if is_import { "HEAD" } else { "GET" }, "/manifests/");
        assert!(asked < 20, "{status}: not tried once more around: {asked}");
    }
}
