//! [`Services`]: which images the services of a project ask for.

use super::extends::EXTENDS;
use super::loader::Loader;
use super::value::{ComposeValue, Members, Spoken, Where};
use crate::words::error::{Class, Error};
use crate::words::reference::Reference;

/// Where an image comes from that is named instead of a folder.
const DOCKER_IMAGE: &str = "docker-image://";

/// Which images the services of a project ask for.
pub(super) struct Services<'l, 'a> {
    loader: &'l mut Loader<'a>,
    /// The profiles that are on.
    profiles: &'l [String],
    images: Vec<(Where, String, String)>,
    notes: Vec<(Where, String, String)>,
}

impl<'l, 'a> Services<'l, 'a> {
    /// Reads all of `project`, and tells it to the loader.
    pub(super) fn read(loader: &'l mut Loader<'a>, project: &Members, profiles: &'l [String]) {
        let (images, notes) = (Vec::new(), Vec::new());
        let mut services = Services { loader, profiles, images, notes };
        match project.get("services").map(|it| &it.said) {
            Some(Spoken::Map(members)) => {
                members.iter().for_each(|(name, service)| services.service(name, service));
            }
            None | Some(Spoken::Nothing) => {}
            Some(_) => {
                let at = project.get("services").map_or(Where { file: 0, line: 1 }, |it| it.at);
                let out = "write each service as a member of it";
                services.loader.wrong(at, "services", "is no mapping".to_owned(), out);
            }
        }
        for (name, model) in
            project.get("models").and_then(ComposeValue::members).into_iter().flatten()
        {
            let text = model.text_of("model").unwrap_or("no name");
            let text = format!("{text} is a model, and no image: it is not taken along");
            services.notes.push((model.at, format!("models.{name}"), text));
        }
        services.tell();
    }

    /// In the order of the files.
    fn tell(mut self) {
        self.images.sort();
        self.notes.sort();
        for (at, image, what) in self.images {
            let spot = self.loader.spot(at, what);
            self.loader.reading.image(image, spot);
        }
        for (at, what, text) in self.notes {
            let spot = self.loader.spot(at, what);
            self.loader.reading.note(spot, text);
        }
    }

    fn service(&mut self, name: &str, service: &ComposeValue) {
        let what = format!("services.{name}");
        if service.members().is_none() {
            let out = "give it an image, or take it out";
            self.loader.wrong(service.at, &what, "says nothing that is a service".to_owned(), out);
            return;
        }
        if let Some(profiles) = self.off(service) {
            let image = service.text_of("image").unwrap_or("the service");
            let text =
                format!("{image} is left out: it is there with the profile {profiles} alone");
            self.notes.push((service.at, what, text));
            return;
        }
        let build = service.get("build");
        let mut image = service.get("image").filter(|it| it.text() != Some("") || is_unset(it));
        if let Some(empty) = image.filter(|it| it.text() == Some("") && build.is_some()) {
            self.unset(empty, &what);
            image = None;
        }
        match (image, build) {
            (Some(image), build) => {
                self.image(image, &what);
                if let Some(build) = build {
                    let text = match service.text_of("pull_policy") {
                        Some("build") => "its image is built here, and may be in no registry",
                        _ => "its image may be built here, and be in no registry",
                    };
                    self.notes.push((build.at, what.clone(), text.to_owned()));
                }
            }
            (None, Some(build)) => {
                let context = build.text_of("context").unwrap_or(".");
                let dockerfile = build.text_of("dockerfile").unwrap_or("Dockerfile");
                let text = format!(
                    "is built from {context}, and not pulled: the images for that are in its {dockerfile}"
                );
                self.notes.push((build.at, what.clone(), text));
            }
            (None, None) => match service.get("provider") {
                Some(provider) => {
                    let kind = provider.text_of("type").unwrap_or("of no name");
                    let text = format!("is brought by the provider {kind}, and by no image");
                    self.notes.push((provider.at, what.clone(), text));
                }
                // What it extends is at fault, and that was told.
                None if service.members().is_some_and(|it| it.contains_key(EXTENDS)) => {}
                None => {
                    let text = "has neither an image nor a build".to_owned();
                    self.loader.wrong(service.at, &what, text, "give it one of them");
                }
            },
        }
        self.contexts(build, &what);
        self.hooks(service, &what);
        self.volumes(service, &what);
    }

    /// The profiles that would have `service` be there, where none of them is on.
    fn off(&self, service: &ComposeValue) -> Option<String> {
        let own: Vec<&str> =
            service.get("profiles")?.each().iter().filter_map(ComposeValue::text).collect();
        let is_on = |on: &String| on == "*" || own.contains(&on.as_str());
        let is_off = !own.is_empty() && !self.profiles.iter().any(is_on);
        is_off.then(|| own.join(" or "))
    }

