//! Frame queues between processes of one shard.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;

use common::Local;
use futures_channel::oneshot;
use rusm_core::{
    ExitReason, Frame, FrameQueueId, Pid, ProcessContext, STREAM_WINDOW, Shard, SpawnOptions,
    Stats, StreamError,
};

type Read = Result<Option<Frame>, StreamError>;

/// What a process notes and its test looks at.
type Shared<T> = Rc<RefCell<T>>;

/// A process that reads a queue once it may, and how far it came.
struct Reader {
    pid: Pid,
    queue: oneshot::Sender<FrameQueueId>,
    frames: Shared<Vec<Frame>>,
    end: Shared<Option<Read>>,
}

fn reader(shard: &Shard) -> Reader {
    let (send_queue, queue) = oneshot::channel();
    let frames = Shared::<Vec<Frame>>::default();
    let end = Shared::<Option<Read>>::default();
    let (read, ended) = (frames.clone(), end.clone());
    let body = |me: ProcessContext| async move {
        let queue = queue.await.unwrap();
        loop {
            match poll_fn(|cx| me.shard.poll_receive_frame(me.pid, queue, cx)).await {
                Ok(Some(frame)) => read.borrow_mut().push(frame),
                end => break *ended.borrow_mut() = Some(end),
            }
        }
        ExitReason::Normal
    };
    Reader {
        pid: shard.spawn(SpawnOptions::default(), body).unwrap(),
        queue: send_queue,
        frames,
        end,
    }
}

/// A process that sends frames to a queue, and then ends.
struct Writer {
    pid: Pid,
    queue: oneshot::Sender<FrameQueueId>,
    /// Frames that it has sent; an error if it learned that nothing reads them.
    sent: Rc<Cell<Result<usize, usize>>>,
}

fn writer(shard: &Shard, sizes: Vec<usize>, reason: ExitReason) -> Writer {
    let (send_queue, queue) = oneshot::channel();
    let sent = Rc::new(Cell::new(Ok(0)));
    let counted = sent.clone();
    let body = |me: ProcessContext| async move {
        let queue = queue.await.unwrap();
        for (index, size) in sizes.into_iter().enumerate() {
            match me
                .shard
                .send_frame(me.pid, queue, numbered(index, size))
                .await
            {
                Ok(()) => counted.set(Ok(index + 1)),
                Err(error) => {
                    assert_eq!(error, StreamError::ReaderGone);
                    counted.set(Err(index));
                    break;
                }
            }
        }
        reason
    };
    Writer {
        pid: shard.spawn(SpawnOptions::default(), body).unwrap(),
        queue: send_queue,
        sent,
    }
}

fn numbered(index: usize, size: usize) -> Frame {
    match index % 2 {
        0 => Frame::Binary(vec![index as u8; size]),
        _ => Frame::Text(char::from(index as u8 % 128).to_string().repeat(size)),
    }
}

fn assert_clean(local: &Local) {
    assert_eq!(local.shard.stats(), Stats::default());
}

#[test]
fn a_queue_is_bounded_by_bytes_and_ends_as_its_writer_does() {
    let failed = || Err(StreamError::Failed("broke".into()));
    for (reason, end) in [
        (ExitReason::Normal, Ok(None)),
        (ExitReason::failed("broke"), failed()),
    ] {
        let mut local = Local::new();
        let reader = reader(&local.shard);
        // One larger than the window goes alone.
        let mut sizes = vec![1024; 100];
        sizes.push(3 * STREAM_WINDOW);
        let writer = writer(&local.shard, sizes.clone(), reason);
        let queue = local.shard.open_frames(writer.pid, reader.pid).unwrap();
        writer.queue.send(queue).unwrap();
        local.settle();
        assert_eq!(
            writer.sent.get(),
            Ok(STREAM_WINDOW / 1024),
            "nothing is read"
        );
        reader.queue.send(queue).unwrap();
        local.settle();
        let expected = sizes.into_iter().enumerate();
        let expected: Vec<_> = expected
            .map(|(index, size)| numbered(index, size))
            .collect();
        assert!(*reader.frames.borrow() == expected);
        assert_eq!(*reader.end.borrow(), Some(end));
        assert_clean(&local);
    }
}

#[test]
fn a_waiting_writer_learns_that_the_reader_was_killed() {
    let mut local = Local::new();
    let reader = reader(&local.shard);
    let sizes = vec![STREAM_WINDOW; 2];
    let writer = writer(&local.shard, sizes, ExitReason::Normal);
    let queue = local.shard.open_frames(writer.pid, reader.pid).unwrap();
    writer.queue.send(queue).unwrap();
    local.settle();
    assert_eq!(writer.sent.get(), Ok(1));
    drop(local.shard.kill(reader.pid));
    local.settle();
    assert_eq!(writer.sent.get(), Err(1));
    assert_clean(&local);
}

#[test]
fn a_waiting_reader_learns_that_the_writer_was_killed() {
    let mut local = Local::new();
    let reader = reader(&local.shard);
    let writer = local.idle();
    let queue = local.shard.open_frames(writer, reader.pid).unwrap();
    reader.queue.send(queue).unwrap();
    local.settle();
    assert_eq!(*reader.end.borrow(), None);
    drop(local.shard.kill(writer));
    local.settle();
    let killed = Err(StreamError::Failed("killed".into()));
    assert_eq!(*reader.end.borrow(), Some(killed));
    assert_clean(&local);
}

#[test]
fn a_writer_that_has_closed_its_end_sends_no_more() {
    let mut local = Local::new();
    let reader = reader(&local.shard);
    let writer = local.shard.start(None).unwrap();
    let me = writer.pid();
    let queue = local.shard.open_frames(me, reader.pid).unwrap();
    let shard = local.shard.clone();
    let send = |text: &str| shard.try_send_frame(me, queue, &mut Some(Frame::Text(text.into())));
    assert_eq!(send("a"), Ok(true));
    assert!(shard.close_frames(me, queue, Ok(())));
    assert!(!shard.close_frames(me, queue, Err("late".into())));
    assert_eq!(send("b"), Err(StreamError::NotOwner));
    reader.queue.send(queue).unwrap();
    local.settle();
    assert_eq!(*reader.frames.borrow(), [Frame::Text("a".into())]);
    assert_eq!(*reader.end.borrow(), Some(Ok(None)));
    drop(writer);
    assert_clean(&local);
}

#[test]
fn queues_of_others_can_not_be_touched() {
    let mut local = Local::new();
    let (writer, reader) = (local.idle(), local.idle());
    let queue = local.shard.open_frames(writer, reader).unwrap();
    let denied = || Err(StreamError::NotOwner);
    let touched = local.as_process(move |me, shard| async move {
        assert!(!shard.close_frames(me, queue, Ok(())));
        let sent = shard.send_frame(me, queue, numbered(0, 1)).await;
        (
            sent,
            poll_fn(|cx| shard.poll_receive_frame(me, queue, cx)).await,
        )
    });
    assert_eq!(touched, (denied(), denied().map(|()| None)));
    assert_eq!(local.shard.stats().frame_queues, 1);
    let ended = local.idle();
    drop(local.shard.kill(ended));
    assert_eq!(local.shard.open_frames(ended, reader), None);
    assert_eq!(local.shard.open_frames(writer, ended), None);
    local.shard.end_all(ExitReason::Shutdown);
    local.settle();
    assert_clean(&local);
}
