//! [`Http`]: one request, one answer, over agents that are kept for each host.

pub(super) mod access;
pub(super) mod answer;
pub(super) mod proxy;
pub(super) mod reach;
pub(super) mod steady;
pub(super) mod tls;
pub(super) mod url;

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ureq::http::{Method, Request};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, SendBody};

use self::access::Access;
use self::answer::Answer;
use self::reach::{Ground, Guard, Met};
use self::steady::TakenBody;
use self::tls::{Roots, check_provider};
use self::url::Url;
use super::settings::Settings;
use crate::tools::buffer::BUFFER;
use crate::words::cancel::{Cancel, Wait};
use crate::words::error::{Class, Error, Result};

/// How long a connection, TLS included, may take to come about.
const CONNECT: Duration = Duration::from_secs(30);
/// How long this machine itself may take for it: it answers at once or not at all.
const CONNECT_LOCAL: Duration = Duration::from_secs(5);
/// How many times longer a registry may think after the last byte of an upload: those on object
/// storage copy the whole blob once more before they answer.
const UPLOAD_FACTOR: u32 = 10;
/// From which size on a registry is asked before the body is sent. A refusal (401, 403, 413) then
/// costs no bytes; a server that does not know the question costs one second, which is nothing
/// beside 8 MiB but much beside a thousand small blobs.
const ASK_FROM: u64 = 8 << 20;

/// Sends requests. Redirects, credentials and retries are decided above.
#[derive(Debug)]
pub(super) struct Http {
    jobs: usize,
    roots: Roots,
    met: Met,
    agents: Arc<Agents>,
}

/// What makes and keeps connections, by what is asked over them: the origin, what it may lead to,
/// whether it is the registry itself, and how that is reached.
#[derive(Debug, Default)]
struct Agents(Mutex<HashMap<(String, Ground, bool, Access), Agent>>);

impl Wait for Agents {
    /// Closes all connections. What is asked later, to clean up, goes over new ones.
    fn end(&self) {
        let agents = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        agents.into_values().for_each(Agent::shutdown);
    }
}

/// What goes out.
pub(super) struct Outgoing<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    /// Whether the address is the registry's own, so that a client certificate may be shown.
    pub(super) own: bool,
    pub(super) headers: &'a [(&'static str, String)],
    /// The whole `Authorization` header.
    pub(super) authorization: Option<&'a str>,
    pub(super) payload: Payload<'a>,
}

