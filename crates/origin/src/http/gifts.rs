//! Gifts and points: the catalogue, wallets, and what an administrator grants.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use rooms::frame::In;
use rooms::{Gift, Slug};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Admin, Known, SignedIn};
use super::accounts::{self, number};
use super::description::{AccountPath, GiftPath, IdempotencyKey, RoomPath};
use super::moderation::{DoneAnswer, perform};
use super::object::Object;
use super::problem::Problem;
use super::rooms::fresh;
use crate::clock::unix_ms;
use crate::secret;
use crate::state::Shared;
use crate::store::{Booking, Grant, Wallet};

/// What can be given, and how points are earned.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GiftsAnswer {
    /// Cheapest first.
    gifts: Vec<Gift>,
    /// What a minute of watching a live room earns; 0 when watching earns nothing.
    watch_points_per_minute: i64,
}

/// A gift, without the id that its address has.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutGift {
    name: String,
    #[serde(default)]
    name_zh: Option<String>,
    emoji: String,
    points: u32,
}

/// How points are earned from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeEarning {
    watch_points_per_minute: u32,
}

/// What somebody has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WalletAnswer {
    points: i64,
    /// The latest changes, the newest first; at most 50.
    changes: Vec<BookingView>,
}

/// A change of a wallet.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BookingView {
    /// `grant`, `watch` (a day of it) or `gift`.
    kind: String,
    at_ms: i64,
    /// What it added; less than nothing for what was given.
    points: i64,
    note: String,
}

/// Points that an administrator gives, or takes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGrant {
    /// Less than nothing takes them.
    points: i64,
    /// For people: why.
    #[serde(default)]
    note: String,
}

/// What a wallet holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BalanceAnswer {
    points: i64,
}

/// A gift to somebody in a room.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Give {
    gift: String,
    #[serde(default)]
    count: Option<u32>,
    /// By name or id; without it, the host.
    #[serde(default)]
    to: Option<String>,
}

impl From<Wallet> for WalletAnswer {
    fn from(Wallet { points, changes }: Wallet) -> WalletAnswer {
        let view = |Booking { kind, at_ms, points, note }| BookingView { kind, at_ms, points, note };
        WalletAnswer { points, changes: changes.into_iter().map(view).collect() }
    }
}

/// What can be given.
#[utoipa::path(
    get,
    path = "/api/v1/gifts",
    tag = "gifts",
    responses(
        (status = 200, description = "The catalogue, and how points are earned.", body = GiftsAnswer),
    ),
)]
pub(crate) async fn list(State(shared): State<Arc<Shared>>) -> Result<impl IntoResponse, Problem> {
    let gifts = shared.gifts.borrow().clone();
    let watch_points_per_minute = shared.store.watch_points().await?;
    Ok(fresh(GiftsAnswer { gifts, watch_points_per_minute }))
}

/// Say how points are earned.
#[utoipa::path(
    patch,
    path = "/api/v1/gifts",
    tag = "gifts",
    request_body = ChangeEarning,
    responses(
        (status = 200, description = "As it is from now on.", body = GiftsAnswer),
        (status = 400, description = "More than a minute may earn."),
    ),
)]
pub(crate) async fn change_earning(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    body: Result<Object<ChangeEarning>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let Object(ChangeEarning { watch_points_per_minute: points }) = body?;
    if points > WATCH_POINTS_MAX {
        let detail = format!("a minute of watching earns 0 to {WATCH_POINTS_MAX} points");
        return Err(Problem::bad_request(detail));
    }
    shared.store.set_watch_points(points).await?;
    list(State(shared)).await
}

/// Make a gift, or give one another name or price.
#[utoipa::path(
    put,
    path = "/api/v1/gifts/{gift}",
    tag = "gifts",
    params(GiftPath),
    request_body = PutGift,
    responses(
        (status = 200, description = "As it is from now on.", body = Gift),
        (status = 400, description = "A text or price is out of its limits."),
        (status = 409, description = "`too_many`: there are as many as may be."),
    ),
)]
pub(crate) async fn put(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    Path(id): Path<String>,
    body: Result<Object<PutGift>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let Object(PutGift { name, name_zh, emoji, points }) = body?;
    let id = gift_id(&id)?;
    let gift = Gift { id, name, name_zh, emoji, points }.checked().map_err(Problem::bad_request)?;
    shared.store.put_gift(gift.clone()).await?;
    shared.refresh_gifts().await?;
    Ok(fresh(gift))
}

