#[rusm_rs::service]
mod counter {
    #[derive(Default)]
    pub struct State;

    pub fn method(self) {}

    pub async fn waits() {}

    pub unsafe fn dangerous() {}

    pub extern "C" fn foreign() {}

    pub fn generic<T>(value: T) {}

    pub fn any(value: impl Into<String>) {}

    pub fn borrows(name: &str) {}

    pub fn lends() -> &'static str {
        "a"
    }

    pub fn late_state(n: u32, state: &mut State) {}

    pub fn closure() -> impl Fn() {
        || {}
    }

    pub fn no_type() -> std::fmt::Result {
        Ok(())
    }

    pub fn both(progress: rusm_rs::Callback<u8>) -> impl Iterator<Item = u8> {
        0..1
    }

    #[cfg(unix)]
    pub fn sometimes() {}
}

fn main() {}
