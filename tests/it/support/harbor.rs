//! A double of Harbor 2: its own API, tokens, rights, quotas and rules, in front of Debian's
//! docker-registry, which does the storing. After Harbor's published description of its API
//! (`api/v2.0/swagger.yaml`) and the behaviour of its middleware (`src/server/middleware`).

mod api;
mod exchange;
mod rules;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use self::exchange::{Call, Reply};
use self::tokens::Tokens;
use super::registry::{Registry, Request, authfile};

/// Harbor's default, `token_expiration`.
const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

/// What an account may do in a project.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Guest,
    Developer,
}

/// Who may talk to the Harbor.
#[derive(Clone, Default)]
pub struct Account {
    pub name: String,
    pub password: String,
    /// Whether it may do everything everywhere.
    pub admin: bool,
    pub roles: BTreeMap<String, Role>,
}

/// A project.
#[derive(Clone, Default)]
pub struct Project {
    pub id: u64,
    pub public: bool,
    /// Bytes; -1 without a limit.
    pub limit: i64,
    pub used: i64,
    /// What counts against the quota already: digests of blobs and documents.
    pub counted: BTreeSet<String>,
    /// Repository and tag patterns of tags that may not be moved.
    pub immutable: Vec<(String, String)>,
}

#[derive(Default)]
struct State {
    accounts: Vec<Account>,
    projects: BTreeMap<String, Project>,
    /// By repository and subject, what refers to it.
    referrers: BTreeMap<(String, String), Vec<Value>>,
    log: Vec<Request>,
    read_only: bool,
    /// The quota of projects that users make themselves; none when only administrators may.
    everyone_creates: Option<i64>,
}

/// A running Harbor.
pub struct Harbor {
    inner: Arc<Inner>,
    dir: TempDir,
    thread: Option<std::thread::JoinHandle<()>>,
}

struct Inner {
    port: u16,
    registry: Registry,
    state: Mutex<State>,
    tokens: Tokens,
    stop: AtomicBool,
}

impl Harbor {
    /// The administrator's name and password.
    pub const ADMIN: (&'static str, &'static str) = ("admin", "Harbor12345");

    /// An empty Harbor with an administrator and the public project `library`, as one has it
    /// after its installation.
    pub fn start() -> Harbor {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let inner = Arc::new(Inner {
            port: listener.local_addr().unwrap().port(),
            registry: Registry::empty(),
            state: Mutex::default(),
            tokens: Tokens::lasting(HALF_AN_HOUR),
            stop: AtomicBool::new(false),
        });
        let serving = Arc::clone(&inner);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if serving.stop.load(Ordering::SeqCst) {
                    return;
                }
                let inner = Arc::clone(&serving);
                std::thread::spawn(move || inner.serve(stream));
            }
        });
        let harbor = Harbor { inner, dir: TempDir::new().unwrap(), thread: Some(thread) };
        let (name, password) = Harbor::ADMIN;
        harbor.inner.state().accounts.push(Account {
            name: name.to_owned(),
            password: password.to_owned(),
            admin: true,
            roles: BTreeMap::new(),
        });
        harbor.project("library", -1);
        harbor.inner.state().projects.get_mut("library").unwrap().public = true;
        harbor
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.inner.port)
    }

    /// The registry behind it, which asks nobody for anything.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// Adds a private project with a limit in bytes, -1 for none.
    pub fn project(&self, name: &str, limit: i64) {
        self.inner.state().add_project(name, false, limit);
    }

    /// Adds an account with its roles by project.
    pub fn account(&self, name: &str, password: &str, roles: &[(&str, Role)]) {
        let roles = roles.iter().map(|(project, role)| ((*project).to_owned(), *role)).collect();
        let (name, password) = (name.to_owned(), password.to_owned());
        self.inner.state().accounts.push(Account { name, password, admin: false, roles });
    }

    /// Keeps tags from being moved; `**` stands for every repository or tag.
    pub fn immutable(&self, project: &str, repositories: &str, tags: &str) {
        let rule = (repositories.to_owned(), tags.to_owned());
        self.inner.state().projects.get_mut(project).unwrap().immutable.push(rule);
    }

    /// Takes all such rules away again.
    pub fn forget_rules(&self, project: &str) {
        self.inner.state().projects.get_mut(project).unwrap().immutable.clear();
    }

    /// Lets everybody make projects, with a default limit in bytes.
    pub fn everyone_creates(&self, limit: i64) {
        self.inner.state().everyone_creates = Some(limit);
    }

    /// How many manifests refer to others.
    pub fn referrers(&self) -> usize {
        self.inner.state().referrers.values().map(Vec::len).sum()
    }

    /// Sets the limit of a project to `bytes` more than it holds.
    pub fn leave_room(&self, project: &str, bytes: i64) {
        let mut state = self.inner.state();
        let project = state.projects.get_mut(project).unwrap();
        project.limit = project.used + bytes;
    }

    /// Makes the registry read-only, or not.
    pub fn read_only(&self, yes: bool) {
        self.inner.state().read_only = yes;
    }

    /// Lets each token be used so many times, as if its half hour were over then.
    pub fn tokens_last(&self, uses: usize) {
        self.inner.tokens.last(uses);
    }

    /// Tokens given so far.
    pub fn tokens_given(&self) -> usize {
        self.inner.tokens.given()
    }

    /// A project as it stands.
    pub fn look(&self, name: &str) -> Option<Project> {
        self.inner.state().projects.get(name).cloned()
    }

    /// All requests so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.inner.state().log.clone()
    }

    /// All requests that would have changed something.
    pub fn writes(&self) -> Vec<Request> {
        self.requests().into_iter().filter(Request::is_write).collect()
    }

    /// Writes a `--authfile` for the account.
    pub fn authfile(&self, name: &str, password: &str) -> PathBuf {
        let dir = self.dir.path().join(name.replace('/', "-"));
        std::fs::create_dir_all(&dir).unwrap();
        authfile(&dir, &self.host(), name, password)
    }

    /// A `registries.conf` with which podman and skopeo speak plain HTTP to it.
    pub fn registries_conf(&self) -> PathBuf {
        let file = self.dir.path().join("registries.conf");
        let text = format!("[[registry]]\nlocation = \"{}\"\ninsecure = true\n", self.host());
        std::fs::write(&file, text).unwrap();
        file
    }
}

