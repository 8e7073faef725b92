//! Looking around: tags come whole, in order and escaped; each registry is searched in its own
//! way or is said not to be searchable; nobody else is asked.

use serde_json::{Value, json};

use crate::support::double::{Double, Reply, Seen};
use crate::support::months::image;
use crate::support::registry::{Registry, authfile};
use crate::support::sealift::{Sealift, code};

fn page(value: &Value) -> Option<Reply> {
    Some(Reply::new(200, value.to_string()).header("content-type", "application/json"))
}

fn nothing(_: &Seen) -> Option<Reply> {
    Some(Reply::new(404, "404 page not found"))
}

/// What a search says, as JSON: how each registry was searched, and the names found there.
fn searched(sealift: &Sealift, term: &str, double: &Double, more: &[&str]) -> (Value, Vec<String>) {
    let mut command = sealift.command();
    command.args(["search", term, "--registry", &double.host(), "--format", "json"]).args(more);
    let found = crate::support::sealift::ran(&mut command).ok().json();
    let names = found["registries"][0]["repositories"].as_array().unwrap();
    let names = names.iter().map(|found| found["name"].as_str().unwrap().to_owned()).collect();
    (found["registries"][0]["searchedBy"].clone(), names)
}

#[test]
fn tags_come_from_all_pages_in_the_order_of_numbers() {
    let double = Double::start(|seen| {
        let (path, last) = seen.target.split_once("last=").unwrap_or((&seen.target, ""));
        assert!(path.starts_with("/v2/team/app/tags/list"), "{path}");
        let (tags, next) = match last {
            "" => (json!(["1.10", "latest"]), Some("b")),
            "b" => (json!(["1.9", "v2"]), Some("c")),
            _ => (json!(["1.2"]), None),
        };
        let reply = page(&json!({"name": "team/app", "tags": tags}))?;
        let link = |last| format!("</v2/team/app/tags/list?n=1000&last={last}>; rel=\"next\"");
        Some(next.map_or(reply.clone(), |last| reply.header("link", link(last))))
    });
    let sealift = Sealift::new();
    let name = format!("{}/team/app", double.host());

    let plain = run!(sealift, "tags", name).ok();
    let listed = run!(sealift, "tags", format!("docker://{name}"), "--format", "json").ok();

    assert_eq!(plain.stdout, "1.2\n1.9\n1.10\nlatest\nv2\n");
    assert_eq!(listed.json()["repository"], name.as_str());
    assert_eq!(listed.json()["tags"], json!(["1.2", "1.9", "1.10", "latest", "v2"]));
    run!(sealift, "tags", format!("{name}:1.2")).exits(code::USAGE).says("repository alone");
}

#[test]
fn tags_that_are_none_are_left_out_aloud_and_a_repository_that_is_not_there_is_a_failure() {
    let double = Double::start(|seen| match seen.target.contains("/hostile/") {
        true => page(&json!({"tags": ["ok", "\u{1b}]0;owned\u{7}"]})),
        false => None,
    });
    let sealift = Sealift::new();

    let bad = run!(sealift, "tags", format!("{}/hostile/app", double.host()));
    let bad = bad.ok().says("1 entry that is no tag and is left out").says("\\u{1b}");
    assert_eq!(bad.stdout, "ok\n");
    assert!(!bad.stderr.contains('\u{1b}') && !bad.stdout.contains('\u{1b}'));
    run!(sealift, "tags", format!("{}/not/there", double.host())).exits(code::INCOMPLETE);
}

