#[rusm_rs::service]
mod counter {
    pub struct Wordless;

    pub struct State {
        count: u64,
    }

    pub fn takes(what: Wordless) {}

    pub fn gives() -> Wordless {
        Wordless
    }

    pub fn fails() -> Result<(), Wordless> {
        Ok(())
    }

    /// There is neither `Default` nor `init`.
    pub fn get(state: &State) -> u64 {
        state.count
    }
}

fn main() {}
