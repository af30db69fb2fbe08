//! Tells other servers what happens: one request at a time to each, from a queue in the database.
//!
//! A delivery that fails is tried again after growing delays, and then given up. One that hangs delays only what its
//! own webhook is told.

mod public;
mod request;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use rustls::{ClientConfig, RootCertStore};
use sha2::Sha256;
use tokio::task::JoinSet;

use crate::clock::unix_ms;
use crate::secret;
use crate::state::Shared;
use crate::store::{Delivery, StoreError, Tried};

pub(crate) use request::Target;

/// Delivers until the origin stops. What is under way then is tried again at the next start.
pub(crate) async fn serve(shared: Arc<Shared>) {
    let tls = Arc::new(client_config());
    let mut under_way = JoinSet::new();
    let mut busy = HashSet::new();
    loop {
        let (due, next_ms) = match shared.store.due_deliveries(busy.clone(), unix_ms()).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "webhooks: the queue cannot be read");
                (Vec::new(), Some(unix_ms() + TROUBLE_MS))
            }
        };
        for delivery in due {
            busy.insert(delivery.webhook);
            under_way.spawn(deliver(Arc::clone(&shared), Arc::clone(&tls), delivery));
        }
        let wait_ms = next_ms.map_or(LOOK_MAX_MS, |at_ms| (at_ms - unix_ms()).clamp(0, LOOK_MAX_MS));
        let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            () = shared.store.announced() => {}
            Some(done) = under_way.join_next() => match done {
                Ok(webhook) => drop(busy.remove(&webhook)),
                Err(error) => {
                    tracing::error!(%error, "webhooks: a delivery ended by itself");
                    // Whose it was is not known any more; what is under way twice is harmless.
                    busy.clear();
                }
            },
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// One try; the webhook that it was for.
async fn deliver(shared: Arc<Shared>, tls: Arc<ClientConfig>, delivery: Delivery) -> i64 {
    let told = tokio::time::timeout(TRY_MAX, tell(tls, &delivery)).await;
    let told = told.unwrap_or_else(|_| Err(format!("no answer within {} s", TRY_MAX.as_secs())));
    let at_ms = unix_ms();
    let (status, problem) = match told {
        Ok(status @ 200..=299) => (Some(status), None),
        Ok(status) => (Some(status), Some(format!("the answer was {status}"))),
        Err(problem) => (None, Some(problem)),
    };
    let delay_ms = DELAYS_S.get(delivery.tries as usize).map(|seconds| seconds * 1_000);
    let again_at_ms = problem.as_ref().and(delay_ms).map(|delay_ms| at_ms + delay_ms);
    if let Some(problem) = &problem {
        let gave_up = again_at_ms.is_none();
        tracing::warn!(
            webhook = delivery.webhook,
            delivery = delivery.id,
            problem,
            gave_up,
            "webhook not told"
        );
    }
    let tried = Tried { at_ms, status, problem, again_at_ms };
    match shared.store.tried(delivery.webhook, delivery.id, tried).await {
        Ok(()) | Err(StoreError::Closed) => {}
        Err(error) => {
            tracing::error!(%error, "webhooks: a try was not noted");
            // Else it would be tried again at once, and again.
            tokio::time::sleep(Duration::from_millis(TROUBLE_MS.unsigned_abs())).await;
        }
    }
    delivery.webhook
}

async fn tell(tls: Arc<ClientConfig>, delivery: &Delivery) -> Result<u16, String> {
    let target = Target::parse(&delivery.url).map_err(|error| error.to_string())?;
    let signature = signature(&delivery.secret, unix_ms() / 1_000, &delivery.body);
    let headers = [
        ("rostrum-event", delivery.event.clone()),
        ("rostrum-delivery", delivery.id.to_string()),
        ("rostrum-signature", signature),
    ];
    let body = delivery.body.clone();
    target.post(&tls, delivery.allow_private, headers, body).await.map_err(|error| error.to_string())
}

/// `t=SECONDS,v1=HEX`: HMAC-SHA256, by the webhook's secret, of the seconds, a full stop and the body.
fn signature(secret: &str, at_s: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length is a key");
    mac.update(format!("{at_s}.{body}").as_bytes());
    format!("t={at_s},v1={}", secret::hex(&mac.finalize().into_bytes()))
}

/// Trusts what the system trusts.
fn client_config() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "webhooks: some of the system's certificates cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Between one try and the next, seconds: a restart of the other server costs seconds, a bad day hours. Then it is given up.
const DELAYS_S: [i64; 7] = [1, 5, 30, 120, 600, 3_600, 21_600];
/// For a whole try, from the name to the answer's status.
const TRY_MAX: Duration = Duration::from_secs(10);
/// The queue is looked at as often when nothing says that it has changed.
const LOOK_MAX_MS: i64 = 60_000;
/// After trouble with the database.
const TROUBLE_MS: i64 = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_time_and_body() {
        // `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret`
        let expected = "t=1700000000,v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686";
        let signed = signature("secret", 1_700_000_000, "{\"a\":1}");
        assert_eq!(signed, expected);
        assert_ne!(signed, signature("secret", 1_700_000_001, "{\"a\":1}"));
    }
}
