//! Two shards, driven by bytes: what processes do to one another in any order, and what must hold
//! at every moment. A property test and a fuzz target run it.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "it is a test, wherever it is included"
)]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_executor::{LocalPool, LocalSpawner};
use futures_util::task::LocalSpawn as _;
use futures_util::{FutureExt as _, StreamExt as _};
use rusm_core::quota::{self, QuotaUsage};
use rusm_core::{
    CallError, Delivery, ExitReason, MailboxLimit, MonitorRef, Node, Pid, ProcessContext,
    RequestId, ReservedName, SendError, Shard, ShardId, SpawnOptions, Stats, StreamId, TimerRef,
    fairness,
};

/// What the mailbox of each process takes: so little that it is often full.
pub const LIMIT: MailboxLimit = MailboxLimit {
    messages: 6,
    bytes: 4096,
};

/// One step.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    kind: u8,
    a: u8,
    b: u8,
    value: u8,
}

/// Each step is four bytes.
pub fn decode(bytes: &[u8]) -> Vec<Op> {
    let steps = bytes.chunks_exact(4);
    steps
        .map(|step| Op {
            kind: step[0],
            a: step[1],
            b: step[2],
            value: step[3],
        })
        .collect()
}

/// Run the steps, and then end all processes.
///
/// # Panics
/// When something does not hold.
pub fn run(ops: &[Op]) {
    let mut world = World::new();
    for op in ops {
        world.step(*op);
        world.check_quotas();
    }
    world.settle();
    world.check_deliveries();
    world.end();
}

struct World {
    node: Node,
    shards: Vec<(Shard, LocalPool)>,
    reserved: ReservedName,
    puppets: Vec<Puppet>,
    ledger: Rc<Ledger>,
    timers: Vec<(Pid, TimerRef)>,
    monitors: Vec<(Pid, MonitorRef)>,
}

#[derive(Clone)]
struct Puppet {
    pid: Pid,
    resident: bool,
    commands: UnboundedSender<Command>,
}

/// What a process does in its own task.
enum Command {
    Call(Pid, usize),
    Cast(Pid, usize),
    /// Take so much mail; answer the calls among it, or not.
    Receive(usize, bool),
    Open(Pid),
    Write(usize),
    Read,
    Stash,
    /// Call for a stream, and read what is there of it.
    CallStream(Pid, usize),
    /// Close the last stream that it writes, well or not, or end the last that it reads.
    Finish(u8),
    /// End, well or not.
    Exit(bool),
}

#[derive(Default)]
struct Ledger {
    received: RefCell<HashMap<Pid, Received>>,
    /// Casts that were well, by receiver.
    casts: RefCell<HashMap<Pid, usize>>,
    /// Messages that were handed over, by receiver.
    messages: RefCell<HashMap<Pid, usize>>,
    /// Calls that wait.
    open_calls: Cell<usize>,
}

#[derive(Clone, Copy, Default)]
struct Received {
    casts: usize,
    messages: usize,
}

impl World {
    fn new() -> Self {
        let node = Node::new(2);
        let shards = (0..2).map(|id| {
            let pool = LocalPool::new();
            let spawner = pool.spawner();
            let shard = node.shard(ShardId::new(id), move |task| spawn(&spawner, task));
            spawn(&pool.spawner(), Box::pin(shard.serve_bus()));
            if id == 0 {
                let queue = fairness::serve_queue(async || ());
                spawn(&pool.spawner(), Box::pin(queue));
            }
            (shard, pool)
        });
        Self {
            shards: shards.collect(),
            reserved: node.reserve("reserved").unwrap(),
            node,
            puppets: Vec::new(),
            ledger: Rc::default(),
            timers: Vec::new(),
            monitors: Vec::new(),
        }
    }

