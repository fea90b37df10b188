//! The manifest as a whole.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;

use toml::de::DeTable;

use crate::admin::{Admin, AdminAddr};
use crate::capability::Profiles;
use crate::component::{Component, Roster};
use crate::error::{ConfigError, Fault, Faults, Sources};
use crate::listener::Listener;
use crate::log::Log;
use crate::manifest::Section;
use crate::name::ComponentName;
use crate::node::Node;
use crate::secrets;
use crate::settings::{self, Setting};
use crate::variables::{Expanded, Variables};

/// An application, as its manifest describes it.
#[derive(Clone, Debug, Default)]
pub struct App {
    /// The settings of the process.
    pub node: Node,
    /// The settings of the log.
    pub log: Log,
    /// The listener for operators, if there is one; its address is no other listener's.
    pub admin: Option<Admin>,
    /// Its listeners, in the order of the file; no address twice.
    pub listeners: Vec<Listener>,
    /// All components: those that are declared, and those that a listener or a route names.
    pub components: BTreeMap<ComponentName, Component>,
}

/// Reads the text of a manifest with these settings laid over it.
pub(crate) fn parse(
    source_name: &str,
    text: &str,
    settings: &[Setting],
    variables: &dyn Variables,
) -> Result<App, ConfigError> {
    let sources = Sources::new(source_name, text, settings);
    let documents = settings::documents(&sources, settings);
    let faults = Faults::default();
    let read = |expand: &mut dyn FnMut(&mut DeTable<'_>) -> Option<Expanded>, faults: &Faults| {
        let mut tree = match DeTable::parse(sources.file()) {
            Ok(tree) => tree,
            Err(error) => {
                faults.report(Fault::from(error));
                return (App::default(), Expanded::default());
            }
        };
        settings::apply(tree.get_mut(), &sources, settings, &documents, faults);
        let expanded = expand(tree.get_mut()).unwrap_or_default();
        // What lacks a variable would be reported for its value, too.
        let app = match faults.is_empty() {
            true => App::read(Section::root(&tree, sources.text(), &expanded, faults)),
            false => App::default(),
        };
        (app, expanded)
    };
    let (app, expanded) = read(
        &mut |tree| Some(Expanded::expand(tree, variables, &faults)),
        &faults,
    );
    let faults = match faults.is_empty() || expanded.is_empty() {
        true => faults,
        false => {
            let as_written = Faults::default();
            let mut expanded = Some(expanded);
            let (_, expanded) = read(&mut |_| expanded.take(), &as_written);
            secrets::conceal(faults, as_written, &expanded)
        }
    };
    faults.into_result(&sources, app)
}

impl App {
    fn read(mut root: Section<'_>) -> Self {
        let node = root.section("node", "[node]");
        // A store with an invalid name still counts.
        let has_store = node.as_ref().is_some_and(|node| node.has("store"));
        let node = node.map_or_else(Node::default, Node::read);
        let log = (root.section("log", "[log]")).map_or_else(Log::default, Log::read);
        let admin = root.section("admin", "[admin]").and_then(Admin::read);
        let profiles = Profiles::read(root.section("capabilities", "[capabilities]"));
        let mut roster = Roster::default();
        if let Some(components) = root.section("components", "[components]") {
            roster.declare(components, &profiles, has_store);
        }
        let (listeners, places) = read_listeners(&mut root, &mut roster);
        let admin = admin.map(|(admin, place)| {
            let twin = (listeners.iter()).position(|l| is_same(&admin.listen, l));
            if let Some(first) = twin.and_then(|twin| places.get(twin)) {
                let message = "the admin listener has the address of a [[serve]]";
                let fault = Fault::new(place, message, "for operators")
                    .also(first.clone(), "for clients")
                    .help("give [admin] another port");
                root.report(fault);
            }
            admin
        });
        root.finish();
        Self {
            node,
            log,
            admin,
            listeners,
            components: roster.into_components(),
        }
    }
}

/// Returns whether both would take the same connections. With port 0 each listener gets its own port.
fn is_same(admin: &AdminAddr, listener: &Listener) -> bool {
    let (AdminAddr::Tcp(admin), of_clients) = (admin, &listener.addr) else {
        return false;
    };
    let covers = |all: IpAddr, one: IpAddr| match all {
        IpAddr::V4(all) => all.is_unspecified() && one.is_ipv4(),
        IpAddr::V6(all) => all.is_unspecified() && one.is_ipv6(),
    };
    let (first, second) = (admin.ip(), of_clients.ip());
    let is_overlap = first == second || covers(first, second) || covers(second, first);
    is_overlap && admin.port() == of_clients.port() && admin.port() != 0
}

/// Reads the listeners, and the place of each one's address.
fn read_listeners(
    root: &mut Section<'_>,
    roster: &mut Roster,
) -> (Vec<Listener>, Vec<Range<usize>>) {
    let tables = root.get("serve", |value| {
        (value.list()).map_err(|fault| fault.help("write its header as `[[serve]]`"))
    });
    let mut listeners: Vec<Listener> = Vec::new();
    let mut places: Vec<Range<usize>> = Vec::new();
    for table in tables.unwrap_or_default() {
        let section = root.checked(table.section("[[serve]]"));
        let Some((listener, place)) = section.and_then(|s| Listener::read(s, roster)) else {
            continue;
        };
        let twin = (listeners.iter()).position(|other| other.addr == listener.addr);
        match twin.and_then(|twin| places.get(twin)) {
            // With port 0 each listener gets its own port.
            Some(first) if listener.addr.port() != 0 => {
                let message = format!("two listeners at {}", listener.addr);
                let fault = Fault::new(place, message, "the second")
                    .also(first.clone(), "the first")
                    .help("one listener can have many routes: put them in one [serve.routes]");
                root.report(fault);
            }
            _ => {
                listeners.push(listener);
                places.push(place);
            }
        }
    }
    (listeners, places)
}
