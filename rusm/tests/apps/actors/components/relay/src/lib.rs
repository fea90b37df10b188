//! A service that calls another one.

#[rusm_rs::client]
pub trait Subject {
    fn echo(text: String) -> String;
    fn say(text: String);
}

#[rusm_rs::service]
pub mod relay {
    use super::Subject;

    pub fn pass_on(text: String) -> Result<String, String> {
        let target = Subject::whereis("subject").map_err(|error| error.to_string())?;
        target.echo(text).map_err(|error| error.to_string())
    }

    pub fn say(text: String) -> Result<(), String> {
        let target = Subject::whereis("subject").map_err(|error| error.to_string())?;
        target.say(text).map_err(|error| error.to_string())
    }
}
