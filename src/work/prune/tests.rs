use std::collections::{BTreeMap, BTreeSet};
use std::slice::from_ref;
use std::sync::Mutex;

use super::*;
use crate::bundle::contents::Contents;
use crate::bundle::samples::Stock;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::progress::Silent;
use crate::words::reference::Reference;
use crate::work::mapping::{Mapping, Naming};

/// A place in memory, which writes down what is taken away.
struct Fake {
    documents: BTreeMap<Digest, Document>,
    names: Mutex<BTreeMap<Reference, Digest>>,
    log: Mutex<Vec<String>>,
    parts_names: bool,
}

impl ImageRemoval for &Fake {
    fn names(&self) -> Result<Vec<Reference>> {
        Ok(self.names.lock().unwrap().keys().cloned().collect())
    }

    fn stands_for(&self, name: &Reference) -> Result<Held> {
        Ok(self.names.lock().unwrap().get(name).map_or(Held::Nothing, |it| Held::Known(*it)))
    }

    fn look_into(&self, digest: &Digest) -> Result<Option<Document>> {
        Ok(self.documents.get(digest).cloned())
    }

    fn is_there(&self, about: &Descriptor) -> Result<bool> {
        Ok(self.documents.contains_key(&about.digest))
    }

    fn referring(&self, subject: &Descriptor) -> Result<Vec<Digest>> {
        let refers = |it: &&Document| it.subject().is_some_and(|of| of.digest == subject.digest);
        Ok(self.documents.values().filter(refers).map(|it| it.descriptor().digest).collect())
    }

    fn parts_names(&self) -> Result<bool> {
        Ok(self.parts_names)
    }

    fn unname(&self, name: &Reference) -> Result<()> {
        self.log.lock().unwrap().push(name.to_string());
        Ok(())
    }

    fn remove(&self, about: &Descriptor) -> Result<()> {
        self.log.lock().unwrap().push(about.digest.to_string());
        Ok(())
    }
}

/// Everything of `stock`, with these names.
fn place(stock: &Stock, names: &[(&str, &Descriptor)], parts_names: bool) -> Fake {
    let names = names.iter().map(|(name, about)| (name.parse().unwrap(), about.digest));
    Fake {
        documents: stock.documents.clone(),
        names: Mutex::new(names.collect()),
        log: Mutex::default(),
        parts_names,
    }
}

