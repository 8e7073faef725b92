use super::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/image-signatures");

fn pem(name: &str) -> String {
    std::fs::read_to_string(format!("{FOLDER}/{name}.pub.pem")).unwrap()
}

fn kinds(text: &str) -> Vec<&'static str> {
    ImageKey::all_from_pem(text).unwrap().iter().map(ImageKey::kind).collect()
}

#[test]
fn a_file_has_one_key_or_several() {
    assert_eq!(kinds(&pem("p256")), ["ECDSA P-256"]);
    let all = ["p256", "rsa", "ed25519"].map(pem).join("# the next one\n\n");
    assert_eq!(kinds(&all), ["ECDSA P-256", "RSA", "Ed25519"]);
    assert!(ImageKey::all_from_pem(&pem("p256").repeat(MAX_KEYS)).is_ok());
    let error = ImageKey::all_from_pem(&pem("p256").repeat(MAX_KEYS + 1)).unwrap_err();
    assert!(error.to_string().contains("more than 16 keys"), "{error}");
}

#[test]
fn the_id_is_what_openssl_and_sha256sum_say() {
    let [key] = ImageKey::all_from_pem(&pem("ed25519")).unwrap().try_into().unwrap();
    assert_eq!(key.id(), PublicKey::from_pem(&pem("ed25519")).unwrap().id());
}

#[test]
fn what_is_no_public_key_or_a_weak_one_is_refused() {
    let small = |name: &str| pem(&format!("refused/{name}"));
    for (text, why) in [
        (String::new(), "expected a key in PEM"),
        ("-----BEGIN PRIVATE KEY-----".to_owned(), "this is a private key"),
        (pem("p256").replace("-----END", "-----EN"), "it has no end"),
        (pem("p256").replace("MFk", "MFkk"), "it is no"),
        (small("rsa-1024"), "RSA of 1024 bits; it takes 2048 at least"),
        (small("p521"), "it is of another kind"),
        (small("p256-compressed"), "its point is compressed"),
        (small("ed25519-weak"), "the key is weak"),
        ("-----BEGIN CERTIFICATE-----\n".to_owned(), "expected a key in PEM"),
    ] {
        let error = ImageKey::all_from_pem(&text).unwrap_err();
        assert_eq!(error.class(), Class::Usage);
        assert!(error.to_string().contains(why), "{why}: {error}");
    }
}
