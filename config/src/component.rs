//! The components of an app, declared or only named.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use crate::capability::{Capabilities, Profiles};
use crate::error::Fault;
use crate::mailbox::Mailbox;
use crate::manifest::{Section, Text, Value};
use crate::name::{ComponentName, NameError};
use crate::resident::Resident;

/// A component and its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its resolved profile.
    pub capabilities: Capabilities,
    /// Its settings as a service, a long-lived, supervised process; `None` if it is not one.
    pub resident: Option<Resident>,
    /// The mailbox bounds of each of its processes.
    pub mailbox: Mailbox,
    /// The time limit of one function call in a process, or of handling one message.
    pub function_timeout: Duration,
    /// True if it has a `[components.<name>]`; false if a listener or a route only names it.
    pub declared: bool,
}

impl Default for Component {
    fn default() -> Self {
        Self {
            capabilities: Capabilities::default(),
            resident: None,
            mailbox: Mailbox::default(),
            function_timeout: FUNCTION_TIMEOUT,
            declared: false,
        }
    }
}

/// All components of a manifest.
#[derive(Default)]
pub(crate) struct Roster {
    components: BTreeMap<ComponentName, Component>,
    /// Indexed by the name in kebab-case: the first spelling and its place.
    spellings: BTreeMap<String, (ComponentName, Range<usize>)>,
}

impl Roster {
    /// Reads the `[components]` of a manifest. `has_store` says whether its node has a store.
    pub(crate) fn declare(&mut self, section: Section<'_>, profiles: &Profiles, has_store: bool) {
        for (key, value) in section.into_entries() {
            match self.declare_one(&key, &value, profiles, has_store) {
                Ok((name, component)) => _ = self.components.insert(name, component),
                Err(fault) => value.report(fault),
            }
        }
    }

    /// Returns the component of this name. It gets the default profile, unless it was declared.
    pub(crate) fn mention(&mut self, name: &Text<'_>) -> Result<ComponentName, Fault> {
        let component = self.spelled(name)?;
        self.components.entry(component.clone()).or_default();
        Ok(component)
    }

    pub(crate) fn into_components(self) -> BTreeMap<ComponentName, Component> {
        self.components
    }

    fn declare_one(
        &mut self,
        key: &Text<'_>,
        value: &Value<'_>,
        profiles: &Profiles,
        has_store: bool,
    ) -> Result<(ComponentName, Component), Fault> {
        let name = self.spelled(key)?;
        let mut section = value.section(&format!("[components.{name}]"))?;
        let capabilities = section.get("capability", |v| {
            let text = v.text()?;
            let profile = profiles.get(&text)?;
            match profile.storage_grant {
                Some(grant) if !has_store => Err(no_store(&name, &text, grant)),
                _ => Ok(profile.capabilities),
            }
        });
        let component = Component {
            capabilities: capabilities.unwrap_or_default(),
            resident: Resident::read(&mut section, &name),
            mailbox: Mailbox::read(&mut section),
            function_timeout: section
                .get("function-timeout-ms", |v| v.integer(1..=3_600_000))
                .map_or(FUNCTION_TIMEOUT, Duration::from_millis),
            declared: true,
        };
        section.finish();
        Ok((name, component))
    }

    /// Checks that a name is spelled as before: it is a file's name, too.
    fn spelled(&mut self, text: &Text<'_>) -> Result<ComponentName, Fault> {
        let name: ComponentName = text.text.parse().map_err(|error| name_fault(text, error))?;
        let (first, place) =
            (self.spellings.entry(name.kebab())).or_insert_with(|| (name.clone(), text.span()));
        if *first != name {
            let message = format!("the component `{first}` is also spelled `{name}`");
            return Err(text
                .fault(message, format!("did you mean `{first}`?"))
                .also(place.clone(), "first named here")
                .help("`-` and `_` are the same in a name; a file has only one of them"));
        }
        Ok(name)
    }
}

/// Returns the fault of an invalid name.
pub(crate) fn name_fault(text: &Text<'_>, error: NameError) -> Fault {
    let label = match error.suggestion() {
        Some(near) => format!("did you mean `{near}`?"),
        None => "not a name".to_owned(),
    };
    text.fault(error.to_string(), label)
}

fn no_store(component: &ComponentName, profile: &Text<'_>, grant: Range<usize>) -> Fault {
    let message = format!(
        "component `{component}` is granted storage by `allow-storage`, but the node has none"
    );
    (profile.fault(message, "this profile"))
        .also(grant, "granted here")
        .help("set `store = \"data.redb\"` under [node], or do not grant it")
}

/// The default time limit of a function call: a longer one blocks its process for too long.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(30);