    /// Images that are contexts of a build.
    fn contexts(&mut self, build: Option<&ComposeValue>, what: &str) {
        let contexts = build.and_then(|build| build.get("additional_contexts"));
        for (name, context) in contexts.and_then(ComposeValue::members).into_iter().flatten() {
            let image = context.text().and_then(|text| text.strip_prefix(DOCKER_IMAGE));
            if let Some(image) = image {
                let text = format!(
                    "{image} is left out: the build takes it as {name}, as it takes those of its Dockerfile"
                );
                self.notes.push((context.at, what.to_owned(), text));
            }
        }
    }

    /// Images that run before the service does.
    fn hooks(&mut self, service: &ComposeValue, what: &str) {
        let hooks = service.get("pre_start").map(ComposeValue::each).unwrap_or_default();
        for (at, hook) in hooks.iter().enumerate() {
            if let Some(image) = hook.get("image") {
                self.image(image, &format!("{what}: pre_start[{at}]"));
            }
        }
    }

    /// Images that are mounted; of mounts in one place the last one counts.
    fn volumes(&mut self, service: &ComposeValue, what: &str) {
        let volumes = service.get("volumes").map(ComposeValue::each).unwrap_or_default();
        if !volumes.iter().any(is_image) {
            return;
        }
        let mut last = std::collections::HashMap::new();
        for (at, volume) in volumes.iter().enumerate() {
            if let Some(target) = target(volume) {
                last.insert(target, at);
            }
        }
        for (at, volume) in volumes.iter().enumerate().filter(|(_, volume)| is_image(volume)) {
            if target(volume).is_some_and(|target| last.get(&target) != Some(&at)) {
                continue;
            }
            let nothing = ComposeValue { at: volume.at, said: Spoken::Nothing };
            let source = volume.get("source").unwrap_or(&nothing);
            self.image(source, &format!("{what}: volumes[{at}]"));
        }
    }

    /// Notes which variables of `value` are not set.
    fn unset(&mut self, value: &ComposeValue, what: &str) {
        if let Spoken::Text(text) = &value.said
            && !text.unset.is_empty()
        {
            let text = format!("{} is not set: nothing stands in its place", text.unset.join(", "));
            self.notes.push((value.at, what.to_owned(), text));
        }
    }

    /// Asks for the image that `value` names.
    fn image(&mut self, value: &ComposeValue, what: &str) {
        let Some(name) = self.loader.text(value, "the image").map(ToOwned::to_owned) else {
            return;
        };
        let Spoken::Text(text) = &value.said else { return };
        let spot = self.loader.spot(value.at, what);
        let unset = text.unset.join(", ");
        match name.parse::<Reference>() {
            Ok(_) if text.is_bare => {
                let text = format!("the image {name} is a number, or a truth value");
                self.loader.reading.wrong(spot, text, "put it in quotes, where that is its name");
            }
            Ok(_) => {
                self.unset(value, what);
                self.images.push((value.at, name, what.to_owned()));
            }
            Err(_) if !unset.is_empty() => {
                let text = format!("{name:?} is no image: {unset} is not set");
                let out = format!("set {unset} in the environment, or in .env beside the file");
                self.loader.reading.wrong(spot, text, out);
            }
            Err(error) => self.loader.reading.fault(spot, named(&name, error)),
        }
    }
}

/// That the image called `name` is none.
fn named(name: &str, error: Error) -> Error {
    Error::new(Class::Usage, format!("{name:?} is no image")).source(error)
}

/// Whether a text is empty for want of a variable.
fn is_unset(value: &ComposeValue) -> bool {
    matches!(&value.said, Spoken::Text(text) if !text.unset.is_empty())
}

fn is_image(volume: &ComposeValue) -> bool {
    volume.text_of("type") == Some("image")
}

/// Where a volume is mounted.
fn target(volume: &ComposeValue) -> Option<String> {
    let target = match volume.text() {
        None => volume.text_of("target")?,
        Some(text) => {
            // A drive of Windows has a colon of its own.
            let is_drive = |part: &str| part.len() == 1 && part.starts_with(char::is_alphabetic);
            let (first, rest) = text.split_once(':').unwrap_or((text, ""));
            let (source, rest) = match is_drive(first) {
                true => rest.split_once(':').unwrap_or((rest, "")),
                false => (first, rest),
            };
            match rest {
                "" => source,
                rest => rest.split(':').next().unwrap_or(rest),
            }
        }
    };
    let parts: Vec<&str> = target.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    Some(parts.join("/"))
}
