//! Processes, names and groups.

use rquickjs::function::{Opt, Rest};
use rquickjs::{Ctx, Error, Object, Result, Value};

use super::{
    Bytes, buffer, bytes_of, define, flat_headers, handle, paired, paired_headers, throw,
    throw_call, whole,
};
use crate::bindings::rusm::runtime::actor::{self, Mail, SuperviseStrategy};
use crate::bindings::rusm::runtime::{http, pg};

pub(super) fn define_on<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    define!(ctx, host, {
        "ownPid": || actor::own_pid().to_string(),
        "spawn": |ctx: Ctx<'js>, component: String| {
            let pid = actor::spawn(&component).map_err(|error| throw(&ctx, &error))?;
            Ok::<_, Error>(pid.to_string())
        },
        "monitor": |ctx: Ctx<'js>, pid: String| on(&ctx, &pid, actor::monitor),
        "demonitor": |ctx: Ctx<'js>, pid: String| on(&ctx, &pid, actor::demonitor),
        "link": |ctx: Ctx<'js>, pid: String| {
            actor::link(handle(&ctx, &pid)?).map_err(|error| throw(&ctx, &error))
        },
        "unlink": |ctx: Ctx<'js>, pid: String| on(&ctx, &pid, actor::unlink),
        "trapExit": |on: bool| actor::trap_exit(on),
        "exit": |reason: Opt<String>| actor::exit(reason.0.as_deref()),
        "send": |ctx: Ctx<'js>, pid: String, message: Bytes<'js>| {
            on(&ctx, &pid, |pid| actor::send(pid, bytes_of(&message)))
        },
        "receiveMail": receive_mail,
        "stash": |message: Bytes<'js>| actor::stash(bytes_of(&message)),
        "unstash": actor::unstash,
        "call": |ctx: Ctx<'js>, pid: String, function: String, args: String, timeout: f64| {
            let pid = handle(&ctx, &pid)?;
            let answer = actor::call(pid, &function, args.as_bytes(), whole(timeout));
            json(&ctx, answer)
        },
        "cast": |ctx: Ctx<'js>, pid: String, function: String, args: String| {
            let pid = handle(&ctx, &pid)?;
            actor::cast(pid, &function, args.as_bytes()).map_err(|error| throw_call(&ctx, error))
        },
        "callStream": |ctx: Ctx<'js>, pid: String, function: String, args: String| {
            on(&ctx, &pid, |pid| actor::call_stream(pid, &function, args.as_bytes()).to_string())
        },
        "run": |ctx: Ctx<'js>, component: String, function: String, args: String, timeout: f64| {
            let answer = actor::run(&component, &function, args.as_bytes(), whole(timeout));
            json(&ctx, answer)
        },
        "fetchAction": fetch_action,
        "caller": || actor::caller().map(|pid| pid.to_string()),
        "replyStream": || actor::reply_stream().map(|id| id.to_string()),
        "listProcesses": || texts(actor::list_processes()),
        "info": info,
        "isAlive": |ctx: Ctx<'js>, pid: String| on(&ctx, &pid, actor::is_alive),
        "kill": |ctx: Ctx<'js>, pid: String| on(&ctx, &pid, actor::kill),
        "register": |name: String| actor::register(&name),
        "whereis": |name: String| actor::whereis(&name).map(|pid| pid.to_string()),
        "unregister": |name: String| actor::unregister(&name),
        "setLabel": |label: String| actor::set_label(&label),
        "supervise": supervise,
        "sendAfter": |ctx: Ctx<'js>, pid: String, delay: f64, message: Bytes<'js>| {
            on(&ctx, &pid, |pid| {
                actor::send_after(pid, whole(delay), bytes_of(&message)).to_string()
            })
        },
        "cancelTimer": |ctx: Ctx<'js>, timer: String| on(&ctx, &timer, actor::cancel_timer),
        "registerTag": |tag: String| pg::register_tag(&tag),
        "unregisterTag": |tag: String| pg::unregister_tag(&tag),
        "whereisTag": |tag: String| texts(pg::whereis_tag(&tag)),
        "killTag": |tag: String| pg::kill_tag(&tag),
        "publish": |tag: String, message: Bytes<'js>| pg::publish(&tag, bytes_of(&message)),
    });
    Ok(())
}

