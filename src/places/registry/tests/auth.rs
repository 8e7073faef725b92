//! Every way in which registries ask who one is, replayed.

use super::super::http::reach::Ground;
use super::*;
use crate::storage::checked::samples::Unchecked;

/// A client with the credentials file `auths`, whose `HOST` is the server.
fn client(server: &Server, auths: &str, side: Side) -> RegistryRepository {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    let json = format!(r#"{{"auths":{{"HOST":{auths}}}}}"#).replace("HOST", &server.address);
    std::fs::write(&path, json).unwrap();
    let settings = Settings { auth_files: vec![path], ..Settings::default() };
    server.with(side, settings, Arc::new(Recorder::default()))
}

fn bearer(seen: &Seen, rest: &str) -> Vec<u8> {
    let realm = format!("www-authenticate: Bearer realm=\"http://{}", seen.header("host").unwrap());
    reply(401, &[&format!("{realm}{rest}")], "")
}

/// Base64 of `user:password`.
fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"))
}

/// A registry's documented form: its host, the challenge for `/v2/team/app` (`ORIGIN` stands for
/// its own address), the user name that it wants, the question to its token server (nothing for
/// Basic), and that one's answer.
struct Documented {
    host: &'static str,
    challenge: &'static str,
    user: &'static str,
    question: &'static str,
    answer: &'static str,
}

const DOCUMENTED: &[Documented] = &[
    Documented {
        host: "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        challenge: r#"Basic realm="ORIGIN/",service="ecr.amazonaws.com""#,
        user: "AWS",
        question: "",
        answer: "",
    },
    Documented {
        host: "public.ecr.aws",
        challenge: r#"Bearer realm="ORIGIN/token/",service="public.ecr.aws",scope="aws""#,
        user: "AWS",
        question: "/token/?service=public.ecr.aws&scope=repository:team/app:pull&scope=aws",
        answer: r#"{"token":"T"}"#,
    },
    Documented {
        host: "gcr.io",
        challenge: r#"Bearer realm="ORIGIN/v2/token",service="gcr.io",scope="repository:team/app:pull""#,
        user: "_json_key",
        question: "/v2/token?service=gcr.io&scope=repository:team/app:pull",
        answer: r#"{"expires_in":43200,"issued_at":"2026-11-21T01:02:03.123456Z","token":"T"}"#,
    },
    Documented {
        host: "europe-docker.pkg.dev",
        challenge: r#"Bearer realm="ORIGIN/v2/token",service="europe-docker.pkg.dev""#,
        user: "oauth2accesstoken",
        question: "/v2/token?service=europe-docker.pkg.dev&scope=repository:team/app:pull",
        answer: r#"{"expires_in":3600,"token":"T"}"#,
    },
    Documented {
        host: "contoso.azurecr.io",
        challenge: r#"Bearer realm="ORIGIN/oauth2/token",service="contoso.azurecr.io",scope="repository:team/app:pull""#,
        user: "00000000-0000-0000-0000-000000000000",
        question: "/oauth2/token?service=contoso.azurecr.io&scope=repository:team/app:pull",
        answer: r#"{"access_token":"T"}"#,
    },
    Documented {
        host: "nvcr.io",
        challenge: r#"Bearer realm="ORIGIN/proxy_auth",scope="repository:team/app:pull""#,
        user: "$oauthtoken",
        question: "/proxy_auth?scope=repository:team/app:pull",
        answer: r#"{"token":"T","expires_in":600}"#,
    },
    Documented {
        host: "registry.gitlab.com",
        challenge: r#"Bearer realm="ORIGIN/jwt/auth",service="container_registry",scope="repository:team/app:pull""#,
        user: "gitlab+deploy-token-7",
        question: "/jwt/auth?service=container_registry&scope=repository:team/app:pull",
        answer: r#"{"token":"T"}"#,
    },
    Documented {
        host: "quay.io",
        challenge: r#"Bearer realm="ORIGIN/v2/auth",service="quay.io",scope="repository:team/app:pull""#,
        user: "team+robot",
        question: "/v2/auth?service=quay.io&scope=repository:team/app:pull",
        answer: r#"{"token":"T"}"#,
    },
    Documented {
        host: "registry-1.docker.io",
        challenge: r#"Bearer realm="ORIGIN/token",service="registry.docker.io",scope="repository:team/app:pull""#,
        user: "someone",
        question: "/token?service=registry.docker.io&scope=repository:team/app:pull",
        answer: r#"{"token":"T","access_token":"T","expires_in":300,"issued_at":"2026-11-21T01:02:03Z"}"#,
    },
    Documented {
        host: "ghcr.io",
        challenge: r#"Bearer realm="ORIGIN/token",service="ghcr.io",scope="repository:team/app:pull""#,
        user: "someone",
        question: "/token?service=ghcr.io&scope=repository:team/app:pull",
        answer: r#"{"token":"T"}"#,
    },
    Documented {
        host: "harbor.example",
        challenge: r#"Bearer realm="ORIGIN/service/token",service="harbor-registry",scope="repository:team/app:pull""#,
        user: "robot$team+ci",
        question: "/service/token?service=harbor-registry&scope=repository:team/app:pull",
        answer: r#"{"token":"T","access_token":"","expires_in":1800,"issued_at":"2026-11-21T01:02:03Z"}"#,
    },
];

