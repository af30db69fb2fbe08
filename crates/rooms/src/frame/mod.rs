//! What travels over a chat's WebSocket: one JSON object a text message, named by its `type`.

mod floor;
mod incoming;
mod outgoing;
mod people;

pub use floor::{FloorView, HandView, HeldView, Mine, PollView, QuestionView, SanctionView};
pub use incoming::{Colour, Danmaku, DanmakuPosition, In, Moment};
pub use outgoing::{ErrorCode, NoticeCode, Out};
pub use people::{Person, Role, RoomView, State, Whom};