fn plan(kept: &Contents, brought: &Contents, place: &Fake) -> PrunePlan {
    let mapping = Mapping::new(Naming::FullNames);
    let claims =
        Claims::of(from_ref(kept), from_ref(brought), &mapping, |_| String::new()).unwrap();
    let places: [Box<dyn ImageRemoval + '_>; 1] = [Box::new(place)];
    PrunePlan::make(&claims, &places, vec!["here".to_owned()], 2).unwrap()
}

fn take_away(plan: &PrunePlan, place: &Fake) -> Result<Vec<String>> {
    let places: [Box<dyn ImageRemoval + '_>; 1] = [Box::new(place)];
    run(plan, &places, Jobs::default(), &Silent)?;
    Ok(place.log.lock().unwrap().clone())
}

const A: &str = "x.example/r:a";
const B: &str = "x.example/r:b";

/// An index of two images with a signature, and another index that shares one of them.
fn shared() -> (Stock, [Contents; 2], [Descriptor; 6]) {
    let mut stock = Stock::default();
    let [one, two, three] = ["one", "two", "three"].map(|it| stock.image(it, "linux/amd64"));
    let (old, new) = (stock.index(&[&one, &two]), stock.index(&[&two, &three]));
    let signature = stock.referrer("x/signature", &old);
    let mut brought = stock.contents(&[(A, &old)]);
    stock.refer(&mut brought, "x.example/r", &signature);
    let kept = stock.contents(&[(B, &new)]);
    (stock, [kept, brought], [one, two, three, old, new, signature])
}

#[test]
fn names_go_first_then_indexes_then_their_parts_and_what_refers_to_them_last() {
    let (stock, [kept, brought], [one, _, _, old, new, signature]) = shared();
    for parts_names in [true, false] {
        let place = place(&stock, &[(A, &old), (B, &new)], parts_names);

        let plan = plan(&kept, &brought, &place);
        let log = take_away(&plan, &place).unwrap();

        let mut expected = vec![A.to_owned()];
        expected.truncate(usize::from(parts_names));
        expected.extend([&old, &one, &signature].map(|it| it.digest.to_string()));
        assert_eq!(log, expected);
        let planned: Vec<_> = plan.lots[0].documents.iter().map(|it| it.digest).collect();
        assert_eq!(planned, [old.digest, one.digest, signature.digest]);
    }
}

#[test]
fn a_name_that_went_back_to_what_an_older_bundle_brought_was_moved_and_stays() {
    let mut stock = Stock::default();
    let [one, two, other] = ["one", "two", "other"].map(|it| stock.image(it, "linux/amd64"));
    let brought = [&one, &two].map(|it| stock.contents(&[(A, it)]));
    let kept = stock.contents(&[(B, &other)]);
    let mapping = Mapping::new(Naming::FullNames);
    for (stands_for, action, gone) in
        [(&one, PruneAction::Moved, vec![&two]), (&two, PruneAction::Remove, vec![&one, &two])]
    {
        let place = place(&stock, &[(A, stands_for), (B, &other)], true);
        let places: [Box<dyn ImageRemoval + '_>; 1] = [Box::new(&place)];
        let key = |_: &Reference| String::new();
        let claims = Claims::of(from_ref(&kept), &brought, &mapping, key).unwrap();

        let plan = PrunePlan::make(&claims, &places, vec!["here".to_owned()], 2).unwrap();

        assert_eq!(plan.lots[0].names[0].action, action);
        let going: BTreeSet<Digest> = plan.lots[0].documents.iter().map(|it| it.digest).collect();
        assert_eq!(going, gone.into_iter().map(|it| it.digest).collect());
        assert_eq!(plan.lots[0].frees, plan.frees);
    }
}

#[test]
fn what_is_moved_after_it_was_looked_at_ends_the_run_before_anything_goes() {
    let (stock, [kept, brought], [one, _, _, old, new, _]) = shared();
    let place = place(&stock, &[(A, &old), (B, &new)], true);
    let plan = plan(&kept, &brought, &place);
    place.names.lock().unwrap().insert(A.parse().unwrap(), one.digest);

    let error = take_away(&plan, &place).unwrap_err();

    assert_eq!(error.class(), Class::Refused);
    assert!(error.message().contains("just now"), "{error}");
    assert!(place.log.lock().unwrap().is_empty());
}

#[test]
fn a_name_that_somebody_gave_since_to_what_goes_ends_the_run_before_anything_goes() {
    let (stock, [kept, brought], [one, _, _, old, new, _]) = shared();
    for parts_names in [true, false] {
        for theirs in [&one, &old] {
            let place = place(&stock, &[(A, &old), (B, &new)], parts_names);
            let plan = plan(&kept, &brought, &place);
            let name = "x.example/r:theirs".parse().unwrap();
            place.names.lock().unwrap().insert(name, theirs.digest);

            let error = take_away(&plan, &place).unwrap_err();

            assert_eq!(error.class(), Class::Refused);
            assert!(error.message().contains("r:theirs was moved to"), "{error}");
            assert!(place.log.lock().unwrap().is_empty());
        }
    }
}

#[test]
fn what_was_left_by_a_run_that_ended_is_found_without_its_name() {
    let (mut stock, [kept, brought], [one, _, _, old, new, signature]) = shared();
    stock.documents.remove(&old.digest);
    let place = place(&stock, &[(B, &new)], true);

    let log = take_away(&plan(&kept, &brought, &place), &place).unwrap();

    assert_eq!(log, [&one, &signature].map(|it| it.digest.to_string()));
}

#[test]
fn an_image_stays_while_anybody_else_names_refers_to_or_contains_it() {
    let (mut stock, [kept, brought], [one, _, _, old, new, _]) = shared();
    let theirs = stock.index(&[&old]);
    let other = stock.referrer("x/theirs", &one);
    let action = |documents: &Stock, names: &[(&str, &Descriptor)]| {
        let place = place(documents, names, false);
        let plan = plan(&kept, &brought, &place);
        assert!(plan.lots[0].documents.is_empty(), "{names:?}");
        plan.lots[0].names[0].action
    };
    let both = [(A, &old), (B, &new)];
    let mut unsigned = stock.clone();
    unsigned.documents.remove(&other.digest);

    assert_eq!(action(&stock, &both), PruneAction::Referred);
    for theirs in [&old, &theirs] {
        let all = [both[0], both[1], ("x.example/r:theirs", theirs)];
        let place = place(&unsigned, &all, false);
        let plan = plan(&kept, &brought, &place);
        assert_eq!(plan.lots[0].names[0].action, PruneAction::Shared);
        assert!(plan.lots[0].documents.iter().all(|it| it.digest != old.digest));
        assert!(plan.lots[0].documents.iter().all(|it| it.digest != one.digest));
    }
}
