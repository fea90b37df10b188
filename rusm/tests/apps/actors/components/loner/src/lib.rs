//! A free-form process. To each message, a JSON pair of a pid and a text, it sends the text back;
//! `quit` ends it, and `crash` in another way.

use rusm_rs::Pid;

#[rusm_rs::main]
fn main() {
    rusm_rs::set_label("the loner");
    loop {
        let Ok((from, text)) = rusm_rs::receive::<(u64, String)>() else {
            continue;
        };
        match text.as_str() {
            "quit" => return,
            "crash" => panic!("as it was told"),
            text => rusm_rs::send_bytes(Pid(from), text.as_bytes()),
        }
    }
}
