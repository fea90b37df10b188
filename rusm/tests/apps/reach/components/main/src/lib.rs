//! A free-form process: a message is the pid of who asks, and the task.

use rusm_rs::Pid;

#[rusm_rs::main]
fn main() {
    loop {
        let message = rusm_rs::receive_bytes();
        if let Some((from, task)) = message.split_first_chunk() {
            let done = tasks::run(&String::from_utf8_lossy(task));
            rusm_rs::send_bytes(Pid(u64::from_le_bytes(*from)), done.as_bytes());
        }
    }
}
