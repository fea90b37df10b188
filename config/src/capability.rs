//! Capability profiles: `[capabilities.<name>]` over the built-in ones. Default-deny.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

use crate::error::Fault;
use crate::manifest::{Section, Text, Value};
use crate::network::Network;
use crate::{name, suggest};

/// The capabilities of a component. The default is the profile `sandboxed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The profile's name.
    pub profile: String,
    /// The hosts that it may connect to.
    pub network: Network,
    /// Permission to spawn processes.
    pub spawn: bool,
    /// Permission to stop, link and monitor processes that it did not spawn.
    pub process_control: bool,
    /// Permission to write to the node's standard output and error.
    pub stdio: bool,
    /// Permission to use the key-value store.
    pub storage: bool,
    /// The most memory of one instance, in bytes: 1 MiB to 4 GiB.
    pub max_memory: u64,
    /// Its environment variables; those of the node are never passed on.
    pub env: BTreeMap<String, String>,
    /// The directories that it can access, no guest path twice.
    pub preopens: Vec<Preopen>,
}

/// A directory of the host that a component can access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preopen {
    /// Its path on the host; a relative one starts at the app's directory.
    pub host: PathBuf,
    /// Its path for the guest, which is absolute.
    pub guest: String,
    /// True if the guest may write to it.
    pub writable: bool,
}

impl Capabilities {
    /// Returns the capabilities of a component of this profile when a process of profile `spawner` starts
    /// it: at most those of the spawner, which so can't gain through a child what it was denied.
    pub fn within(&self, spawner: &Self) -> Self {
        let preopens = self.preopens.iter().filter_map(|preopen| {
            let own = spawner
                .preopens
                .iter()
                .filter(|own| own.host == preopen.host);
            let writable = own.map(|own| own.writable).max()?;
            Some(Preopen {
                writable: preopen.writable && writable,
                ..preopen.clone()
            })
        });
        let env = self.env.iter();
        let env = env.filter(|(name, value)| spawner.env.get(*name) == Some(value));
        Self {
            profile: self.profile.clone(),
            network: self.network.within(&spawner.network),
            spawn: self.spawn && spawner.spawn,
            process_control: self.process_control && spawner.process_control,
            stdio: self.stdio && spawner.stdio,
            storage: self.storage && spawner.storage,
            max_memory: self.max_memory.min(spawner.max_memory),
            env: env
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            preopens: preopens.collect(),
        }
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            profile: SANDBOXED.to_owned(),
            network: Network::Denied,
            spawn: false,
            process_control: false,
            stdio: false,
            storage: false,
            max_memory: 64 << 20,
            env: BTreeMap::new(),
            preopens: Vec::new(),
        }
    }
}

/// Every profile of an app, resolved.
#[derive(Debug)]
pub(crate) struct Profiles(BTreeMap<String, Profile>);

/// A profile, resolved.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) capabilities: Capabilities,
    /// The place where the app itself grants storage, which requires a store. A built-in profile that
    /// grants it does not.
    pub(crate) storage_grant: Option<Range<usize>>,
}

impl Default for Profile {
    fn default() -> Self {
        Self::from(Capabilities::default())
    }
}

impl From<Capabilities> for Profile {
    fn from(capabilities: Capabilities) -> Self {
        Self {
            capabilities,
            storage_grant: None,
        }
    }
}

impl Profiles {
    pub(crate) fn read(section: Option<Section<'_>>) -> Self {
        let mut own = BTreeMap::new();
        for (key, value) in section.map(Section::into_entries).unwrap_or_default() {
            match profile_name(&key).and_then(|()| Overrides::read(&key, &value)) {
                Ok(overrides) => _ = own.insert(key.text, (overrides, value)),
                Err(fault) => value.report(fault),
            }
        }
        let mut profiles = Self(built_in());
        let mut broken = BTreeSet::new();
        for (name, (overrides, value)) in &own {
            let known = || BUILT_IN.into_iter().chain(own.keys().copied());
            if let Some(parent) = overrides.inherits
                && !known().any(|name| name == parent.text)
            {
                value.report(unknown_profile(&parent, known()));
            }
            match lineage(name, &own) {
                Ok(line) => profiles.inherit(name, &line),
                Err(cycle) => {
                    // A component that names it is not at fault.
                    profiles.inherit(name, &[]);
                    // Report a cycle once, not for each of its members.
                    if cycle.iter().all(|name| broken.insert(*name)) {
                        value.report(cycle_fault(&cycle, &own));
                    }
                }
            }
        }
        profiles
    }

    /// Returns the profile of this name.
    pub(crate) fn get(&self, name: &Text<'_>) -> Result<Profile, Fault> {
        (self.0.get(name.text).cloned())
            .ok_or_else(|| unknown_profile(name, self.0.keys().map(String::as_str)))
    }

