//! Any text is an app, or an error that can be shown.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match rusm_config::parse("rusm.toml", text) {
        Ok(app) => {
            // What is valid is so without a look at anything else.
            for listener in &app.listeners {
                for route in listener.routes.routes() {
                    assert!(route.pattern.starts_with('/'));
                }
            }
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let _ = format!("{error:?}");
        }
    }
});
