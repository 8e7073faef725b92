use super::*;
use crate::words::moment::moment;

#[test]
fn signatures_that_do_not_count_are_named() {
    let sample = Sample::new();
    let path = sample.seal("b");
    let payload = std::fs::read(path.join(envelope_path(&sample.key.public().id()))).unwrap();
    let payload = Envelope::from_bytes(&payload).unwrap().into_payload();
    let stranger = PrivateKey::generate().unwrap();
    let foreign = Envelope::sign(&payload, &stranger).to_bytes();
    std::fs::write(path.join(envelope_path(&stranger.public().id())), &foreign).unwrap();

    let of_one =
        examine(&Medium::at(&path), &Trust::Keys(vec![sample.key.public().clone()]), moment(NOW))
            .unwrap();
    let keys = vec![sample.key.public().clone(), stranger.public().clone()];
    let of_both = examine(&Medium::at(&path), &Trust::Keys(keys.clone()), moment(NOW)).unwrap();

    let [other] = of_one.other_signatures() else { panic!("{:?}", of_one.other_signatures()) };
    assert!(other.path.ends_with(&format!("{}.dsse.json", stranger.public().id().short())));
    assert_eq!((of_one.problems(), other.key.clone()), (&[][..], stranger.public().id().hex()));
    assert_eq!((of_both.signers().len(), of_both.other_signatures().len()), (2, 0));

    // One that names a key that is trusted, and is not by it, or is in another's file.
    let text = String::from_utf8(foreign.clone()).unwrap();
    let forged = text.replace(&stranger.public().id().hex(), &sample.key.public().id().hex());
    for bytes in [forged.as_bytes(), &Envelope::sign(&payload, &sample.key).to_bytes()] {
        std::fs::write(path.join(envelope_path(&stranger.public().id())), bytes).unwrap();
        let examined =
            examine(&Medium::at(&path), &Trust::Keys(keys.clone()), moment(NOW)).unwrap();
        let [problem] = examined.problems() else { panic!("{:?}", examined.problems()) };
        assert!(
            problem.path.starts_with("sig/") && problem.kind == ProblemKind::Damaged,
            "{problem}"
        );
        assert_eq!(examined.signers(), [sample.key.public().id()]);
    }
}
