//! Sizes in bytes, as people write them: `8KiB`, `1 MiB`, `10MB`, `512`.

use crate::suggest;

/// Parses a size to bytes. `KiB`, `MiB`, `GiB` and `TiB` are powers of 1024, `KB`, `MB`, `GB` and `TB` of 1000.
///
/// The error is advice for the author.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let digits = (text.find(|c: char| !c.is_ascii_digit())).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    if number.is_empty() {
        return Err("write a whole number and a unit, such as `8KiB` or `1MiB`".to_owned());
    }
    let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        let names = || {
            UNITS
                .iter()
                .map(|(name, _)| *name)
                .filter(|n| !n.is_empty())
        };
        // Many tools write these, without a fixed meaning.
        if let "k" | "m" | "g" | "t" = unit.to_ascii_lowercase().as_str() {
            let unit = unit.to_ascii_uppercase();
            return Err(format!(
                "write `{number}{unit}iB`, in powers of 1024, or `{number}{unit}B`, in powers of 1000"
            ));
        }
        let is_word = unit.bytes().any(|byte| byte.is_ascii_alphabetic());
        let near = suggest::nearest(unit, names()).filter(|_| is_word);
        return Err(match near {
            Some(near) => format!("did you mean `{number}{near}`?"),
            None => format!("the units are {}", suggest::list(names())),
        });
    };
    (number.parse::<u64>().ok())
        .and_then(|number| number.checked_mul(*factor))
        .ok_or_else(|| "this is more than a machine can count".to_owned())
}

/// Formats a size in bytes for [`parse`], in the largest binary unit that is exact.
pub(crate) fn display(bytes: u64) -> String {
    let exact = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match (exact.iter()).find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", bytes / factor),
        None => bytes.to_string(),
    }
}

const UNITS: [(&str, u64); 10] = [
    ("", 1),
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_units_and_plain_numbers() {
        assert_eq!(parse("512"), Ok(512));
        assert_eq!(parse("512B"), Ok(512));
        assert_eq!(parse("8KiB"), Ok(8192));
        assert_eq!(parse("2 MiB"), Ok(2 << 20));
        assert_eq!(parse("1GiB"), Ok(1 << 30));
        assert_eq!(parse("2TiB"), Ok(2 << 40));
        assert_eq!(parse("3KB"), Ok(3000));
        assert_eq!(parse("0"), Ok(0));
    }

    #[test]
    fn says_what_to_write_instead() {
        assert_eq!(parse("8kib").unwrap_err(), "did you mean `8KiB`?");
        for text in ["10m", "10M", "10 M"] {
            assert_eq!(
                parse(text).unwrap_err(),
                "write `10MiB`, in powers of 1024, or `10MB`, in powers of 1000"
            );
        }
        assert!(parse("50%").unwrap_err().starts_with("the units are "));
        assert!(parse("8 pages").unwrap_err().contains("`KiB`"));
        assert!(parse("KiB").unwrap_err().contains("whole number"));
        assert!(parse("").unwrap_err().contains("whole number"));
        assert!(parse("-1").unwrap_err().contains("whole number"));
        assert!(parse("1.5MiB").unwrap_err().contains("units"));
        assert!(parse("99999999999GiB").unwrap_err().contains("more than"));
        assert!(parse("99999999999999999999").unwrap_err().contains("more"));
    }

    #[test]
    fn shows_what_it_takes() {
        for bytes in [0, 1, 1000, 1024, 1536, 1 << 20, 3 << 30, u64::MAX] {
            assert_eq!(parse(&display(bytes)), Ok(bytes));
        }
        assert_eq!(display(1 << 20), "1MiB");
    }
}
