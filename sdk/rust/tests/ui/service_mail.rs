#[rusm_rs::service]
mod no_mail {
    pub fn on_mail() {}
}

#[rusm_rs::service]
mod late_state {
    #[derive(Default)]
    pub struct State;

    pub fn on_mail(mail: rusm_rs::Mail, state: &mut State) {}
}

#[rusm_rs::service]
mod answers {
    pub fn on_mail(mail: rusm_rs::Mail) -> u64 {
        0
    }
}

fn main() {}