#[test]
fn every_documented_challenge_is_answered_as_documented() {
    for Documented { host, challenge, user, question, answer } in DOCUMENTED {
        let pair = format!("Basic {}", basic(user, "pa$$:word"));
        let login = pair.clone();
        let want = match question.is_empty() {
            true => pair.clone(),
            false => "Bearer T".to_owned(),
        };
        let server = Server::start(move |seen| {
            let own = format!("http://{}", seen.header("host").unwrap());
            if !question.is_empty() && seen.line == format!("GET {question}") {
                return match seen.header("authorization") == Some(&login) {
                    true => reply(200, &["content-type: application/json"], answer),
                    false => reply(401, &[], ""),
                };
            }
            match seen.header("authorization") == Some(&want) {
                true => manifest(),
                false => {
                    let challenge = challenge.replace("ORIGIN", &own);
                    reply(401, &[&format!("www-authenticate: {challenge}")], "")
                }
            }
        });
        let auths = format!(r#"{{"auth":"{}"}}"#, basic(user, "pa$$:word"));
        let repository = client(&server, &auths, Side::Source);

        repository.resolve(&name(&server, ":1")).unwrap_or_else(|e| panic!("{host}: {e}"));
        repository.resolve(&name(&server, ":1")).unwrap();

        let questions =
            server.seen("GET ").iter().filter(|s| !s.line.contains("/manifests/")).count();
        assert_eq!(questions, usize::from(!question.is_empty()), "{host}: {:?}", server.log());
        assert_eq!(server.seen("GET /v2/team").len(), 3, "{host}: probe, and both reads");
    }
}

#[test]
fn the_token_servers_of_known_registries_are_trusted_with_their_passwords() {
    for (registry, realm) in [
        ("public.ecr.aws", "https://public.ecr.aws/token/"),
        ("gcr.io", "https://gcr.io/v2/token"),
        ("us-docker.pkg.dev", "https://us-docker.pkg.dev/v2/token"),
        ("contoso.azurecr.io", "https://contoso.azurecr.io/oauth2/token"),
        ("nvcr.io", "https://nvcr.io/proxy_auth"),
        ("nvcr.io", "https://authn.nvidia.com/token"),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
        ("quay.io", "https://quay.io/v2/auth"),
        ("registry-1.docker.io", "https://auth.docker.io/token"),
        ("ghcr.io", "https://ghcr.io/token"),
        ("lscr.io", "https://ghcr.io/token"),
    ] {
        let base = super::super::http::url::Url::of(true, registry).unwrap();

        assert!(
            super::super::auth::realm::check(realm, &base, Ground::PUBLIC).is_ok(),
            "{registry} {realm}"
        );
    }
}

#[test]
fn an_expired_token_answered_with_another_token_server_is_replaced_from_the_first() {
    // As NGC does: who shows an expired token is sent to a server of another domain.
    let count = Mutex::new(0);
    let valid = Arc::new(Mutex::new("t1"));
    let good = valid.clone();
    let server = Server::start(move |seen| {
        if seen.line.starts_with("GET /proxy_auth") {
            let mut count = count.lock().unwrap();
            *count += 1;
            return reply(200, &[], format!(r#"{{"token":"t{count}","expires_in":600}}"#));
        }
        match seen.header("authorization") {
            Some(got) if got == format!("Bearer {}", good.lock().unwrap()) => manifest(),
            Some(_) => {
                let away = "www-authenticate: Bearer realm=\"https://authn.elsewhere.test/token\",\
                            service=\"registry\",error=\"invalid_token\"";
                reply(401, &[away], "")
            }
            None => bearer(seen, "/proxy_auth\""),
        }
    });
    let repository = client(&server, r#"{"auth":"dTpw"}"#, Side::Source);

    repository.resolve(&name(&server, ":1")).unwrap();
    *valid.lock().unwrap() = "t2";
    repository.resolve(&name(&server, ":1")).unwrap();

    assert_eq!(server.seen("GET /proxy_auth").len(), 2);
}

#[test]
fn an_identity_token_is_exchanged_by_a_form_and_is_in_no_header() {
    let server = Server::start(|seen| {
        if seen.line.starts_with("POST /oauth2/token") {
            assert_eq!(seen.header("authorization"), None);
            let form = "application/x-www-form-urlencoded";
            assert_eq!(seen.header("content-type"), Some(form));
            return reply(200, &[], r#"{"access_token":"T"}"#);
        }
        match seen.header("authorization") {
            Some("Bearer T") => manifest(),
            Some(other) => panic!("{other}"),
            None => bearer(seen, "/oauth2/token\",service=\"contoso.azurecr.io\""),
        }
    });
    // The user name that docker's helpers give is a mark, not a name; a null one is Azure's.
    for auths in [
        r#"{"auth":"MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwOg==","identitytoken":"re+fresh/="}"#.to_owned(),
        format!(r#"{{"auth":"{}"}}"#, basic("<token>", "re+fresh/=")),
    ] {
        let repository = client(&server, &auths, Side::Source);
        let before = server.seen("POST").len();

        repository.resolve(&name(&server, ":1")).unwrap();
        repository.resolve(&name(&server, ":1")).unwrap();

        let posts = server.seen("POST");
        assert_eq!(posts.len(), before + 1, "one token for both");
        let form = String::from_utf8(posts.last().unwrap().body.clone()).unwrap();
        assert_eq!(
            form,
            "grant_type=refresh_token&client_id=sealift&service=contoso.azurecr.io\
             &scope=repository:team/app:pull&refresh_token=re%2Bfresh/%3D"
        );
    }
    assert!(server.log().iter().all(|line| !line.contains("fresh")), "{:?}", server.log());
}

#[test]
fn a_registry_token_is_shown_as_it_is_and_never_renewed() {
    let server = Server::start(|seen| match seen.header("authorization") {
        Some("Bearer given") if seen.line.ends_with("/1") => manifest(),
        _ => bearer(seen, "/token\""),
    });
    let repository = client(&server, r#"{"registrytoken":"given"}"#, Side::Source);

    repository.resolve(&name(&server, ":1")).unwrap();
    let error = repository.resolve(&name(&server, ":other")).unwrap_err();

    assert_eq!(error.class(), Class::Refused, "{error}");
    assert_eq!(server.seen("GET /token").len(), 0);
    assert_eq!(server.seen("GET /v2/team/app/manifests/other").len(), 1);
    assert!(!format!("{error:?}{repository:?}").contains("given"));

    let broken = client(&server, r#"{"registrytoken":"two words"}"#, Side::Source);
    let error = broken.resolve(&name(&server, ":1")).unwrap_err();
    assert!(!format!("{error:?}").contains("two words"), "{error:?}");
}

#[test]
fn a_token_that_allows_too_little_is_replaced_by_one_that_allows_more() {
    for status in [401, 403] {
        let server = Server::start(move |seen| {
            if let Some(query) = seen.line.strip_prefix("GET /token?") {
                let wide = query.contains("repository:team/base:pull");
                return reply(
                    200,
                    &[],
                    format!(r#"{{"token":"{}"}}"#, if wide { "w" } else { "n" }),
                );
            }
            let host = seen.header("host").unwrap();
            let realm = format!("www-authenticate: Bearer realm=\"http://{host}/token\"");
            let more = format!(
                "{realm},scope=\"repository:team/app:pull repository:team/base:pull\",\
                 error=\"insufficient_scope\""
            );
            match seen.header("authorization") {
                Some("Bearer w") => manifest(),
                Some(_) => reply(status, &[&more], ""),
                None => reply(401, &[&realm], ""),
            }
        });
        let repository = server.repository(Side::Source);

        repository.resolve(&name(&server, ":1")).unwrap();
        repository.resolve(&name(&server, ":1")).unwrap();

        assert_eq!(server.seen("GET /token").len(), 2, "{status}: narrow, then wide, then none");
        assert_eq!(server.seen("GET /v2/").len(), 4, "{status}: {:?}", server.log());
    }
}

#[test]
fn a_token_that_ends_in_the_middle_of_an_upload_is_replaced_for_the_next_attempt() {
    let issued = Mutex::new(0);
    let puts = Mutex::new(0);
    let server = Server::start(move |seen| {
        if seen.line.starts_with("GET /token") {
            let mut issued = issued.lock().unwrap();
            *issued += 1;
            return reply(200, &[], format!(r#"{{"token":"t{issued}","expires_in":1800}}"#));
        }
        match (seen.header("authorization"), seen.line.split(' ').next()) {
            (None, _) => bearer(seen, "/token\""),
            (Some(_), Some("POST")) => reply(202, &["location: /up/7"], ""),
            (Some(token), Some("PUT")) => {
                let mut puts = puts.lock().unwrap();
                *puts += 1;
                match (*puts, token) {
                    // All bytes are here; the token was good when they began to come.
                    (1, "Bearer t1") => bearer(seen, "/token\",error=\"invalid_token\""),
                    (_, "Bearer t2") => reply(201, &[], ""),
                    other => panic!("{other:?}"),
                }
            }
            _ => reply(204, &[], ""),
        }
    });
    let repository = server.repository(Side::Destination);
    let blob = Descriptor::of("a/b", b"hello");

    let error = repository.put(&mut Unchecked(&blob, &mut &b"hello"[..])).unwrap_err();
    assert!(error.is_transient(), "{error}");
    repository.put(&mut Unchecked(&blob, &mut &b"hello"[..])).unwrap();

    let bodies: Vec<Vec<u8>> = server.seen("PUT").into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, [b"hello", b"hello"]);
}

#[test]
fn a_login_is_checked_with_its_own_credentials_only() {
    let server = Server::start(|seen| {
        if seen.line == "GET /token?service=s" {
            return match seen.header("authorization") {
                Some("Basic cm9ib3QkdGVhbStjaTpnb29k") => reply(200, &[], r#"{"token":"T"}"#),
                _ => reply(401, &[], r#"{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}"#),
            };
        }
        assert_eq!(seen.line, "GET /v2/");
        match seen.header("authorization") {
            Some("Bearer T") => reply(200, &[], "{}"),
            _ => bearer(seen, "/token\",service=\"s\""),
        }
    });
    let registry: Registry = server.address.parse().unwrap();
    let check = |password: &str| {
        // A file that would let anyone in must not make a wrong password look right.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.json");
        let auth = basic("robot$team+ci", "good");
        let json = format!(r#"{{"auths":{{"{registry}":{{"auth":"{auth}"}}}}}}"#);
        std::fs::write(&path, json).unwrap();
        let (auth_files, plain_http) = (vec![path], vec![registry.clone()]);
        let settings = Settings { auth_files, plain_http, ..Settings::default() };
        check_login(settings, &registry, "robot$team+ci", password, Arc::new(Recorder::default()))
    };

    assert_eq!(check("good").unwrap(), LoginVerdict::Taken);
    let error = check("s3cret").unwrap_err();
    assert_eq!(error.class(), Class::Refused, "{error}");
    assert!(error.to_string().contains("UNAUTHORIZED: no"), "{error}");
    assert!(!format!("{error:?}").contains("s3cret"));
}

#[test]
fn a_login_where_nobody_is_asked_is_no_proof_and_one_at_no_registry_fails() {
    let open = Server::start(|_| reply(200, &[], "{}"));
    let other = Server::start(|_| reply(404, &[], "<html>"));
    let check = |server: &Server| {
        let registry: Registry = server.address.parse().unwrap();
        check_login(Settings::default(), &registry, "u", "p", Arc::new(Recorder::default()))
    };

    assert_eq!(check(&open).unwrap(), LoginVerdict::NeverAsked);
    assert!(check(&other).unwrap_err().to_string().contains("no registry"));
}

#[test]
fn credentials_stay_here_where_tls_was_looked_for_in_vain() {
    for ask in ["Basic realm=\"r\"", "Bearer realm=\"http://HOST/token\",service=\"s\""] {
        let server = Server::start(move |seen| match seen.header("authorization") {
            _ if seen.line.contains("/token") => reply(200, &[], r#"{"token":"T"}"#),
            None => {
                let ask = ask.replace("HOST", seen.header("host").unwrap());
                reply(401, &[&format!("www-authenticate: {ask}")], "")
            }
            Some(_) => manifest(),
        });
        let folder = tempfile::tempdir().unwrap();
        let registry: Registry = server.address.parse().unwrap();
        let ask = |settings: Settings| {
            let client = Client::new(settings, Arc::new(Recorder::default())).unwrap();
            let app = "team/app".parse().unwrap();
            client.repository(&registry, &app, Side::Source).resolve(&name(&server, ":1"))
        };
        let with_password = login(&server, folder.path());

        let error = ask(with_password.clone()).unwrap_err();
        assert_eq!(error.class(), Class::Refused, "{error}");
        assert!(error.way_out().unwrap().contains("plain_http 127.0.0.1:"), "{error:?}");
        assert!(server.seen("").iter().all(|seen| seen.header("authorization").is_none()));
        assert!(server.seen("GET /token").is_empty());

        ask(Settings { plain_http: vec![registry.clone()], ..with_password }).unwrap();
        if server.seen("GET /token").len() == 1 {
            // Without credentials there is nothing to keep back.
            ask(Settings::default()).unwrap();
        }
    }
}

#[test]
fn a_password_crosses_plain_http_to_another_port_only_where_somebody_named_it() {
    let other = Server::start(|_| reply(200, &[], r#"{"token":"T"}"#));
    let realm = format!("www-authenticate: Bearer realm=\"http://{}/token\"", other.address);
    let server = Server::start(move |seen| match seen.header("authorization") {
        Some("Bearer T") => manifest(),
        _ => reply(401, &[&realm], ""),
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    let resolve = |auths: String, named: &[&str]| {
        std::fs::write(&path, format!(r#"{{"auths":{{{auths}}}}}"#)).unwrap();
        let mut settings = Settings { auth_files: vec![path.clone()], ..Settings::default() };
        settings.plain_http.extend(named.iter().map(|it| it.parse().unwrap()));
        let repository = server.with(Side::Source, settings, Arc::new(Recorder::default()));
        repository.resolve(&name(&server, ":1"))
    };
    let own = |entry: &str| format!(r#""{}":{{{entry}}}"#, server.address);
    let password = own(&format!(r#""auth":"{}""#, basic("u", "secret")));

    for entry in [password.clone(), own(r#""identitytoken":"secret""#)] {
        let error = resolve(entry, &[]).unwrap_err();
        assert_eq!(error.class(), Class::Refused, "{error}");
        assert!(format!("{:?}", error.way_out()).contains(&other.address), "{error:?}");
        assert!(other.log().is_empty(), "{:?}", other.log());
    }
    // Nothing secret goes there, or somebody said that it may.
    resolve(String::new(), &[]).unwrap();
    assert!(other.seen("").iter().all(|seen| seen.header("authorization").is_none()));
    resolve(password.clone(), &[&other.address]).unwrap();
    resolve(format!(r#"{password},"http://{}":{{}}"#, other.address), &[]).unwrap();
    let shown = other.seen("").iter().filter(|it| it.header("authorization").is_some()).count();
    assert_eq!(shown, 2, "{:?}", other.log());
}