#[test]
fn a_list_that_does_not_end_is_one_error_that_names_it() {
    let endless = Double::start(|seen| {
        let (list, last) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        let number = last.rsplit_once("last=").map_or(0, |(_, n)| n.parse::<u32>().unwrap());
        let next = match list {
            _ if list.contains("/itself/") => "n=1000".to_owned(),
            _ if list.contains("/round/") => format!("n=1000&last={}", (number + 1) % 3),
            _ if list.contains("/forever/") => format!("n=1000&last={}", number + 1),
            "/v2/_catalog" => format!("n=1000&last={}", (number + 1) % 2),
            _ => return nothing(seen),
        };
        let of = json!({"tags": [format!("1.{number}")], "repositories": [format!("a/x{number}")]});
        Some(page(&of)?.header("link", format!("<{list}?{next}>; rel=\"next\"")))
    });
    let sealift = Sealift::new();

    for (repository, why, most) in [
        ("itself/app", "a page names itself", 1),
        ("round/app", "lead round in a circle", 4),
        ("forever/app", "more than 1000 pages", 1000),
    ] {
        let before = endless.seen().len();
        let name = format!("{}/{repository}", endless.host());
        let said = run!(sealift, "tags", name).exits(code::DAMAGED);
        let named = format!("registry {}: tags of {repository}: the list", endless.host());
        assert!(said.stderr.contains(&named) && said.stderr.contains(why), "{}", said.stderr);
        assert_eq!((said.stdout.as_str(), said.stderr.matches("error:").count()), ("", 1));
        assert!(endless.seen().len() - before <= most, "{repository}");
    }
    let search = run!(sealift, "search", "none", "--registry", endless.host());
    assert_ne!(search.code, 0);
    let named = format!("registry {}: list of all repositories: ", endless.host());
    assert!(search.stderr.contains(&named), "{}", search.stderr);
}

#[test]
fn harbor_is_searched_with_the_users_own_rights() {
    let double = Double::start(|seen| {
        if !seen.target.starts_with("/api/v2.0/search?q=app%20x") {
            return nothing(seen);
        }
        let mut found = vec![json!({"repository_name": "open/app", "project_name": "open",
            "project_id": 1, "project_public": true, "pull_count": 7, "artifact_count": 2})];
        if seen.header("authorization") == Some("Basic bW92ZXI6c2VjcmV0") {
            found.push(json!({"repository_name": "closed/app", "project_public": false}));
        }
        page(&json!({"project": [], "repository": found, "chart": null}))
    });
    let sealift = Sealift::new();
    let file = authfile(&sealift.at(""), &double.host(), "mover", "secret");
    let file = file.to_str().unwrap();
    let named = |path: &str| format!("{}/{path}", double.host());

    assert_eq!(
        searched(&sealift, "app x", &double, &[]),
        ("harbor".into(), vec![named("open/app")])
    );
    let own = searched(&sealift, "app x", &double, &["--authfile", file]);
    assert_eq!(own, ("harbor".into(), vec![named("open/app"), named("closed/app")]));
}

#[test]
fn quay_is_searched_page_by_page() {
    let double = Double::start(|seen| {
        let Some((_, number)) = seen.target.split_once("find/repositories?query=etcd&page=") else {
            return nothing(seen);
        };
        let number: u64 = number.parse().unwrap();
        let hit = |name: &str| {
            json!({"kind": "repository", "title": "repo", "name": name, "description": "a *store*\n\nx",
                "namespace": {"title": "org", "kind": "organization", "name": "coreos", "score": 1},
                "is_public": true, "score": 2.5, "href": "/repository/x", "stars": 3})
        };
        let hits = [hit(&format!("etcd-{number}a")), hit(&format!("etcd-{number}b"))];
        page(
            &json!({"results": hits, "has_additional": number < 3, "page": number, "page_size": 10}),
        )
    });
    let sealift = Sealift::new();

    let (by, names) = searched(&sealift, "etcd", &double, &["--limit", "30"]);
    assert_eq!((by, names.len()), ("quay".into(), 6));
    let (_, names) = searched(&sealift, "etcd", &double, &["--limit", "3"]);
    let ends: Vec<_> = names.iter().map(|name| name.rsplit('/').next().unwrap()).collect();
    assert_eq!(ends, ["etcd-1a", "etcd-1b", "etcd-2a"]);
    let text = run!(sealift, "search", "etcd", "--registry", double.host(), "--limit", "2").ok();
    let line = format!("{}/coreos/etcd-1a  3      a *store* x", double.host());
    assert!(text.stdout.contains(&line), "{}", text.stdout);
    assert!(text.stderr.contains("2 of more"), "{}", text.stderr);
}