/// Take a gift out of the catalogue.
#[utoipa::path(
    delete,
    path = "/api/v1/gifts/{gift}",
    tag = "gifts",
    params(GiftPath),
    responses(
        (status = 204, description = "Nobody can give it any more; what was given stays."),
        (status = 400, description = "A gift's id is not like that."),
        (status = 404, description = "There is no such gift."),
    ),
)]
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if !shared.store.remove_gift(gift_id(&id)?).await? {
        return Err(Problem::not_found("there is no such gift"));
    }
    shared.refresh_gifts().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One's points.
#[utoipa::path(
    get,
    path = "/api/v1/account/wallet",
    tag = "gifts",
    responses(
        (status = 200, description = "What the wallet holds, and how it came.", body = WalletAnswer),
        (status = 403, description = "The token is no account's."),
    ),
)]
pub(crate) async fn own_wallet(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, .. }: SignedIn,
) -> Result<impl IntoResponse, Problem> {
    let wallet = shared.store.wallet(account.id, CHANGES_MAX).await?;
    Ok(fresh(WalletAnswer::from(wallet)))
}

/// An account's points.
#[utoipa::path(
    get,
    path = "/api/v1/accounts/{id}/points",
    tag = "gifts",
    params(AccountPath),
    responses(
        (status = 200, description = "What the wallet holds, and how it came.", body = WalletAnswer),
        (status = 404, description = "There is no such account."),
    ),
)]
pub(crate) async fn wallet(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let account = accounts::find(&shared, &id).await?;
    let wallet = shared.store.wallet(account.id, CHANGES_MAX).await?;
    Ok(fresh(WalletAnswer::from(wallet)))
}

/// Grant points, or take them.
#[utoipa::path(
    post,
    path = "/api/v1/accounts/{id}/points",
    tag = "gifts",
    params(AccountPath, IdempotencyKey),
    request_body = NewGrant,
    responses(
        (status = 201, description = "What the wallet holds now.", body = BalanceAnswer),
        (status = 400, description = "Nothing, or more than one grant may be."),
        (status = 404, description = "There is no such account."),
        (status = 409, description = "`not_enough`: the wallet holds less than is to be taken."),
    ),
)]
pub(crate) async fn grant(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Object<NewGrant>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let Object(NewGrant { points, note }) = body?;
    if points == 0 || !(-POINTS_MAX..=POINTS_MAX).contains(&points) {
        let detail = format!("a grant is of 1 to {POINTS_MAX} points, or takes as many");
        return Err(Problem::bad_request(detail));
    }
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > KEY_BYTES_MAX) {
        return Err(Problem::bad_request(format!("an idempotency key has 1 to {KEY_BYTES_MAX} bytes")));
    }
    let key = key.unwrap_or_else(secret::random);
    let account = number(&id)?;
    let note = note.chars().filter(|character| !character.is_control()).take(NOTE_CHARS_MAX).collect();
    let points = shared.store.grant(Grant { account, points, key, note }, unix_ms()).await?;
    tracing::info!(account, points, "points granted");
    Ok((StatusCode::CREATED, fresh(BalanceAnswer { points })))
}

/// Give a gift in a room, as the chat's frame does.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/gifts",
    tag = "gifts",
    params(RoomPath, IdempotencyKey),
    request_body = Give,
    responses(
        (status = 201, description = "It is paid and told.", body = DoneAnswer),
        (status = 400, description = "The number is out of its limits."),
        (
            status = 403,
            description = "The asker may not write here (`banned`, `timed_out`, `locked`, `sign_in_needed`, `followers_only`), \
                           or honours themselves.",
        ),
        (status = 404, description = "There is no such room, gift or member."),
        (status = 409, description = "`not_enough`: the wallet holds fewer points."),
        (status = 429, description = "`rate_limited`: too fast."),
    ),
)]
pub(crate) async fn give(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    headers: HeaderMap,
    body: Result<Object<Give>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let Object(Give { gift, count, to }) = body?;
    let frame = |id| In::Gift { id, gift, count: count.unwrap_or(1), to };
    let done = perform(&shared, &slug, &identity, &headers, frame).await?;
    Ok((StatusCode::CREATED, fresh(done)))
}

fn gift_id(text: &str) -> Result<Slug, Problem> {
    text.parse()
        .map_err(|_| Problem::bad_request("a gift's id has 1 to 64 characters, each of a-z, 0-9 or -"))
}

/// Changes of a wallet in one answer.
const CHANGES_MAX: usize = 50;
/// Points of one grant: far below what a number of the database holds.
const POINTS_MAX: i64 = 1_000_000_000;
/// A minute of watching earns at most so many.
const WATCH_POINTS_MAX: u32 = 1_000;
/// Bytes of an idempotency key.
const KEY_BYTES_MAX: usize = 64;
/// Code points of a grant's note.
const NOTE_CHARS_MAX: usize = 200;
