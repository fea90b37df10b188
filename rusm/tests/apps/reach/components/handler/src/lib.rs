//! A handler: the body names the task.

/// The functions of `components/service`.
#[rusm_rs::client]
pub trait Service {
    fn perform(task: String) -> String;
}

#[rusm_rs::handlers]
pub mod handlers {
    use super::Service;

    use rusm_rs::{CallError, Mail, Params, Request, Response};

    pub fn task(request: Request) -> Response {
        let task = String::from_utf8_lossy(request.body()).into_owned();
        Response::text(tasks::run(&task))
    }

    /// The same, by the first call of a fresh service.
    pub fn service(request: Request) -> Result<Response, CallError> {
        let task = String::from_utf8_lossy(request.body()).into_owned();
        Service::fresh("service").perform(task).map(Response::text)
    }

    /// The same, by the first message of a free-form process.
    pub fn main(request: Request) -> Result<Response, CallError> {
        let main = rusm_rs::spawn("main").map_err(CallError::Died)?;
        rusm_rs::monitor(main);
        let mut message = rusm_rs::me().0.to_le_bytes().to_vec();
        message.extend_from_slice(request.body());
        rusm_rs::send_bytes(main, &message);
        match rusm_rs::receive_mail(None) {
            Some(Mail::Message(answer)) => Ok(Response::bytes(answer)),
            mail => Err(CallError::Died(format!("{mail:?}"))),
        }
    }

    /// Tells all event streams of this name.
    pub fn tell(request: Request, params: Params) -> Response {
        let name = params.get("name").unwrap_or_default();
        let told = rusm_rs::publish(name, request.body());
        Response::text(format!("{told}"))
    }
}
