//! What a registry still gives out, held against what an export needs.

use std::collections::BTreeMap;

use crate::places::location::Source;
use crate::places::registry::{Client, PullLimit};
use crate::words::error::Side;
use crate::words::progress::{Event, Progress};
use crate::words::reference::{Reference, Registry};
use crate::work::graph::Wanted;

/// From how many images on a registry is asked for its quota. Docker Hub, which is known to have
/// one, is always asked; elsewhere a request more would mostly be for nothing.
const LARGE: u64 = 10;

/// Tells `progress` of each registry that gives out fewer manifests than are needed. Every image
/// needs one at least; those of several platforms need one more for each.
pub(super) fn look_ahead(wanted: &[Wanted], client: &Client, progress: &dyn Progress) {
    let mut registries: BTreeMap<&Registry, (u64, &Reference)> = BTreeMap::new();
    for wanted in wanted.iter().filter(|wanted| is_at_registry(wanted)) {
        registries.entry(&wanted.name.registry).or_insert((0, &wanted.name)).0 += 1;
    }
    for (registry, (images, name)) in registries {
        if images < LARGE && registry.as_str() != "docker.io" {
            continue;
        }
        let repository = client.repository(registry, &name.repository, Side::Source);
        // A fault here is no reason to stop: the first real request will tell of it.
        let quota = repository.quota(name).ok().flatten();
        if let Some(quota) = quota.filter(|quota| quota.remaining < images) {
            progress.event(Event::note(remark(registry, quota, images)));
        }
    }
}

fn is_at_registry(wanted: &Wanted) -> bool {
    matches!(wanted.text.parse(), Ok(Source::Registry(_)))
}

fn remark(registry: &Registry, quota: PullLimit, images: u64) -> String {
    let of = quota.limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
    let window = quota.window.map(|seconds| match seconds % 3600 {
        0 => format!(" in {} hours", seconds / 3600),
        _ => format!(" in {seconds} seconds"),
    });
    format!(
        "{registry} gives out {}{of} more manifests{}, and this export needs {images} or more; \
         log in for a higher limit, or run the same command again when it is spent",
        quota.remaining,
        window.unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;

    use super::*;
    use crate::places::registry::Settings;
    use crate::words::at::At;
    use crate::words::progress::Recorder;

    /// What is said before an export of that many images, when a registry gives out 11 more.
    fn said(images: usize) -> Vec<Event> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(
                    b"HTTP/1.1 401 X\r\nratelimit-limit: 100;w=21600\r\n\
                      ratelimit-remaining: 11;w=21600\r\ncontent-length: 0\r\n\
                      connection: close\r\n\r\n",
                );
            }
        });
        let progress = Arc::new(Recorder::default());
        let settings =
            Settings { plain_http: vec![host.to_string().parse().unwrap()], ..Settings::default() };
        let client = Client::new(settings, progress.clone()).unwrap();
        let wanted: Vec<Wanted> = (0..images)
            .map(|n| {
                let name: Reference = format!("{host}/app:{n}").parse().unwrap();
                let text = format!("docker://{name}");
                Wanted { origin: At::nth(0), text, place: None, name, is_one_of_all: false }
            })
            .collect();

        look_ahead(&wanted, &client, &*progress);

        progress.events()
    }

    #[test]
    fn a_quota_that_will_not_do_is_shown_before_it_is_missed() {
        let events = said(12);

        let [Event::Note(text)] = &events[..] else { panic!("{events:?}") };
        assert!(text.contains("11 of 100 more manifests in 6 hours"), "{text:?}");
        assert!(text.contains("needs 12"), "{text:?}");
        assert_eq!(said(11), [], "it will do");
    }
}