#[test]
fn dockers_own_search_is_understood_and_its_text_is_escaped() {
    let double = Double::start(|seen| match seen.target.starts_with("/v1/search?q=al") {
        true => page(&json!({"num_pages": 1, "num_results": 2, "page": 1, "page_size": 100,
            "query": "al", "results": [
                {"name": "alpine", "description": "small \u{1b}[31mred\u{202e}", "star_count": 9,
                 "is_official": true, "is_automated": false, "is_trusted": false},
                {"name": "team/al\u{7}ma", "description": null, "star_count": 0}]})),
        false => nothing(seen),
    });
    let sealift = Sealift::new();

    let text = run!(sealift, "search", "al", "--registry", double.host()).ok();
    let json = run!(sealift, "search", "al", "--registry", double.host(), "--format", "json").ok();

    for shown in [&text.stdout, &text.stderr, &json.stdout] {
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
    }
    assert!(text.stdout.contains("small \\u{1b}[31mred\\u{202e}"), "{}", text.stdout);
    assert_eq!(json.json()["registries"][0]["searchedBy"], "docker");
    assert_eq!(json.json()["registries"][0]["repositories"][0]["stars"], 9);
}

#[test]
fn any_other_registry_is_searched_in_its_catalog() {
    need!("docker-registry");
    let registry = Registry::empty();
    for repository in ["team/app", "team/apple", "other/thing"] {
        registry.put_blob(repository, &crate::support::content::digest(b"x"), b"x");
    }
    let sealift = Sealift::new();

    let found = run!(sealift, "search", "APP", "--registry", registry.host(), "--format", "json");
    let found = found.ok().json();

    assert_eq!(found["registries"][0]["searchedBy"], "catalog");
    let names = found["registries"][0]["repositories"].as_array().unwrap();
    let names: Vec<_> = names.iter().map(|found| found["name"].as_str().unwrap()).collect();
    let host = registry.host();
    assert_eq!(names, [format!("{host}/team/app"), format!("{host}/team/apple")]);
}

#[test]
fn a_registry_that_cannot_be_searched_is_named_and_the_others_are_searched() {
    let closed = Double::start(|_| Some(Reply::new(403, "")));
    let absent = Double::start(nothing);
    let open = Double::start(|seen| match seen.target.starts_with("/v2/_catalog") {
        true => page(&json!({"repositories": ["team/app"]})),
        false => nothing(seen),
    });
    let sealift = Sealift::new();
    let mut command = sealift.command();
    command.args(["search", "app"]);
    for double in [&closed, &open, &absent] {
        command.args(["--registry", &double.host()]);
    }

    let text = crate::support::sealift::ran(&mut command).exits(code::REFUSED);
    let json = crate::support::sealift::ran(command.args(["--format", "json"]));

    assert!(text.stdout.contains(&format!("{}/team/app", open.host())), "{}", text.stdout);
    for double in [&closed, &absent] {
        let named = format!("source registry {}: cannot be searched", double.host());
        assert!(text.stderr.contains(&named), "{}", text.stderr);
    }
    assert!(!text.stderr.contains(&format!("{}: cannot", open.host())), "{}", text.stderr);
    let json = json.exits(code::REFUSED).json();
    assert_eq!(json["registries"][1]["error"], Value::Null);
    assert!(json["registries"][2]["error"].as_str().unwrap().contains("no search"), "{json}");
}