    fn step(&mut self, op: Op) {
        let Op { a, b, value, .. } = op;
        let count = 1 + usize::from(value) * 8;
        let size = usize::from(value) * 20;
        let kind = op.kind % 30;
        if kind < 3 || self.puppets.is_empty() {
            return self.spawn(usize::from(a % 2), value);
        }
        let pick = |n: u8| self.puppets[usize::from(n) % self.puppets.len()].clone();
        let (one, other) = (pick(a), pick(b).pid);
        let (me, home) = (one.pid, self.shard(one.pid.shard()));
        let command = |command| drop(one.commands.unbounded_send(command));
        match kind {
            3 => self.settle(),
            4 => {
                if home.is_alive_here(me) && value.is_multiple_of(4) {
                    drop(home.kill(me));
                }
            }
            5 => {
                let sent = home.try_send(other, Bytes::from(vec![b'm'; size]));
                if other.shard() == me.shard() && size > LIMIT.bytes {
                    let expected = [SendError::TooLarge(LIMIT.bytes), SendError::NoProcess];
                    assert!(expected.contains(&sent.unwrap_err()));
                } else if sent.is_ok() {
                    *self.ledger.messages.borrow_mut().entry(other).or_default() += 1;
                }
            }
            6 => command(Command::Call(other, size)),
            7..10 => command(Command::Cast(other, size)),
            10..12 => command(Command::Receive(1 + usize::from(value % 8), value > 128)),
            12 => {
                let linked = home.link(me, other);
                assert!(linked.is_ok() || !home.is_alive_here(me));
            }
            13 => {
                if let Ok(monitor) = home.monitor(me, other) {
                    self.monitors.push((me, monitor));
                }
            }
            14 => {
                for n in 0..count.min(70) {
                    let name = (usize::from(b) + n).to_string();
                    let _ = home.register(me, &name);
                }
                if home.register(me, "reserved").is_ok() {
                    assert_eq!(self.node.whereis("reserved"), Some(me));
                    assert!(one.resident);
                }
                assert!(!home.unregister(me, "reserved"));
            }
            15 => {
                for n in 0..count {
                    let _ = home.join(me, &(usize::from(b % 2) * 100 + n).to_string());
                }
            }
            16 => {
                let delay = match value % 2 {
                    0 => Duration::ZERO,
                    _ => Duration::from_secs(3600),
                };
                for _ in 0..count {
                    match home.send_after(me, other, delay, Bytes::from_static(b"t")) {
                        Ok(timer) => self.timers.push((me, timer)),
                        Err(_) => break,
                    }
                }
            }
            17 => {
                if let Some((setter, timer)) = some(&self.timers, value)
                    && home.cancel_timer(me, timer)
                {
                    assert_eq!(setter, me, "a timer of another was cancelled");
                }
            }
            18 => match value % 4 {
                0 => command(Command::Write(size * 64)),
                1 => command(Command::Read),
                _ => command(Command::Open(other)),
            },
            19 => command(Command::Stash),
            20 => home.unlink(me, other),
            21 => {
                if let Some((watcher, monitor)) = some(&self.monitors, value) {
                    // That of another is not undone.
                    home.demonitor(if value % 2 == 0 { watcher } else { me }, monitor);
                }
            }
            22 if value.is_multiple_of(4) => {
                let reason = match value % 3 {
                    0 => ExitReason::Normal,
                    1 => ExitReason::Killed,
                    _ => ExitReason::failed("a signal"),
                };
                home.exit_signal(me, other, reason);
            }
            23 if value.is_multiple_of(4) => command(Command::Exit(value.is_multiple_of(8))),
            24 => {
                for n in 0..count.min(70) {
                    home.unregister(me, &(usize::from(b) + n).to_string());
                    home.leave(me, &(usize::from(b % 2) * 100 + n).to_string());
                }
            }
            25 => {
                let group = (usize::from(b % 2) * 100).to_string();
                home.publish(&group, Bytes::from(vec![b'p'; size]));
            }
            26 => command(Command::CallStream(other, size)),
            27 => command(Command::Finish(value)),
            28 if value.is_multiple_of(4) => {
                let now = Instant::now();
                home.set_deadline(me, Some(now));
                home.expire(now);
                assert!(!home.is_alive_here(me), "it is past its deadline");
            }
            // The end of a process of another shard, which is on its way when this returns.
            29 if value.is_multiple_of(8) => drop(home.kill(other)),
            _ => home.set_trap_exit(me, value % 2 == 0),
        }
    }

    fn spawn(&mut self, shard: usize, value: u8) {
        let (commands, inbox) = unbounded();
        let ledger = self.ledger.clone();
        let resident = value.is_multiple_of(8);
        let options = SpawnOptions {
            mailbox: LIMIT,
            label: Some("puppet".into()),
            reserved_name: resident.then(|| self.reserved.clone()),
            resident,
            ..SpawnOptions::default()
        };
        let shard = self.shards[shard].0.clone();
        shard.enter();
        let spawned = shard.spawn(options, move |me| obey(me, inbox, ledger));
        let Ok(pid) = spawned else {
            assert!(resident, "only the reserved name can be taken");
            let holder = self.node.whereis("reserved").unwrap();
            assert!(self.puppets.iter().any(|other| other.pid == holder));
            return;
        };
        shard.set_trap_exit(pid, value.is_multiple_of(3));
        self.puppets.push(Puppet {
            pid,
            resident,
            commands,
        });
    }

