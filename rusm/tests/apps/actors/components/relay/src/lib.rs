//! A service that calls another one.

#[rusm_rs::client]
pub trait Target {
    fn echo(text: String) -> String;
}

#[rusm_rs::service]
pub mod relay {
    use super::Target;

    pub fn pass_on(text: String) -> Result<String, String> {
        let target = Target::whereis("target").map_err(|error| error.to_string())?;
        target.echo(text).map_err(|error| error.to_string())
    }
}
