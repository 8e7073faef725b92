//! A double of Harbor 2: its own API, tokens, rights, quotas and rules, in front of Debian's
//! docker-registry, which does the storing. After what Harbor v2.15.2 was seen to do, and where
//! that was not tried, after the published description of its API (`api/v2.0/swagger.yaml`) and
//! its middleware (`src/server/middleware`).

mod accounts;
mod api;
mod artifacts;
mod exchange;
mod rules;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

pub use self::accounts::Role;
use self::accounts::{Account, rights};
use self::artifacts::Artifact;
use self::exchange::{Call, Reply};
use self::tokens::Tokens;
use super::registry::{Registry, Request, authfile};
use super::wire::{Free, Port};

/// Harbor's default, `token_expiration`.
const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

/// A project.
#[derive(Clone, Default)]
pub struct Project {
    pub id: u64,
    pub public: bool,
    /// Bytes; -1 without a limit.
    pub limit: i64,
    pub used: i64,
    /// What counts against the quota: blobs and documents with their sizes.
    pub counted: BTreeMap<String, i64>,
    /// What is being sent right now.
    reserved: i64,
    /// Repository and tag patterns of tags that may not be moved.
    pub immutable: Vec<(String, String)>,
    /// What an image needs before it may be pulled.
    pub policy: Option<Policy>,
    /// Whether it caches another registry.
    pub is_cache: bool,
}

/// What a project wants of an image before it may be pulled.
#[derive(Clone, Copy)]
pub enum Policy {
    /// A scan, which never happens here.
    Scanned,
    /// A signature.
    Signed,
}

#[derive(Default)]
pub struct State {
    accounts: Vec<Account>,
    projects: BTreeMap<String, Project>,
    /// By repository and digest.
    artifacts: BTreeMap<String, BTreeMap<String, Artifact>>,
    /// Repositories with digests and tags that were removed; the registry behind still has them.
    gone: BTreeSet<(String, String)>,
    audit: Vec<String>,
    log: Vec<Request>,
    read_only: bool,
    /// Whether nginx makes a 502 of a refusal that comes before the body was read.
    hasty: bool,
    /// The quota of projects that users make themselves; none when only administrators may.
    everyone_creates: Option<i64>,
}

/// A running Harbor.
pub struct Harbor {
    inner: Arc<Inner>,
    dir: TempDir,
    port: Port,
}

struct Inner {
    port: u16,
    registry: Registry,
    state: Mutex<State>,
    tokens: Tokens,
}

impl Harbor {
    /// The administrator's name and password.
    pub const ADMIN: (&'static str, &'static str) = ("admin", "Harbor12345");

    /// An empty Harbor with an administrator and the public project `library`, as one has it
    /// after its installation.
    pub fn start() -> Harbor {
        let free = Free::take();
        let inner = Arc::new(Inner {
            port: free.number(),
            registry: Registry::empty(),
            state: Mutex::default(),
            tokens: Tokens::lasting(HALF_AN_HOUR),
        });
        let serving = Arc::clone(&inner);
        let port = free.serve(move |stream| serving.serve(stream));
        let harbor = Harbor { inner, dir: TempDir::new().unwrap(), port };
        let (name, password) = Harbor::ADMIN;
        let (name, password) = (name.to_owned(), password.to_owned());
        harbor.inner.add(Account { name, password, admin: true, ..Account::default() });
        harbor.project("library", -1);
        harbor.inner.state().projects.get_mut("library").unwrap().public = true;
        harbor
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.port.host()
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
        self.inner.add(Account { name, password, roles, ..Account::default() });
    }

    /// Adds a robot of a project with `repository:push` and `repository:pull`, and gives its name.
    pub fn robot(&self, project: &str, password: &str) -> String {
        let name = format!("robot${project}+carrier");
        let roles = BTreeMap::from([(project.to_owned(), Role::PushPull)]);
        let (known, password) = (name.clone(), password.to_owned());
        let account = Account { name: known, password, roles, robot: true, ..Account::default() };
        self.inner.add(account);
        name
    }

    /// Adds a robot of a project that may delete tags and artifacts besides; gives its name.
    pub fn keeper(&self, project: &str, password: &str) -> String {
        let name = format!("robot${project}+keeper");
        let roles = BTreeMap::from([(project.to_owned(), Role::Keeper)]);
        let (known, password) = (name.clone(), password.to_owned());
        let account = Account { name: known, password, roles, robot: true, ..Account::default() };
        self.inner.add(account);
        name
    }

