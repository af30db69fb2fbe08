//! Asks a Wayland desktop for a screen or window: its dialog, the permission that saves it, and its end.

use std::os::fd::OwnedFd;
use std::time::Duration;

use ashpd::desktop::screencast::{
    CursorMode, Screencast, SelectSourcesOptions, SourceType, StartCastOptions,
};
use ashpd::desktop::{PersistMode, ResponseError, Session};
use futures::StreamExt;
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{Either, select};

use crate::ScreenPermission;
use crate::bounded::within;
use crate::wayland_screen::{End, Given};
use crate::wayland_stream::{Stream, Wish};

/// What is asked for.
pub(crate) struct Ask {
    pub(crate) cursor: bool,
    pub(crate) permission: Option<ScreenPermission>,
    pub(crate) wish: Wish,
}

/// Whether this is a Wayland session whose desktop shares its screen.
pub(crate) fn answers() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("WAYLAND_DISPLAY")
        && within(ANSWER_LIMIT, "portal", || {
            block_on(async {
                let portal = Screencast::with_connection(zbus::Connection::session().await?).await?;
                portal.available_source_types().await
            })
        })
        .is_some_and(|types| types.is_ok_and(|types| !types.is_empty()))
}

/// Runs on a thread of its own until `closed` (its sender is dropped) or until the desktop ends it, which `given` is told.
/// However long the person takes to choose.
pub(crate) fn run(ask: Ask, given: Given, closed: oneshot::Receiver<()>) {
    block_on(async {
        let asking = std::pin::pin!(share(&ask));
        let (shared, closed) = match select(asking, closed).await {
            Either::Left((shared, closed)) => (shared, closed),
            // Its connection goes with it, and with that the dialog.
            Either::Right(_) => return,
        };
        match shared {
            Ok(shared) => watch(shared, &ask, &given, closed).await,
            Err(end) => given.end(end),
        }
    });
}

/// What the person chose.
struct Shared {
    session: Session<Screencast>,
    remote: OwnedFd,
    node: u32,
}

async fn share(ask: &Ask) -> Result<Shared, End> {
    // A connection of its own: when it is closed the desktop ends the sharing, whatever else went wrong.
    let connection = zbus::Connection::session().await.map_err(ashpd::Error::from)?;
    let portal = Screencast::with_connection(connection).await?;
    let session = portal.create_session(Default::default()).await?;
    let modes = portal.available_cursor_modes().await.unwrap_or_default();
    let shows_cursor = ask.cursor && modes.contains(CursorMode::Embedded);
    let types = portal.available_source_types().await?;
    let mut sources = SelectSourcesOptions::default()
        .set_cursor_mode(if shows_cursor { CursorMode::Embedded } else { CursorMode::Hidden })
        .set_sources(types & (SourceType::Monitor | SourceType::Window))
        .set_multiple(false);
    let token = ask.permission.as_ref().and_then(ScreenPermission::read);
    if ask.permission.is_some() && portal.version() >= RESTORES_SINCE {
        let until = PersistMode::ExplicitlyRevoked;
        sources = sources.set_persist_mode(until).set_restore_token(token.as_deref());
    }
    portal.select_sources(&session, sources).await?.response()?;
    let streams = portal.start(&session, None, StartCastOptions::default()).await?.response()?;
    if let Some(permission) = &ask.permission
        && let Err(error) = permission.keep(streams.restore_token())
    {
        tracing::warn!(%error, "the permission to capture the screen is not kept, the desktop will ask again");
    }
    let stream = streams.streams().first().ok_or_else(|| End::lost("the desktop shares nothing"))?;
    let node = stream.pipe_wire_node_id();
    let remote = portal.open_pipe_wire_remote(&session, Default::default()).await?;
    tracing::info!(node, restored = token.is_some(), "the desktop shares its screen");
    Ok(Shared { session, remote, node })
}

/// Until somebody ends it.
async fn watch(shared: Shared, ask: &Ask, given: &Given, closed: oneshot::Receiver<()>) {
    let Shared { session, remote, node } = shared;
    let withdrawn = match session.receive_closed().await {
        Ok(withdrawn) => withdrawn,
        Err(error) => return given.end(error.into()),
    };
    let mut withdrawn = std::pin::pin!(withdrawn);
    let (broken, breaks) = oneshot::channel();
    let stream = match Stream::start(remote, node, ask.wish, given.clone(), broken) {
        Ok(stream) => stream,
        Err(reason) => return given.end(End::Lost(reason)),
    };
    let end = match select(withdrawn.next(), select(closed, breaks)).await {
        Either::Left((Some(_), _)) => Some(End::Withdrawn),
        Either::Left((None, _)) => Some(End::lost("the desktop's portal has gone")),
        Either::Right((Either::Left(_), _)) => None,
        // The pictures may end before the desktop has said that the person ended them.
        Either::Right((Either::Right((reason, _)), withdrawal)) => {
            match select(withdrawal, async_io::Timer::after(WITHDRAWN_WITHIN)).await {
                Either::Left((Some(_), _)) => Some(End::Withdrawn),
                _ => Some(reason.map_or_else(|_| End::lost("the pictures ended"), End::Lost)),
            }
        }
    };
    if end == Some(End::Withdrawn)
        && let Some(Err(error)) = ask.permission.as_ref().map(ScreenPermission::forget)
    {
        // Who took it back is to be asked before it is taken again.
        tracing::warn!(%error, "the permission to capture the screen stays in its file");
    }
    end.into_iter().for_each(|end| given.end(end));
    drop(stream);
    // The desktop takes its sign of a shared screen away; gone, it has done so.
    let _ = session.close().await;
}

impl From<ashpd::Error> for End {
    fn from(error: ashpd::Error) -> End {
        match error {
            ashpd::Error::Response(ResponseError::Cancelled) => End::Refused,
            error => End::Lost(error.to_string()),
        }
    }
}

/// The first version of the interface that spares the person a second question.
const RESTORES_SINCE: u32 = 4;

/// Portals that have to be started first answer within a second.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Between the end of the pictures and the desktop's word for it.
const WITHDRAWN_WITHIN: Duration = Duration::from_millis(500);
