//! A worker: each call has a fresh process, so that long work holds up nobody else's, and what it
//! does wrong ends nothing but that call.

#[rusm_rs::service]
pub mod hasher {
    use rusm_rs::Callback;

    /// The FNV-1a hash of `text`, `rounds` times over.
    pub fn hash(text: String, rounds: u32) -> u64 {
        (0..rounds).fold(OFFSET, |hash, _| round(hash, &text))
    }

    /// As [`hash`], and says how far it is, in per cent.
    pub fn hash_slowly(text: String, rounds: u32, progress: Callback<u32>) -> u64 {
        let mut hash = OFFSET;
        let mut told = 0;
        for done in 0..rounds {
            hash = round(hash, &text);
            let percent = (u64::from(done + 1) * 100 / u64::from(rounds)) as u32;
            if percent > told {
                told = percent;
                progress.call(percent);
            }
        }
        hash
    }

    fn round(hash: u64, text: &str) -> u64 {
        let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        text.bytes().fold(hash, step)
    }

    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
}