    fn inherit(&mut self, name: &str, line: &[&Overrides<'_>]) {
        let ancestor = (line.first().and_then(|eldest| eldest.inherits))
            .and_then(|parent| self.0.get(parent.text).cloned())
            .unwrap_or_default();
        let mut profile = line.iter().fold(ancestor, |base, own| own.apply(base));
        profile.capabilities.profile = name.to_owned();
        self.0.insert(name.to_owned(), profile);
    }
}

/// The content of a `[capabilities.<name>]` table, before inheritance is resolved.
struct Overrides<'a> {
    inherits: Option<Text<'a>>,
    /// The place to report when this profile is part of a cycle.
    span: Range<usize>,
    network: Option<Network>,
    spawn: Option<bool>,
    process_control: Option<bool>,
    stdio: Option<bool>,
    /// The place of that.
    storage: Option<(bool, Range<usize>)>,
    max_memory: Option<u64>,
    env: BTreeMap<String, String>,
    preopens: Option<Vec<Preopen>>,
}

impl<'a> Overrides<'a> {
    fn read(name: &Text<'a>, value: &Value<'a>) -> Result<Self, Fault> {
        let mut section = value.section(&format!("[capabilities.{}]", name.text))?;
        let inherits = section.get("inherits", |v| v.text());
        let overrides = Self {
            inherits,
            span: inherits.map_or(name.span(), |parent| parent.span()),
            network: section.get("allow-network", Network::read),
            spawn: section.get("allow-spawn", |v| v.boolean()),
            process_control: section.get("allow-process-control", |v| v.boolean()),
            stdio: section.get("allow-stdio", |v| v.boolean()),
            storage: section.get("allow-storage", |v| Ok((v.boolean()?, v.span()))),
            max_memory: section
                .get("max-memory-mb", |v| v.integer(1..=4096))
                .map(|mebibytes| mebibytes << 20),
            env: section.section("env", "`env`").map(env).unwrap_or_default(),
            preopens: section.get("preopen", preopens),
        };
        section.finish();
        Ok(overrides)
    }

    fn apply(&self, base: Profile) -> Profile {
        let storage_grant = match &self.storage {
            Some((granted, place)) => granted.then(|| place.clone()),
            None => base.storage_grant,
        };
        Profile {
            capabilities: self.lay_over(base.capabilities),
            storage_grant,
        }
    }

    fn lay_over(&self, base: Capabilities) -> Capabilities {
        let mut env = base.env;
        env.extend(self.env.clone());
        Capabilities {
            profile: base.profile,
            network: self.network.clone().unwrap_or(base.network),
            spawn: self.spawn.unwrap_or(base.spawn),
            process_control: self.process_control.unwrap_or(base.process_control),
            stdio: self.stdio.unwrap_or(base.stdio),
            storage: (self.storage.as_ref()).map_or(base.storage, |(granted, _)| *granted),
            max_memory: self.max_memory.unwrap_or(base.max_memory),
            env,
            preopens: self.preopens.clone().unwrap_or(base.preopens),
        }
    }
}

type Own<'a> = BTreeMap<&'a str, (Overrides<'a>, Value<'a>)>;

/// Returns the app's own profiles from the root that `name` inherits from down to itself, or the cycle
/// that it leads into.
fn lineage<'o, 'a>(
    name: &'a str,
    own: &'o Own<'a>,
) -> Result<Vec<&'o Overrides<'a>>, Vec<&'a str>> {
    let mut names = Vec::new();
    let mut line = Vec::new();
    let mut next = Some(name);
    while let Some((name, (overrides, _))) = next.and_then(|name| own.get_key_value(name)) {
        if let Some(start) = names.iter().position(|seen| seen == name) {
            return Err(names.split_off(start));
        }
        names.push(*name);
        line.push(overrides);
        next = overrides.inherits.map(|parent| parent.text);
    }
    line.reverse();
    Ok(line)
}

fn cycle_fault(cycle: &[&str], own: &Own<'_>) -> Fault {
    let round: Vec<_> = (cycle.iter().chain(cycle.first()))
        .map(|name| format!("`{name}`"))
        .collect();
    let message = format!("profiles inherit in a circle: {}", round.join(" from "));
    let mut places = (cycle.iter())
        .filter_map(|name| own.get(name))
        .map(|(overrides, _)| overrides.span.clone());
    let first = Fault::new(places.next().unwrap_or_default(), message, "from here");
    places
        .fold(first, |fault, place| fault.also(place, "by way of this"))
        .help("let one of them inherit `sandboxed`")
}