    /// Adds a robot of the system level with the same rights in every project, and that of making
    /// projects where it `creates`; gives its name.
    pub fn system_robot(&self, password: &str, creates: bool) -> String {
        let name = "robot$mover".to_owned();
        self.inner.add(Account {
            name: name.clone(),
            password: password.to_owned(),
            everywhere: Some(Role::PushPull),
            robot: true,
            creates,
            ..Account::default()
        });
        name
    }

    /// Disables an account.
    pub fn disable(&self, name: &str) {
        let mut state = self.inner.state();
        state.accounts.iter_mut().find(|account| account.name == name).unwrap().disabled = true;
    }

    /// Lets images of a project be pulled only under a condition, or freely.
    pub fn policy(&self, project: &str, policy: Option<Policy>) {
        self.inner.state().projects.get_mut(project).unwrap().policy = policy;
    }

    /// Lets everybody pull from a project.
    pub fn publish(&self, project: &str) {
        self.inner.state().projects.get_mut(project).unwrap().public = true;
    }

    /// Makes a project one that caches another registry.
    pub fn cache(&self, project: &str) {
        self.inner.state().projects.get_mut(project).unwrap().is_cache = true;
    }

    /// Lets nginx make a 502 of refusals that come early, or not.
    pub fn hasty(&self, yes: bool) {
        self.inner.state().hasty = yes;
    }

    /// Removes a repository: its blobs stay until garbage is collected, but count no more.
    pub fn remove_repository(&self, repository: &str) {
        let mut state = self.inner.state();
        let all = state.artifacts.get(repository).into_iter().flatten();
        let all = all.map(|(digest, _)| digest.clone()).collect();
        state.remove(repository, all);
    }

    /// Collects garbage, untagged artifacts included.
    pub fn collect_garbage(&self) {
        self.inner.state().collect();
    }

    /// What is in a repository: digests with their tags.
    pub fn artifacts(&self, repository: &str) -> Vec<(String, Vec<String>)> {
        let state = self.inner.state();
        let all = state.artifacts.get(repository).into_iter().flatten();
        all.map(|(digest, a)| (digest.clone(), a.tags.iter().cloned().collect())).collect()
    }

    /// The audit log's entries about artifacts.
    pub fn audit(&self) -> Vec<String> {
        self.inner.state().audit.clone()
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
        let state = self.inner.state();
        let all = state.artifacts.values().flat_map(BTreeMap::values);
        all.filter(|artifact| artifact.subject.is_some()).count()
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

impl State {
    fn add_project(&mut self, name: &str, public: bool, limit: i64) {
        let id = self.projects.len() as u64 + 1;
        let project = Project { id, public, limit, ..Project::default() };
        self.projects.insert(name.to_owned(), project);
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn add(&self, account: Account) {
        self.state().accounts.push(account);
    }

    /// One request a connection.
    fn serve(&self, stream: TcpStream) {
        let Some(mut call) = Call::read(stream) else { return };
        let status = self.answer(&mut call);
        let (method, path) = (call.head.method.clone(), call.head.target.clone());
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

    /// The account of `Basic` credentials. Wrong ones are as good as none.
    fn basic(&self, call: &Call) -> Option<Account> {
        let (name, password) = call.basic()?;
        let state = self.state();
        let fits = |a: &&Account| a.name == name && a.password == password && !a.disabled;
        state.accounts.iter().find(fits).cloned()
    }

    /// `GET /service/token`: what the account, or nobody, may do of what is asked, which may be
    /// nothing. Only who asks for no scope has to be somebody.
    fn token(&self, call: &Call) -> Reply {
        if call.query("service").as_deref() != Some("harbor-registry") {
            return Reply::error(400, "BAD_REQUEST", "Unable to handle service");
        }
        let account = self.basic(call);
        let scopes: Vec<String> = call
            .queries("scope")
            .iter()
            .flat_map(|scopes| scopes.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .collect();
        if account.is_none() && scopes.is_empty() {
            return Reply::error(401, "UNAUTHORIZED", "unauthorized");
        }
        let state = self.state();
        let granted = scopes.iter().filter_map(|scope| {
            let rest = scope.strip_prefix("repository:")?;
            let (name, asked) = rest.rsplit_once(':')?;
            let project = name.split('/').next().unwrap_or(name);
            let mut may = rights(&state, account.as_ref(), project);
            may.retain(|action| asked.split(',').any(|asked| asked == *action));
            Some((name.to_owned(), may))
        });
        let token = self.tokens.give(granted.collect());
        Reply::json(&json!({
            "token": token, "access_token": "", "expires_in": HALF_AN_HOUR.as_secs(),
            "issued_at": "2026-11-21T10:00:00Z",
        }))
    }
}
