//! A destination whose network carries less than the others': it is offered an encode of its own.

use broadcast::{DestinationEncode, DestinationStatus, NoRoom};
use serde::Serialize;
use specta::Type;

use crate::app::{App, Error};
use crate::destination;
use crate::request::Request;
use crate::studio::Studio;

/// Which picture a destination gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum EncodeView {
    /// The one that all get, or one that was asked for.
    #[default]
    Shared,
    /// The one that all get, and loses a part of it, since its network is weak.
    #[serde(rename_all = "camelCase")]
    TooMuch {
        /// Why it cannot have one of its own; without a reason it can.
        no_room: Option<NoRoomView>,
    },
    /// One of its own while its network is weak.
    #[serde(rename_all = "camelCase")]
    Own {
        /// Pixels, e.g. `1280 × 720`.
        size: String,
        /// Frames per second.
        fps: u32,
        /// Video bits per second.
        bps: u32,
    },
}

/// Why there is no picture for a destination of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum NoRoomView {
    /// So many are encoded as may be.
    Encodes,
    /// The computer is too slow for one more.
    Machine,
    /// No encoder opens.
    Encoder,
}

/// What a destination of a running broadcast gets.
pub(crate) fn encode_view(sent: &DestinationStatus) -> EncodeView {
    match &sent.encode {
        DestinationEncode::Shared => EncodeView::Shared,
        DestinationEncode::TooMuch { no_room } => EncodeView::TooMuch { no_room: no_room.map(no_room_view) },
        // One that was asked for is what it gets on a good network too.
        DestinationEncode::Own { while_weak: false, .. } => EncodeView::Shared,
        DestinationEncode::Own { picture, .. } => EncodeView::Own {
            size: format!("{} × {}", picture.size.width, picture.size.height),
            fps: picture.fps,
            bps: picture.bitrate_bps,
        },
    }
}

fn no_room_view(reason: NoRoom) -> NoRoomView {
    match reason {
        NoRoom::Encodes => NoRoomView::Encodes,
        NoRoom::Machine => NoRoomView::Machine,
        NoRoom::Encoder => NoRoomView::Encoder,
    }
}

impl App {
    /// Gives a destination an encode of its own for as long as its network is weak, in this broadcast; 0 is the origin
    /// inside the app.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn let_apart(&self, id: u32) -> Result<(), Error> {
        self.ask(Request::LetApart(id))
    }
}

impl Studio {
    pub(crate) fn let_apart(&self, id: u32) {
        let saved = self.destinations.iter().find(|saved| saved.id == id);
        let name = match saved {
            Some(saved) => saved.name.as_str(),
            None if id == 0 => destination::THIS_COMPUTER,
            None => return,
        };
        if let Some(broadcast) = &self.broadcast {
            broadcast.let_apart(name, true);
        }
    }
}