    fn shard(&self, id: ShardId) -> Shard {
        let shard = self.shards[usize::from(id.index())].0.clone();
        shard.enter();
        shard
    }

    /// Until nothing happens any more at this moment.
    fn settle(&mut self) {
        for _ in 0..12 {
            for (shard, pool) in &mut self.shards {
                shard.enter();
                shard.fire_timers(Instant::now());
                pool.run_until_stalled();
            }
        }
    }

    fn check_quotas(&self) {
        for puppet in &self.puppets {
            let shard = self.shard(puppet.pid.shard());
            let Some(usage) = shard.quota_usage_here(puppet.pid) else {
                continue;
            };
            assert!(within_bounds(&usage, puppet.resident), "{usage:?}");
        }
        if let Some(holder) = self.node.whereis("reserved") {
            let mut puppets = self.puppets.iter();
            assert!(puppets.any(|puppet| puppet.pid == holder && puppet.resident));
        }
        let [mine, far] = [0, 1].map(|id| self.shard(ShardId::new(id)).whereis("reserved"));
        assert_eq!(mine, far);
    }

    /// Nothing that was well is lost, as long as its receiver lives. The world has settled.
    fn check_deliveries(&self) {
        for Puppet { pid, .. } in &self.puppets {
            let shard = self.shard(pid.shard());
            let (Some(info), Some(usage)) = (shard.info_here(*pid), shard.quota_usage_here(*pid))
            else {
                continue;
            };
            let of = |counts: &RefCell<HashMap<Pid, usize>>| {
                counts.borrow().get(pid).copied().unwrap_or_default()
            };
            let (casts, messages) = (of(&self.ledger.casts), of(&self.ledger.messages));
            let received = self.ledger.received.borrow();
            let received = received.get(pid).copied().unwrap_or_default();
            // What waits may be calls of others, too.
            assert!(casts >= received.casts, "a cast from nowhere");
            let missing = casts - received.casts;
            assert!(
                missing <= usage.messages,
                "{missing} casts are lost: {usage:?}"
            );
            assert_eq!(
                info.mailbox_depth as usize,
                usage.messages + usage.unread_signals,
                "room is kept for what is not there"
            );
            // Timers send, too: those are not counted here.
            let lost = (messages).saturating_sub(received.messages + usage.messages);
            assert!(lost as u64 <= info.dropped, "{lost} messages vanished");
        }
    }

    fn end(mut self) {
        for id in [0, 1] {
            self.shard(ShardId::new(id)).end_all(ExitReason::Shutdown);
        }
        self.settle();
        for (shard, _) in &self.shards {
            assert_eq!(shard.list_here(), []);
            assert_eq!(shard.stats(), Stats::default());
        }
        assert_eq!(self.node.names_and_groups(), (0, 0));
        assert_eq!(self.ledger.open_calls.get(), 0);
    }
}

fn within_bounds(usage: &QuotaUsage, resident: bool) -> bool {
    let (timers, timer_bytes) = match resident {
        true => (quota::RESIDENT_TIMERS, quota::RESIDENT_TIMER_BYTES),
        false => (quota::PROCESS_TIMERS, quota::PROCESS_TIMER_BYTES),
    };
    usage.names <= quota::MAX_NAMES + 1
        && usage.groups <= quota::MAX_GROUPS
        && usage.links + usage.unread_signals <= 2 * quota::MAX_LINKS
        && usage.monitors <= quota::MAX_MONITORS
        // What is stashed was counted before.
        && usage.messages <= LIMIT.messages + 1
        && usage.message_bytes <= 2 * LIMIT.bytes
        && usage.streams <= quota::MAX_STREAMS
        && usage.waiting_streams <= quota::MAX_WAITING_STREAMS
        && usage.stream_bytes <= quota::MAX_STREAM_BYTES
        && usage.timers <= timers
        && usage.timer_bytes <= timer_bytes
        && usage.left_timers <= quota::LEFT_TIMERS
}

