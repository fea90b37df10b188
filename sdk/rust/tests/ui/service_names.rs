#[rusm_rs::service]
mod counter {
    pub fn get_all() {}

    #[allow(non_snake_case)]
    pub fn getAll() {}

    pub fn größe() {}

    pub fn _1st() {}

    /// The client has functions of this name.
    pub fn spawn() {}

    pub fn run() {}
}

fn main() {}
