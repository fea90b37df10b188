#[rusm_rs::service]
mod counter {
    fn helper() {}
}

#[rusm_rs::service]
fn not_a_module() {}

#[rusm_rs::service(name = "counter")]
mod arguments {
    pub fn get() {}
}

fn main() {}