/// The life of a process.
async fn obey(
    me: ProcessContext,
    mut commands: UnboundedReceiver<Command>,
    ledger: Rc<Ledger>,
) -> ExitReason {
    let ProcessContext { pid, shard } = me;
    let (mut reading, mut writing): (Vec<StreamId>, Vec<StreamId>) = Default::default();
    while let Some(command) = commands.next().await {
        match command {
            Command::Call(to, size) => {
                let waiting = OpenCall::new(&ledger);
                let deadline = Instant::now() + Duration::from_micros(200);
                let args = Bytes::from(vec![0; size]);
                let answer = shard.call(pid, to, "f".into(), args, deadline).await;
                drop(waiting);
                if to == pid {
                    assert_eq!(answer, Err(CallError::OwnProcess));
                } else if size + 1 > LIMIT.bytes {
                    let known = [
                        Err(CallError::TooLarge(LIMIT.bytes)),
                        Err(CallError::NoProcess),
                        Err(CallError::Timeout),
                    ];
                    assert!(known.contains(&answer), "{answer:?}");
                }
            }
            Command::Cast(to, size) => {
                let args = Bytes::from(vec![0; size]);
                match shard.cast(&RequestId::None, to, "f".into(), args).await {
                    Ok(()) => *ledger.casts.borrow_mut().entry(to).or_default() += 1,
                    Err(error) => {
                        let is_large = size + 1 > LIMIT.bytes;
                        let too_large = error == SendError::TooLarge(LIMIT.bytes);
                        assert!(too_large == is_large || error == SendError::NoProcess);
                    }
                }
            }
            Command::Receive(count, answers) => {
                for _ in 0..count {
                    let received = shard.receive(pid, Some(Instant::now())).await;
                    let Some(delivery) = received else { break };
                    note(&ledger, pid, &delivery, 1);
                    match delivery {
                        Delivery::Call(call) if answers && call.from.is_some() => {
                            shard.reply(pid, call.id, Ok(call.args));
                        }
                        Delivery::Stream { stream, .. } => reading.push(stream),
                        _ => {}
                    }
                }
            }
            Command::Stash => {
                shard.unstash(pid);
                let received = shard.receive(pid, Some(Instant::now())).await;
                if let Some(delivery) = received {
                    shard.stash(pid, delivery);
                }
            }
            Command::Open(to) => writing.extend(shard.open_stream(pid, to)),
            Command::Write(size) => {
                if let Some(stream) = writing.last() {
                    let chunk = Bytes::from(vec![0; size]);
                    let _ = shard.write(pid, *stream, chunk).await;
                }
            }
            Command::Read => {
                if let Some(stream) = reading.last() {
                    let _ = shard.read(pid, *stream).now_or_never();
                }
            }
            Command::CallStream(to, size) => {
                let args = Bytes::from(vec![0; size]);
                let stream = shard.call_stream(pid, to, "f".into(), args);
                let read = shard.read(pid, stream).now_or_never();
                assert!(to != pid || matches!(read, Some(Err(_))), "{read:?}");
                reading.push(stream);
            }
            Command::Finish(how) => {
                let outcome = match how % 2 {
                    0 => Ok(()),
                    _ => Err("a failure".into()),
                };
                if how % 4 < 2 {
                    if let Some(stream) = writing.pop() {
                        shard.close(pid, stream, outcome);
                    }
                } else if let Some(stream) = reading.pop() {
                    shard.stop_reading(pid, stream);
                }
            }
            Command::Exit(true) => return ExitReason::Normal,
            Command::Exit(false) => return ExitReason::failed("a fault"),
        }
    }
    ExitReason::Normal
}

fn note(ledger: &Ledger, pid: Pid, delivery: &Delivery, one: usize) {
    let mut received = ledger.received.borrow_mut();
    let received = received.entry(pid).or_default();
    match delivery {
        Delivery::Call(call) if call.from.is_none() => received.casts += one,
        Delivery::Message(message) if message.as_ref() != b"t" => received.messages += one,
        _ => {}
    }
}

/// One of them; which is up to `value`.
fn some<T: Copy>(all: &[T], value: u8) -> Option<T> {
    all.get(usize::from(value) * 7 % all.len().max(1)).copied()
}

struct OpenCall(Rc<Ledger>);

impl OpenCall {
    fn new(ledger: &Rc<Ledger>) -> Self {
        ledger.open_calls.set(ledger.open_calls.get() + 1);
        Self(ledger.clone())
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.open_calls.set(self.0.open_calls.get() - 1);
    }
}

fn spawn(spawner: &LocalSpawner, task: Pin<Box<dyn Future<Output = ()>>>) {
    let _ = spawner.spawn_local_obj(task.into());
}
