//! The WASI capabilities that a component is granted, and those it was built without. Code behind
//! an import that was not granted is removed from the component.

use crate::section;

/// The WASI capabilities of a component's profile. An import that is not granted is removed if the
/// SDK can replace it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Grants {
    /// Environment variables.
    pub env: bool,
    /// The server's standard input, output and error.
    pub stdio: bool,
    /// Directories of the host.
    pub preopen: bool,
    /// Sockets.
    pub sockets: bool,
}

impl Grants {
    /// Pairs each capability with its key in the manifest.
    fn by_key(&mut self) -> [(&'static str, &mut bool); 4] {
        [
            ("env", &mut self.env),
            ("allow-stdio", &mut self.stdio),
            ("preopen", &mut self.preopen),
            ("allow-network", &mut self.sockets),
        ]
    }

    /// Returns the keys of the granted capabilities in the manifest.
    pub fn keys(mut self) -> impl Iterator<Item = &'static str> {
        let keys = self.by_key().map(|(key, granted)| granted.then_some(key));
        keys.into_iter().flatten()
    }
}

/// Returns the capabilities that a component could use and was built without.
pub fn withheld(component: &[u8]) -> Grants {
    let keys = section::read(component, SECTION).and_then(|data| std::str::from_utf8(data).ok());
    let mut withheld = Grants::default();
    for (key, is_withheld) in withheld.by_key() {
        *is_withheld = keys.is_some_and(|keys| keys.split(' ').any(|known| known == key));
    }
    withheld
}

/// Records in a component the capabilities it was built without.
#[cfg(feature = "components")]
pub(crate) fn attach_withheld(component: &mut Vec<u8>, withheld: Grants) {
    let keys: Vec<_> = withheld.keys().collect();
    if !keys.is_empty() {
        section::append(component, SECTION, keys.join(" ").as_bytes());
    }
}

const SECTION: &str = "rusm:withheld";

#[cfg(all(test, feature = "components"))]
mod tests {
    use super::*;

    #[test]
    fn a_component_says_what_it_was_built_without() {
        let plain = wat::parse_str("(component (core module))").unwrap();
        assert_eq!(withheld(&plain), Grants::default());
        for without in [
            Grants::default(),
            Grants {
                stdio: true,
                ..Grants::default()
            },
            Grants {
                env: true,
                stdio: true,
                preopen: true,
                sockets: true,
            },
        ] {
            let mut component = plain.clone();
            attach_withheld(&mut component, without);
            wasmparser::validate(&component).unwrap();
            assert_eq!(withheld(&component), without);
        }
    }
}
