//! A service that does tasks.

#[rusm_rs::service]
pub mod service {
    pub fn perform(task: String) -> String {
        tasks::run(&task)
    }
}
