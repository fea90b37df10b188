//! Handlers that each do one thing without end, or as often as it takes to find the bound.

use std::hint::black_box;
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use rusm_rs::{CallError, Event, Params, Pid, Request, Response, Sse, Stream};

// As no binding calls it.
#[link(wasm_import_module = "rusm:runtime/serve@0.1.0")]
unsafe extern "C" {
    #[link_name = "respond"]
    fn raw_respond(status: i32, headers: *const [u32; 4], count: usize, result: *mut [u32; 8]);
}

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    /// `GET /alias/:count`: a head of so many headers, each the same MiB of memory.
    pub fn alias(_: Request, params: Params) -> Response {
        let value = vec![b'x'; 1 << 20];
        let at = value.as_ptr() as u32;
        let headers = vec![[at, 8, at, 1 << 20]; params.parse("count").unwrap_or(1)];
        let mut result = [0; 8];
        // SAFETY: the list is as the canonical ABI has it, and the result has room for any.
        unsafe { raw_respond(200, headers.as_ptr(), headers.len(), &mut result) };
        Response::text(format!("{}", result[0]))
    }

    /// `GET /large-head/:bytes`: a stream with a header of this size.
    pub fn large_head(_: Request, params: Params) -> Response {
        let bytes = params.parse("bytes").unwrap_or(1);
        Response::stream("text/plain", |body| {
            body.write("begun");
        })
        .header("x-large", "x".repeat(bytes))
    }

    /// `GET /empty-lines/:count`: an event of so many empty lines, and one more.
    pub fn empty_lines(_: Request, params: Params, sse: Sse) -> Result<(), CallError> {
        sse.data("\n".repeat(params.parse("count").unwrap_or(1)));
        sse.data("after");
        Ok(())
    }

    pub fn trap(_: Request) -> Response {
        panic!("on purpose")
    }

    pub fn spin(_: Request) -> Response {
        loop {
            black_box(());
        }
    }

    pub fn memory(_: Request) -> Response {
        let mut all = Vec::new();
        loop {
            all.push(black_box(vec![1_u8; 1 << 20]));
        }
    }

    pub fn overflow(_: Request) -> Response {
        fn deeper(depth: u64) -> u64 {
            let below = black_box([depth; 64]);
            if below[7] == u64::MAX {
                return 0;
            }
            deeper(depth + 1) + black_box(below[63])
        }
        Response::text(deeper(0).to_string())
    }

    /// Waits for a message that nobody sends.
    pub fn wait(_: Request) -> Response {
        Response::bytes(rusm_rs::receive_bytes())
    }

    pub fn timers(_: Request) -> Response {
        let me = rusm_rs::me();
        let set = (0..20_000).map(|n| rusm_rs::send_after(me, 3_600_000 + n, &[0; 64]));
        counted(set.filter(|timer| *timer != 0).count())
    }

    pub fn names(_: Request) -> Response {
        let name = |n: usize| format!("{n}-{}", "x".repeat(n % 512));
        let given = (0..5_000).filter(|n| rusm_rs::register(&name(*n)));
        let given = given.count();
        (0..5_000).for_each(|n| rusm_rs::register_tag(&name(n)));
        counted(given)
    }

    pub fn files(_: Request) -> Response {
        let mut files = Vec::new();
        while let Ok(file) = std::fs::File::open("/proc/self/status") {
            files.push(file);
        }
        counted(files.len())
    }

    pub fn sockets(_: Request) -> Response {
        let (mut tcp, mut udp) = (Vec::new(), Vec::new());
        while let (Ok(one), Ok(other)) = (
            TcpListener::bind("127.0.0.1:0"),
            UdpSocket::bind("127.0.0.1:0"),
        ) {
            tcp.push(one);
            udp.push(other);
        }
        counted(tcp.len() + udp.len())
    }

    /// `GET /mail/:name`: more messages than its mailbox takes, of several sizes.
    pub fn mail(_: Request, params: Params) -> Result<Response, CallError> {
        let target = named(&params)?;
        let message = vec![b'x'; 4096];
        for n in 0..12_000 {
            rusm_rs::send_bytes(target, &message[..n % 4096]);
        }
        Ok(counted(12_000))
    }

    /// The same by casts, and by calls that it does not wait for.
    pub fn casts(_: Request, params: Params) -> Result<Response, CallError> {
        let target = named(&params)?;
        let cast = |n: u64| rusm_rs::cast(target, "echo", &(n.to_string(),)).is_ok();
        let cast = (0..12_000).filter(|n| cast(*n)).count();
        for _ in 0..100 {
            let _: Result<String, _> = rusm_rs::call(target, "echo", &("x",), Duration::ZERO);
        }
        Ok(counted(cast))
    }

    /// Sends to itself, and sets aside what it receives.
    pub fn stash(_: Request) -> Response {
        let me = rusm_rs::me();
        for _ in 0..20_000 {
            rusm_rs::send_bytes(me, &[b'x'; 1024]);
            if let Some(message) = rusm_rs::receive_bytes_timeout(0) {
                rusm_rs::stash(&message);
            }
        }
        counted(20_000)
    }

    /// As many processes as it may have, linked to it, which it takes with it.
    pub fn spawn(_: Request) -> Response {
        let mut children = Vec::new();
        while let Ok(child) = rusm_rs::spawn("loner") {
            rusm_rs::monitor(child);
            let _ = rusm_rs::link(child);
            children.push(child);
        }
        panic!("{} children", children.len())
    }

    /// Links itself to processes, and ends in one way or another.
    pub fn take_along(request: Request) -> Response {
        for _ in 0..3 {
            rusm_rs::link(rusm_rs::spawn("loner").unwrap()).unwrap();
        }
        match request.query_param("how").as_deref() {
            Some("trap") => panic!("as it was told"),
            Some("spin") => loop {
                std::hint::black_box(());
            },
            Some("wait") => Response::bytes(rusm_rs::receive_bytes()),
            Some("exit") => rusm_rs::exit(Some("as it was told")),
            Some("kill") => {
                rusm_rs::kill(rusm_rs::me());
                Response::bytes(rusm_rs::receive_bytes())
            }
            _ => Response::text("they stay"),
        }
    }

    /// Supervisors of processes that end at once, and it with them.
    pub fn supervise(_: Request) -> Response {
        for _ in 0..64 {
            let supervisor = rusm_rs::Supervisor::new(rusm_rs::Strategy::OneForAll);
            let children = (0..8).fold(supervisor, |all, _| all.child("loner"));
            let _ = children.start();
        }
        rusm_rs::exit(Some("and all that it has begun"))
    }

    /// A fresh process that never returns, for a moment at a time.
    pub fn run(_: Request) -> Response {
        let runs = (0..4).map(|_| {
            let never: Result<(), _> =
                rusm_rs::run("subject", "spin", &[(); 0], Duration::from_millis(50));
            never
        });
        counted(runs.filter(Result::is_err).count())
    }

    /// Ends in its links, its monitors, and every stream that it can open to a service.
    pub fn ties(_: Request, params: Params) -> Result<Response, CallError> {
        let target = named(&params)?;
        let streams: Vec<_> = (0..5_000).filter_map(|_| Stream::open(target)).collect();
        let written = streams.iter().filter(|stream| stream.write(&[0; 1024]));
        let written = written.count();
        for _ in 0..20_000 {
            rusm_rs::monitor(target);
            rusm_rs::demonitor(target);
        }
        Ok(counted(written))
    }

    /// Lines for the log, in all ways and of all sizes.
    pub fn lines(_: Request) -> Response {
        for n in 0..3_000_usize {
            eprintln!("{n} {}", "e".repeat(n % 300));
            println!("{}", "\u{1b}[31mo".repeat(n % 30));
            rusm_rs::log::error(format!("the same\nin several lines {}", n % 7));
        }
        eprint!("{}", "without an end ".repeat(10_000));
        counted(9_000)
    }

    /// A body that is larger than most clients want.
    pub fn body(_: Request) -> Response {
        Response::bytes(vec![b'x'; 24 << 20])
    }

    /// A head that no client takes.
    pub fn head(_: Request) -> Response {
        let fields = (0..20_000).map(|n| format!("x-{n}"));
        fields.fold(Response::text(""), |response, name| {
            response.header(name, vec![b'x'; 64])
        })
    }

    /// A body without an end.
    pub fn endless(_: Request) -> Response {
        Response::stream("application/octet-stream", |body| {
            while body.write([b'x'; 16 * 1024]) {}
        })
    }

    /// Events without an end.
    pub fn events(_: Request, _: Params, sse: Sse) -> Result<(), CallError> {
        while sse.send(Event::new().data("x".repeat(1024))) {}
        Ok(())
    }

    /// `GET /kill/:name`: ends a service.
    pub fn kill(_: Request, params: Params) -> Result<Response, CallError> {
        Ok(Response::text(rusm_rs::kill(named(&params)?).to_string()))
    }

    /// How many processes there are, this one included.
    pub fn census(_: Request) -> Response {
        counted(rusm_rs::list().len())
    }

    fn named(params: &Params) -> Result<Pid, CallError> {
        let name = params.get("name").unwrap_or_default();
        rusm_rs::whereis(name).ok_or(CallError::NoProcess)
    }

    fn counted(count: usize) -> Response {
        Response::text(count.to_string())
    }
}