impl<'a> Outgoing<'a> {
    /// A question to the registry itself, without credentials.
    pub(super) fn get(url: &'a Url) -> Outgoing<'a> {
        Outgoing {
            method: Method::GET,
            url,
            own: true,
            headers: &[],
            authorization: None,
            payload: Payload::None,
        }
    }
}

/// The body of a request.
pub(super) enum Payload<'a> {
    /// None at all.
    None,
    /// Bytes at hand.
    Bytes(&'a [u8]),
    /// Exactly `size` bytes from a reader.
    Stream(&'a mut dyn Read, u64),
}

/// Why there is no answer.
pub(super) enum Silence {
    /// The settings are wrong.
    Setup(Error),
    /// The connection failed.
    Wire(ureq::Error),
}

impl Http {
    /// Keeps up to `jobs` idle connections a host, until `cancel` says stop.
    pub(super) fn new(jobs: usize, cancel: &Cancel) -> Http {
        let agents = Arc::new(Agents::default());
        let wait = Arc::downgrade(&agents);
        cancel.ends(wait);
        Http { jobs: jobs.max(1), roots: Roots::default(), met: Met::default(), agents }
    }

    /// What may be beside the host of `url`, by its address, by all that its name was found to
    /// mean, or else by the name itself.
    pub(super) fn beside(&self, url: &Url) -> Ground {
        let by_name = || url.zone().map_or(Ground::PUBLIC, Ground::beside);
        match url.ip() {
            Some(_) => by_name(),
            None => self.met.beside(url.host()).unwrap_or_else(by_name),
        }
    }

    /// Sends one request to a host that is reached as `access` says, and returns as soon as the
    /// headers of the answer are here.
    pub(super) fn send(
        &self,
        settings: &Settings,
        access: Access,
        out: Outgoing<'_>,
    ) -> Result<Answer, Silence> {
        let agent = self.agent(settings, access, out.url, out.own).map_err(Silence::Setup)?;
        let whole = out.method == Method::PUT;
        let mut request = Request::builder().method(out.method).uri(out.url.to_string());
        for (name, value) in out.headers {
            request = request.header(*name, value);
        }
        if let Some(value) = out.authorization {
            request = request.header("authorization", value);
        }
        let patience = settings.timeout;
        let mut stall = patience;
        if let Payload::Stream(_, size) = out.payload {
            request = request.header("content-length", size);
            stall = patience.saturating_mul(UPLOAD_FACTOR);
            // A piece is small enough to be lost, and follows one that was taken. (ureq 3.5 would
            // also wait for more than the refusal that came at once over a new connection.)
            if size >= ASK_FROM && whole {
                request = request.header("expect", "100-continue");
            }
        }
        let response = match out.payload {
            Payload::None => run(&agent, stall, request.body(SendBody::none())),
            Payload::Bytes(bytes) => run(&agent, stall, request.body(bytes)),
            Payload::Stream(reader, _) => {
                let mut body = TakenBody::new(reader, patience);
                run(&agent, stall, request.body(SendBody::from_reader(&mut body)))
            }
        };
        let (parts, body) = response.map_err(Silence::Wire)?.into_parts();
        let (status, headers) = (parts.status.as_u16(), parts.headers);
        let (url, own, seen) = (out.url.clone(), out.own, Vec::new());
        Ok(Answer { status, headers, body, url, own, patience, seen })
    }

    /// The agent for the host of `url`, made when first needed.
    fn agent(&self, settings: &Settings, access: Access, url: &Url, own: bool) -> Result<Agent> {
        let key = (url.origin(), url.ground(), own, access);
        let mut agents = self.agents.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents.get(&key) {
            return Ok(agent.clone());
        }
        let agent = self.make(settings, &key.3, url, own)?;
        agents.insert(key, agent.clone());
        Ok(agent)
    }

    fn make(&self, settings: &Settings, access: &Access, url: &Url, own: bool) -> Result<Agent> {
        let proxy = match settings.proxies.choose(url) {
            // The address may hold a password and is not repeated.
            Some(proxy) => Some(usable(proxy).map_err(|why| {
                Error::new(Class::Usage, format!("the proxy for {} {why}", url.origin()))
                    .hint("check http_proxy and https_proxy, or name the host in no_proxy")
            })?),
            None => None,
        };
        let tunnels = |proxy: &ureq::Proxy| proxy.protocol() == ureq::ProxyProtocol::Https;
        if url.is_https() || proxy.as_ref().is_some_and(tunnels) {
            check_provider()?;
        }
        // A proxy looks the host up, and is itself wherever the user says.
        let guard = match &proxy {
            Some(_) => Guard::new(Ground::ANYWHERE, Met::default()),
            None => Guard::new(url.ground(), self.met.clone()),
        };
        let connect = match url.is_loopback() {
            true => CONNECT_LOCAL,
            false => CONNECT,
        };
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
            .user_agent(concat!("sealift/", env!("CARGO_PKG_VERSION")))
            // A compressed answer would not have the digest that was asked for.
            .accept_encoding("identity")
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(connect))
            .timeout_per_write(Some(settings.timeout))
            .input_buffer_size(BUFFER)
            .output_buffer_size(BUFFER)
            .max_idle_connections(self.jobs * 2)
            .max_idle_connections_per_host(self.jobs);
        if url.is_https() {
            config = config.tls_config(self.roots.config(&folders(settings, url), access, own)?);
        }
        Ok(Agent::with_parts(config.build(), DefaultConnector::default(), guard))
    }
}

/// A proxy, if it speaks HTTP.
fn usable(address: &str) -> Result<ureq::Proxy, &'static str> {
    let proxy = ureq::Proxy::new(address).map_err(|_| "is no address")?;
    match proxy.protocol() {
        ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https => Ok(proxy),
        _ => Err("is none of HTTP; SOCKS is not supported"),
    }
}

/// Where certificates for the host of `url` lie.
fn folders(settings: &Settings, url: &Url) -> Vec<PathBuf> {
    let name = match url.authority() {
        "registry-1.docker.io" => "docker.io",
        other => other,
    };
    let own = settings.cert_dirs.iter().map(|parent| parent.join(name));
    settings.cert_dir.iter().cloned().chain(own).collect()
}

type Sent = Result<ureq::http::Response<Body>, ureq::Error>;

fn run<S: ureq::AsSendBody>(
    agent: &Agent,
    stall: Duration,
    request: Result<Request<S>, ureq::http::Error>,
) -> Sent {
    let request = agent.configure_request(request?);
    // Single reads may be as slow; the headers as a whole may not.
    let request = request.timeout_per_read(Some(stall)).timeout_recv_response(Some(stall)).build();
    agent.run(request)
}
