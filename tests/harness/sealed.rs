//! What the app keeps encrypted in its data folder, read with the key of its user.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde_json::Value;

/// Where the app that has `data` keeps what decrypts.
pub fn key_file(data: &Path) -> PathBuf {
    data.join(STATE).join("rostrum/sealing-key")
}

/// Key and token of the app's own room.
///
/// # Panics
/// When the app has not kept them, or as they are.
pub fn owner(data: &Path) -> Value {
    let kept = std::fs::read(data.join("local-owner.json")).expect("the owner's file");
    let kept: Value = serde_json::from_slice(&kept).expect("it is JSON");
    assert!(kept.get("token").is_none(), "the token is not encrypted");
    let sealed = BASE64.decode(kept["sealed"].as_str().expect("what is encrypted")).expect("it is Base64");
    let key = std::fs::read_to_string(key_file(data)).expect("the key is there");
    let key: [u8; 32] = BASE64.decode(key).expect("it is Base64").try_into().expect("32 bytes");
    let (nonce, sealed) = sealed.split_first_chunk::<24>().expect("a nonce");
    let payload = Payload { msg: sealed, aad: b"local owner" };
    let text = XChaCha20Poly1305::new(&key.into()).decrypt(&XNonce::from(*nonce), payload);
    serde_json::from_slice(&text.expect("the key fits")).expect("it is JSON")
}

/// What `XDG_STATE_HOME` is for an app, below its temporary folder.
pub const STATE: &str = "state";