impl Drop for Harbor {
    fn drop(&mut self) {
        self.inner.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.inner.port));
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

impl State {
    fn add_project(&mut self, name: &str, public: bool, limit: i64) {
        let id = self.projects.len() as u64 + 1;
        let project = Project { id, public, limit, ..Project::default() };
        self.projects.insert(name.to_owned(), project);
    }
}

impl Account {
    fn role(&self, project: &str) -> Option<Role> {
        if self.admin { Some(Role::Developer) } else { self.roles.get(project).copied() }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// One request a connection.
    fn serve(&self, stream: TcpStream) {
        let Some(mut call) = Call::read(stream) else { return };
        let status = self.answer(&mut call);
        let (method, path) = (call.method.clone(), call.target.clone());
        self.state().log.push(Request { method, path, status });
        // Only now may the client go on: a test that looks at the log sees everything.
        call.finish();
    }

    fn answer(&self, call: &mut Call) -> u16 {
        if let Some(path) = call.path().strip_prefix("/api/v2.0").map(str::to_owned) {
            let reply = self.api(call, &path);
            return call.reply(reply);
        }
        if call.path() == "/service/token" {
            let reply = self.token(call);
            return call.reply(reply);
        }
        if call.path().starts_with("/v2/") {
            return match self.admit(call) {
                Ok(()) => self.registry_call(call),
                Err(refusal) => call.reply(refusal),
            };
        }
        call.reply(Reply::error(404, "NOT_FOUND", "no such page"))
    }

    /// The account of `Basic` credentials; `Err` when they are wrong.
    fn basic(&self, call: &Call) -> Result<Option<Account>, Reply> {
        let Some((name, password)) = call.basic() else { return Ok(None) };
        let state = self.state();
        let found = state.accounts.iter().find(|a| a.name == name && a.password == password);
        match found {
            Some(account) => Ok(Some(account.clone())),
            None => Err(Reply::error(401, "UNAUTHORIZED", "unauthorized")),
        }
    }

    /// `GET /service/token`: what the account may do of what is asked, which may be nothing.
    fn token(&self, call: &Call) -> Reply {
        if call.query("service").as_deref() != Some("harbor-registry") {
            return Reply::error(400, "BAD_REQUEST", "Unable to handle service");
        }
        let account = match self.basic(call) {
            Ok(account) => account,
            Err(refusal) => return refusal,
        };
        let scopes: Vec<String> = call
            .queries("scope")
            .iter()
            .flat_map(|scopes| scopes.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .collect();
        if account.is_none() && scopes.is_empty() {
            return Reply::error(401, "UNAUTHORIZED", "");
        }
        let state = self.state();
        let granted = scopes.iter().filter_map(|scope| {
            let rest = scope.strip_prefix("repository:")?;
            let (name, _) = rest.rsplit_once(':')?;
            let project = name.split('/').next().unwrap_or(name);
            Some((name.to_owned(), rights(&state, account.as_ref(), project)))
        });
        let token = self.tokens.give(granted.collect());
        Reply::json(&json!({
            "token": token, "access_token": "", "expires_in": HALF_AN_HOUR.as_secs(),
            "issued_at": "2026-11-21T10:00:00Z",
        }))
    }
}

/// What an account, or nobody, may do in a project.
fn rights(state: &State, account: Option<&Account>, project: &str) -> Vec<&'static str> {
    let Some(found) = state.projects.get(project) else { return Vec::new() };
    match account.and_then(|account| account.role(project)) {
        Some(Role::Developer) => vec!["pull", "push"],
        Some(Role::Guest) => vec!["pull"],
        None if found.public => vec!["pull"],
        None => Vec::new(),
    }
}
