//! Process identifiers.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

/// The identifier of a process. It is never reused: after the process has ended, its pid refers to no
/// other.
///
/// In JSON and in text it is a decimal string, since JavaScript's numbers cannot hold all its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pid(pub u64);

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Pid {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[cfg(feature = "json")]
mod json {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use super::Pid;

    impl Serialize for Pid {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    impl<'de> Deserialize<'de> for Pid {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            String::deserialize(deserializer)?
                .parse()
                .map_err(|_| D::Error::custom("a pid is a decimal number in a string"))
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_pid_keeps_all_its_bits_in_json() {
            let pid = Pid(u64::MAX - 1);
            let json = serde_json::to_string(&pid).unwrap();
            assert_eq!(json, "\"18446744073709551614\"");
            assert_eq!(serde_json::from_str::<Pid>(&json).unwrap(), pid);
            assert!(serde_json::from_str::<Pid>("7").is_err());
            assert!(serde_json::from_str::<Pid>("\"-7\"").is_err());
        }
    }
}
