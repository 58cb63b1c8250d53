//! What SDKs tell of their calls: whatever it is, what is kept of it has none of the session's secrets.
#![no_main]

use std::rc::Rc;

use glass_fuzz::model::api_call::{Calls, Told};
use glass_fuzz::model::mask::Mask;
use glass_fuzz::model::secret::Secret;
use glass_fuzz::model::session::Credentials;
use libfuzzer_sys::fuzz_target;

const ACCESS_KEY_ID: &str = "ASIAIOSFODNN7EXAMPLE";

fuzz_target!(|bytes: &[u8]| {
    let credentials = Credentials {
        access_key_id: ACCESS_KEY_ID.to_owned(),
        secret_access_key: Secret::new("wJalrXUtnFEMIxK7MDENGxbPxRfiCYEXAMPLEKEY".to_owned()),
        session_token: Secret::new("the/session/token==".to_owned()),
    };
    let mut calls = Calls::of(ACCESS_KEY_ID, Rc::new(Mask::of(&credentials)));
    let mut kept = Vec::new();
    for (port, datagram) in (0..).zip(bytes.split(|byte| *byte == b'\n')) {
        if let Ok(told) = Told::parse(datagram, "client") {
            kept.extend(calls.take(port % 3, told));
        }
    }
    kept.extend(calls.left());
    let kept = format!("{kept:?}");
    assert!(
        !kept.contains("the/session/token==") && !kept.contains("wJalrXUtnFEMIxK7MDENGxbPxRfiCYEXAMPLEKEY"),
        "{kept}"
    );
});
