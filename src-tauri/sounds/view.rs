//! The sounds as the window shows them.

use serde::Serialize;
use specta::Type;

use super::{Kept, SoundDevice};
use crate::studio::Studio;
use crate::view::SourceView;

/// One row of the mixer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SoundView {
    /// What [`crate::App::change_sound`] takes; its level has the same.
    pub id: u32,
    /// See [`Kept::name`].
    pub name: String,
    /// What it is.
    pub kind: SoundKind,
    /// See [`Kept::device`].
    pub device: SoundDevice,
    /// Whether it works, and what the device is called.
    pub state: SourceView,
    /// See [`Kept::gain_tenths_db`].
    pub gain_tenths_db: i32,
    /// See [`Kept::muted`].
    pub muted: bool,
    /// See [`Kept::solo`].
    pub solo: bool,
    /// It is silent because another one has [`SoundView::solo`], or in a break.
    pub outdone: bool,
    /// See [`Kept::noise_suppression`].
    pub noise_suppression: bool,
    /// See [`Kept::compress_above_db`].
    pub compress_above_db: Option<i32>,
    /// See [`Kept::limit_to_db`].
    pub limit_to_db: Option<i32>,
    /// See [`Kept::delay_ms`].
    pub delay_ms: u32,
}

/// What a sound is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum SoundKind {
    /// A microphone.
    Microphone,
    /// What the computer plays.
    System,
}

impl Studio {
    pub(crate) fn sound_views(&self) -> Vec<SoundView> {
        let all = self.sounds.kept.all();
        let solo = all.iter().any(|kept| kept.solo);
        all.iter().map(|kept| self.sound_view(kept, solo)).collect()
    }

    fn sound_view(&self, kept: &Kept, solo: bool) -> SoundView {
        SoundView {
            id: kept.id,
            name: kept.name.clone(),
            kind: if kept.device.is_microphone() { SoundKind::Microphone } else { SoundKind::System },
            device: kept.device.clone(),
            state: self.sound_state(kept),
            gain_tenths_db: kept.gain_tenths_db,
            muted: kept.muted,
            solo: kept.solo,
            outdone: solo && !kept.solo || self.on_break(),
            noise_suppression: kept.noise_suppression,
            compress_above_db: kept.compress_above_db,
            limit_to_db: kept.limit_to_db,
            delay_ms: kept.delay_ms,
        }
    }

    /// Whether a sound works, and what its device is called.
    pub(crate) fn sound_state(&self, kept: &Kept) -> SourceView {
        let microphone = self.devices.microphones.iter().find(|microphone| {
            SoundDevice::microphone(Some(&microphone.id)) == kept.device
                || microphone.is_default && kept.device == SoundDevice::default()
        });
        match self.sounds.state(kept) {
            None => SourceView::Starting,
            Some(Some(trouble)) => SourceView::Failed { trouble },
            Some(None) => SourceView::Ready {
                name: microphone.map_or_else(String::new, |microphone| microphone.name.clone()),
            },
        }
    }
}