#[test]
fn details_are_the_newest_tags_and_what_the_newest_runs_on_and_weighs() {
    let multi = crate::support::images::all().into_iter().find(|it| it.repository == "acme/multi");
    let multi = multi.unwrap();
    let single = image("acme/single:1.10", &["base"]);
    let double = Double::start(|seen| match seen.target.as_str() {
        path if path.starts_with("/v2/_catalog") => {
            page(&json!({"repositories": ["acme/gone", "acme/multi", "acme/single"]}))
        }
        path if path.starts_with("/v2/acme/single/tags/list") => {
            page(&json!({"name": "acme/single", "tags": ["1.9", "latest", "1.10", "20240101"]}))
        }
        path if path.starts_with("/api/") || path.starts_with("/v1/") => nothing(seen),
        _ => None,
    });
    [&multi, &single].iter().for_each(|image| double.hold(image));
    let sealift = Sealift::new();
    let search = |more: &[&str]| {
        let mut command = sealift.command();
        command.args(["search", "acme", "--registry", &double.host(), "--details"]).args(more);
        crate::support::sealift::ran(&mut command).exits(code::INCOMPLETE)
    };
    let before = double.seen().len();

    let told = search(&["--format", "json"]).json();
    let details = &told["registries"][0]["details"];
    assert_eq!(details[2]["newest"], json!(["1.10", "1.9", "20240101", "latest"]));
    let weight: usize = single.blobs.values().map(Vec::len).sum();
    let amd64 = json!({"os": "linux", "architecture": "amd64"});
    assert_eq!(details[2]["platforms"], json!([{"platform": amd64, "bytes": weight}]));
    assert_eq!(details[2]["digest"], single.digest());
    let of = details[1]["platforms"].as_array().unwrap();
    assert_eq!(
        (of.len(), &of[0]["platform"]),
        (2, &amd64),
        "attestations are no platforms: {of:?}"
    );
    assert!(of.iter().all(|it| it["bytes"].as_u64().unwrap() > 200_000));
    assert!(details[0]["error"].as_str().unwrap().contains("acme/gone"), "{details}");
    let asked =
        double.seen()[before..].iter().filter(|seen| seen.target.contains("/v2/acme/")).count();
    assert_eq!(told["requests"], asked);
    assert_eq!(asked, 1 + (1 + 1 + 2) + (1 + 1 + 1), "tags, manifests, configs");

    let text = search(&[]);
    let row = text.stdout.lines().find(|line| line.contains("acme/single")).unwrap().to_owned();
    assert!(row.contains("1.10, 1.9, 20240101, latest") && row.contains("linux/amd64"), "{row}");
    text.says("details: 8 requests").says("acme/multi").says("acme/gone");
}

#[test]
fn nobody_is_asked_but_the_registries_named_or_docker_hub() {
    let proxy = Double::start(|_| Some(Reply::new(403, "")));
    let elsewhere = Double::start(nothing);
    let away = elsewhere.host();
    let named = Double::start(move |_| {
        Some(Reply::new(302, "").header("location", format!("http://{away}/v2/_catalog")))
    });
    let sealift = Sealift::new();
    let through = |arguments: &[&str]| {
        let mut command = sealift.command();
        command
            .arg("search")
            .args(arguments)
            .env("https_proxy", format!("http://{}", proxy.host()));
        crate::support::sealift::ran(&mut command)
    };

    assert_ne!(through(&["alpine"]).code, 0);
    let asked: Vec<String> = proxy.seen().into_iter().map(|seen| seen.target).collect();
    assert!(asked.iter().all(|target| target == "index.docker.io:443"), "{asked:?}");
    assert!(!asked.is_empty());

    through(&["alpine", "--registry", &named.host()]);
    assert_eq!(proxy.seen().len(), asked.len(), "Docker Hub was not asked");
    assert_eq!(elsewhere.seen().len(), usize::from(named.count("GET", "/v2/_catalog") > 0));
}
