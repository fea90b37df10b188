//! The components of an app, declared or only named.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::capability::{Capabilities, Profiles};
use crate::error::Fault;
use crate::manifest::{Section, Text, Value};
use crate::name::{ComponentName, NameError};

/// A component, and what it may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Component {
    /// Its resolved profile.
    pub capabilities: Capabilities,
    /// Whether it is a service: a long-lived, supervised process.
    pub resident: bool,
    /// Whether it has a `[components.<name>]`, or was only named by a listener.
    pub declared: bool,
}

/// Every component that a manifest speaks of.
#[derive(Default)]
pub(crate) struct Roster {
    components: BTreeMap<ComponentName, Component>,
    /// By the kebab-case name, the spelling that came first and its place.
    spellings: BTreeMap<String, (ComponentName, Range<usize>)>,
}

impl Roster {
    /// Takes in the `[components]` of a manifest.
    pub(crate) fn declare(&mut self, section: Section<'_>, profiles: &Profiles) {
        for (key, value) in section.into_entries() {
            match self.declare_one(&key, &value, profiles) {
                Ok((name, component)) => _ = self.components.insert(name, component),
                Err(fault) => value.report(fault),
            }
        }
    }

    /// The component that `name` names; it gets the default profile, unless it was declared.
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
    ) -> Result<(ComponentName, Component), Fault> {
        let name = self.spelled(key)?;
        let mut section = value.section(&format!("[components.{name}]"))?;
        let component = Component {
            capabilities: section
                .get("capability", |v| profiles.get(&v.text()?))
                .unwrap_or_default(),
            resident: (section.get("resident", |v| v.boolean())).unwrap_or_default(),
            declared: true,
        };
        section.finish();
        Ok((name, component))
    }

    /// A name is a file's name, so it has one spelling throughout.
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

/// What to say of a name that is none.
pub(crate) fn name_fault(text: &Text<'_>, error: NameError) -> Fault {
    let label = match error.suggestion() {
        Some(near) => format!("did you mean `{near}`?"),
        None => "not a name".to_owned(),
    };
    text.fault(error.to_string(), label)
}
