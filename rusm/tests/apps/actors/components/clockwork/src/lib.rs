//! A service that nobody calls: what it does it begins when it starts.

#[rusm_rs::service]
pub mod clockwork {
    use rusm_rs::Mail;

    pub struct State {
        beats: u64,
    }

    /// What it comes to depends on who else is there.
    pub fn init() -> State {
        assert!(rusm_rs::whereis("subject").is_some(), "there is no subject");
        while rusm_rs::whereis("loner").is_some() {
            std::hint::black_box(());
        }
        eprintln!("wound up");
        next();
        State { beats: 0 }
    }

    /// Dies of its third beat.
    pub fn on_mail(state: &mut State, _: Mail) {
        state.beats += 1;
        eprintln!("beat {}", state.beats);
        assert!(state.beats < 3, "the spring broke");
        next();
    }

    fn next() {
        rusm_rs::send_after(rusm_rs::me(), 10, b"beat");
    }
}
