//! The service, as a resident one and as one that others spawn for themselves.

#[rusm_rs::main]
fn run() {
    if rusm_rs::register(contract::BOOKS) {
        log::info!("the books are open");
    }
    contract::ledger::serve();
}