/// Do something with a pid, or another handle.
fn on<T>(ctx: &Ctx<'_>, pid: &str, act: impl FnOnce(u64) -> T) -> Result<T> {
    Ok(act(handle(ctx, pid)?))
}

fn texts(pids: Vec<u64>) -> Vec<String> {
    pids.into_iter().map(|pid| pid.to_string()).collect()
}

fn json(ctx: &Ctx<'_>, answer: std::result::Result<Vec<u8>, actor::CallError>) -> Result<String> {
    let answer = answer.map_err(|error| throw_call(ctx, error))?;
    String::from_utf8(answer).map_err(|_| throw(ctx, "the answer is not UTF-8"))
}

fn receive_mail(ctx: Ctx<'_>, timeout_ms: Opt<f64>) -> Result<Option<Object<'_>>> {
    let Some(mail) = actor::receive_mail(timeout_ms.0.map(whole)) else {
        return Ok(None);
    };
    mail_object(&ctx, mail).map(Some)
}

/// Mail as JavaScript has it: `HostMail`.
pub(crate) fn mail_object<'js>(ctx: &Ctx<'js>, mail: Mail) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    let (kind, ended) = match mail {
        Mail::Message(message) => {
            object.set("message", buffer(ctx, message)?)?;
            (0, None)
        }
        Mail::Down(ended) => (1, Some(ended)),
        Mail::Exit(ended) => (2, Some(ended)),
    };
    object.set("kind", kind)?;
    if let Some(ended) = ended {
        object.set("pid", ended.pid.to_string())?;
        object.set("reason", ended.reason)?;
    }
    Ok(object)
}

/// The last ones come in a list: there are more than a function may have.
fn fetch_action<'js>(
    ctx: Ctx<'js>,
    component: String,
    action: String,
    method: String,
    target: String,
    headers: Vec<String>,
    rest: Rest<Value<'js>>,
) -> Result<Object<'js>> {
    let [params, body, timeout_ms] = rest.0.as_slice() else {
        return Err(throw(
            &ctx,
            "parameters, a body and a time limit are missing",
        ));
    };
    let params: Vec<String> = params.get()?;
    let (body, timeout_ms) = (body.get::<Bytes<'js>>()?, timeout_ms.get::<f64>()?);
    let request = http::Request {
        method,
        target,
        headers: paired_headers(&headers),
        params: paired(&params),
        body: bytes_of(&body).to_vec(),
    };
    let response = actor::fetch(&component, &action, &request, whole(timeout_ms))
        .map_err(|error| throw_call(&ctx, error))?;
    let object = Object::new(ctx.clone())?;
    object.set("status", response.status)?;
    object.set("headers", flat_headers(response.headers))?;
    object.set("body", buffer(&ctx, response.body)?)?;
    Ok(object)
}

fn info(ctx: Ctx<'_>, pid: String) -> Result<Option<Object<'_>>> {
    let Some(info) = actor::info(handle(&ctx, &pid)?) else {
        return Ok(None);
    };
    let object = Object::new(ctx)?;
    object.set("pid", info.pid.to_string())?;
    object.set("links", info.links)?;
    object.set("monitors", info.monitors)?;
    object.set("names", info.names)?;
    object.set("label", info.label)?;
    object.set("mailboxDepth", info.mailbox_depth)?;
    object.set("trapExit", info.trap_exit)?;
    Ok(Some(object))
}

fn supervise(
    ctx: Ctx<'_>,
    strategy: String,
    children: Vec<String>,
    max_restarts: u32,
    within_ms: u32,
) -> Result<String> {
    let strategy = match strategy.as_str() {
        "one-for-one" => SuperviseStrategy::OneForOne,
        "one-for-all" => SuperviseStrategy::OneForAll,
        "rest-for-one" => SuperviseStrategy::RestForOne,
        other => {
            return Err(throw(
                &ctx,
                &format!("`{other}` is no strategy of a supervisor"),
            ));
        }
    };
    let pid = actor::supervise(strategy, &children, max_restarts, within_ms);
    let pid = pid.map_err(|error| throw(&ctx, &error))?;
    Ok(pid.to_string())
}
