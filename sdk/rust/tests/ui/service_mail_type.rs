#[rusm_rs::service]
mod counter {
    pub fn on_mail(mail: String) {}
}

fn main() {}
