//! What a replay leads to: where the publisher was away, polls, raised hands.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::description::RecordingPath;
use super::problem::Problem;
use super::recordings::{find_recording, offset_ms};
use super::rooms::fresh;
use crate::state::Shared;
use crate::store::{Mark, Marked, WallSpan};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChaptersAnswer {
    chapters: Vec<Chapter>,
}

/// A place in a recording, from its beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Chapter {
    offset_ms: i64,
    #[serde(flatten)]
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = ChapterKind)]
enum What {
    /// The publisher was away for so long, and is back.
    Resumed { away_ms: i64 },
    /// A poll opened.
    Poll { title: String },
    /// Somebody raised a hand.
    Hand,
}

/// Places that a replay leads to.
#[utoipa::path(
    get,
    path = "/api/v1/recordings/{id}/chapters",
    tag = "recordings",
    params(RecordingPath),
    responses(
        (status = 200, description = "In their order.", body = ChaptersAnswer),
    ),
)]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let recording = find_recording(&shared, &id).await?;
    let spans = shared.store.spans(recording.id.clone()).await?;
    let duration_ms = i64::try_from(recording.duration_ms).unwrap_or(i64::MAX);
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return Ok(fresh(ChaptersAnswer { chapters: Vec::new() }));
    };
    let sent_ms = first.unix_ms..last.unix_ms.saturating_add((duration_ms - last.media_ms).max(0));
    let marks = shared.store.marks(recording.room, sent_ms, MARKS_MAX).await?;
    Ok(fresh(ChaptersAnswer { chapters: chapters(&spans, marks, duration_ms) }))
}

/// All chapters in their order.
fn chapters(spans: &[WallSpan], marks: Vec<Mark>, duration_ms: i64) -> Vec<Chapter> {
    let away = spans.windows(2).filter_map(|pair| {
        let away_ms = (pair[1].unix_ms - pair[0].unix_ms) - (pair[1].media_ms - pair[0].media_ms);
        let chapter = Chapter { offset_ms: pair[1].media_ms, what: What::Resumed { away_ms } };
        (away_ms >= AWAY_MS_MIN).then_some(chapter)
    });
    let marks = marks.into_iter().map(|mark| {
        let what = match mark.what {
            Marked::Poll(title) => What::Poll { title },
            Marked::Hand => What::Hand,
        };
        Chapter { offset_ms: offset_ms(spans, mark.at_ms).min(duration_ms), what }
    });
    let mut all: Vec<Chapter> = away.chain(marks).collect();
    all.sort_by_key(|chapter| chapter.offset_ms);
    all
}

/// A publisher's clock may jump without anybody having been away.
const AWAY_MS_MIN: i64 = 1_000;
/// Marks of one recording: more than a timeline can show apart.
const MARKS_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chapters_stand_in_the_media_and_in_order() {
        let span = |media_ms, unix_ms| WallSpan { media_ms, unix_ms };
        // Ten seconds, five away, five more, a jump of the clock, and more.
        let spans = [span(0, 100_000), span(10_000, 115_000), span(15_000, 120_100)];
        let mark = |at_ms, what| Mark { at_ms, what };
        let marks = vec![
            mark(104_000, Marked::Poll("Which?".to_owned())),
            mark(112_000, Marked::Hand),
            mark(999_000, Marked::Hand),
        ];
        let chapter = |offset_ms, what| Chapter { offset_ms, what };
        let expected = [
            chapter(4_000, What::Poll { title: "Which?".to_owned() }),
            chapter(10_000, What::Resumed { away_ms: 5_000 }),
            chapter(10_000, What::Hand),
            chapter(20_000, What::Hand),
        ];
        assert_eq!(chapters(&spans, marks, 20_000), expected);
    }
}