fn unknown_profile<'n>(name: &Text<'_>, known: impl IntoIterator<Item = &'n str>) -> Fault {
    let known: Vec<_> = known.into_iter().collect();
    let label = match suggest::nearest(name.text, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "no such profile".to_owned(),
    };
    name.fault(format!("unknown capability profile `{}`", name.text), label)
        .help(format!("the profiles are {}", suggest::list(known)))
}

fn profile_name(key: &Text<'_>) -> Result<(), Fault> {
    if BUILT_IN.contains(&key.text) {
        let message = format!("the profile `{}` is built in", key.text);
        let help = format!("choose another name, with `inherits = \"{}\"`", key.text);
        return Err(key.fault(message, "cannot be changed").help(help));
    }
    name::check(key.text).map_err(|error| key.fault(error.to_string(), "this name"))
}

fn env(section: Section<'_>) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for (key, value) in section.into_entries() {
        match variable(&key, &value) {
            Ok(text) => _ = env.insert(key.text.to_owned(), text.text.to_owned()),
            Err(fault) => value.report(fault),
        }
    }
    env
}

fn variable<'a>(key: &Text<'_>, value: &Value<'a>) -> Result<Text<'a>, Fault> {
    if key.text.is_empty() || key.text.contains(['=', '\0']) {
        let message = format!("`{}` cannot name an environment variable", key.text);
        return Err(key.fault(message, "empty, or with `=` or a NUL in it"));
    }
    let text = value.text()?;
    if text.text.contains('\0') {
        return Err(value.fault("without a NUL", "has one"));
    }
    Ok(text)
}

fn preopens(value: &Value<'_>) -> Result<Vec<Preopen>, Fault> {
    let mut preopens: Vec<Preopen> = Vec::new();
    for item in value.list()? {
        let preopen = preopen(&item)?;
        if preopens.iter().any(|other| other.guest == preopen.guest) {
            let message = format!("two directories at the guest's `{}`", preopen.guest);
            return Err(Fault::new(item.span(), message, "the second")
                .help("give one of them another `guest` path"));
        }
        preopens.push(preopen);
    }
    Ok(preopens)
}

fn preopen(value: &Value<'_>) -> Result<Preopen, Fault> {
    if value.is_text() {
        let path = value.text()?;
        return Ok(Preopen {
            host: host_path(&path)?,
            guest: guest_path(&path)?,
            writable: false,
        });
    }
    let mut section = (value.section("`preopen`")).map_err(|_| {
        let form = "a list of directories: a path, or { host = \"data\", guest = \"/data\" }";
        value.mismatch(form)
    })?;
    let host = section.value("host");
    let guest = section.value("guest");
    let writable = (section.get("mode", |v| {
        v.one_of(&[("read", false), ("read-write", true)])
    }))
    .unwrap_or_default();
    let span = section.span();
    section.finish();
    let Some(host) = host else {
        return Err(Fault::new(span, "`preopen` has no `host`", "in this")
            .help("`host` is the directory to open"));
    };
    let host = host.text()?;
    let guest = guest.map_or(Ok(host), |guest| guest.text())?;
    Ok(Preopen {
        host: host_path(&host)?,
        guest: guest_path(&guest)?,
        writable,
    })
}

fn host_path(path: &Text<'_>) -> Result<PathBuf, Fault> {
    if path.text.is_empty() || path.text.contains('\0') {
        return Err(path.fault("`preopen` needs a directory", "not a path"));
    }
    Ok(PathBuf::from(path.text))
}

fn guest_path(path: &Text<'_>) -> Result<String, Fault> {
    let steps = || path.text.split('/');
    if !path.text.starts_with('/') {
        return Err(path
            .fault("the guest's path of a `preopen` is absolute", "relative")
            .help("write { host = \"data\", guest = \"/data\" }"));
    }
    if path.text.contains('\0') || steps().any(|step| matches!(step, "." | "..")) {
        return Err(path.fault(
            "the guest's path of a `preopen` is taken as it is",
            "`.`, `..` and NUL mean nothing here",
        ));
    }
    Ok(path.text.to_owned())
}

fn built_in() -> BTreeMap<String, Profile> {
    let [sandboxed, network_client, trusted] = BUILT_IN.map(|profile| Capabilities {
        profile: profile.to_owned(),
        ..Capabilities::default()
    });
    let network_client = Capabilities {
        network: Network::Any,
        ..network_client
    };
    let trusted = Capabilities {
        network: Network::Any,
        spawn: true,
        process_control: true,
        stdio: true,
        storage: true,
        ..trusted
    };
    [sandboxed, network_client, trusted]
        .map(|capabilities| (capabilities.profile.clone(), Profile::from(capabilities)))
        .into()
}

const SANDBOXED: &str = "sandboxed";
const BUILT_IN: [&str; 3] = [SANDBOXED, "network-client", "trusted"];
