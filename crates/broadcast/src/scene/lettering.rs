//! Words become pixels.

use std::sync::{Arc, Mutex, PoisonError};

use cosmic_text::{
    Align as Alignment, Attrs, Buffer, Color, Family, FeatureTag, FontFeatures, FontSystem, Metrics, Shaping,
    SwashCache, Weight, Wrap,
};
use media::Size;
use tiny_skia::{Pixmap, PremultipliedColorU8};

use super::strokes::colour;
use super::{Align, SceneError, Style};

/// The system's fonts, looked for when the first words are drawn: that takes a moment.
#[derive(Clone, Default)]
pub(crate) struct Lettering(Arc<Mutex<Option<FontSystem>>>);

impl Lettering {
    /// Draws words on `pixmap`, which is their place. Waits for whoever draws at the same time.
    ///
    /// # Errors
    /// [`SceneError::NoFonts`].
    pub(crate) fn draw(
        &self,
        pixmap: &mut Pixmap,
        words: &str,
        style: &Style,
        canvas: Size,
    ) -> Result<(), SceneError> {
        let mut fonts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fonts = fonts.get_or_insert_with(system_fonts);
        draw(fonts, pixmap, words, style, canvas)
    }

    /// Looks for the fonts, so that [`Lettering::try_draw`] can draw.
    ///
    /// # Errors
    /// [`SceneError::NoFonts`].
    pub(crate) fn make_ready(&self) -> Result<(), SceneError> {
        let mut fonts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if fonts.get_or_insert_with(system_fonts).db().is_empty() { Err(SceneError::NoFonts) } else { Ok(()) }
    }

    /// Draws words unless somebody else draws, or nobody has yet: for threads that must not wait. Tells whether it has.
    pub(crate) fn try_draw(&self, pixmap: &mut Pixmap, words: &str, style: &Style, canvas: Size) -> bool {
        let Ok(mut fonts) = self.0.try_lock() else { return false };
        fonts.as_mut().is_some_and(|fonts| draw(fonts, pixmap, words, style, canvas).is_ok())
    }
}

fn system_fonts() -> FontSystem {
    let mut fonts = FontSystem::new();
    let there = |name: &&&str| {
        fonts.db().faces().any(|face| face.families.iter().any(|(family, _)| family == **name))
    };
    if let Some(name) = PREFERRED.iter().find(there) {
        fonts.db_mut().set_sans_serif_family(*name);
    }
    fonts
}

fn draw(
    fonts: &mut FontSystem,
    pixmap: &mut Pixmap,
    words: &str,
    style: &Style,
    canvas: Size,
) -> Result<(), SceneError> {
    if fonts.db().is_empty() {
        return Err(SceneError::NoFonts);
    }
    if let Some(background) = style.background {
        pixmap.fill(colour(background));
    }
    let height = (style.size.of(canvas.height) as f32).max(1.0);
    let mut buffer = Buffer::new(fonts, Metrics::new(height, height * LINE));
    buffer.set_wrap(Wrap::WordOrGlyph);
    let margin = if style.background.is_some() { (height * MARGIN).round() } else { 0.0 };
    // Without a height all lines are laid out, also those that the place cannot show.
    buffer.set_size(Some((pixmap.width() as f32 - 2.0 * margin).max(1.0)), None);
    let family = style.font.as_deref().map_or(Family::SansSerif, Family::Name);
    let weight = if style.bold { Weight::BOLD } else { Weight::NORMAL };
    let mut features = FontFeatures::new();
    // Digits of one width: a timer stands still.
    features.enable(FeatureTag::new(b"tnum"));
    let attributes = Attrs::new().family(family).weight(weight).font_features(features);
    let alignment = match style.align {
        Align::Left => Alignment::Left,
        Align::Centre => Alignment::Center,
        Align::Right => Alignment::Right,
    };
    buffer.set_text(words, &attributes, Shaping::Advanced, Some(alignment));
    buffer.shape_until_scroll(fonts, false);
    let lines = buffer.layout_runs().fold(0.0, |bottom: f32, run| bottom.max(run.line_top + run.line_height));
    let down = ((pixmap.height() as f32 - lines) / 2.0).round() as i32;
    let ink = style.colour;
    let ink = Color::rgba(ink.red, ink.green, ink.blue, ink.alpha);
    let (width, height) = (pixmap.width() as i32, pixmap.height() as i32);
    let pixels = pixmap.pixels_mut();
    let mut strokes = SwashCache::new();
    buffer.draw(fonts, &mut strokes, ink, |x, y, columns, rows, colour| {
        let x = x.saturating_add(margin as i32);
        for y in (y + down).max(0)..y.saturating_add(down).saturating_add_unsigned(rows).min(height) {
            for x in x.max(0)..x.saturating_add_unsigned(columns).min(width) {
                let pixel = &mut pixels[(y * width + x) as usize];
                *pixel = over(*pixel, colour);
            }
        }
    });
    Ok(())
}

/// `above` laid on `below`.
fn over(below: PremultipliedColorU8, above: Color) -> PremultipliedColorU8 {
    let alpha = u32::from(above.a());
    let mix = |below: u8, above: u8| {
        ((u32::from(below) * (255 - alpha) + u32::from(above) * alpha + 127) / 255) as u8
    };
    let opacity = mix(below.alpha(), 255);
    let value = |below: u8, above: u8| mix(below, above).min(opacity);
    PremultipliedColorU8::from_rgba(
        value(below.red(), above.r()),
        value(below.green(), above.g()),
        value(below.blue(), above.b()),
        opacity,
    )
    .unwrap_or(below)
}

/// Between letters and the ends of their background, in heights of the letters.
const MARGIN: f32 = 0.3;

/// From line to line, in heights of the letters.
const LINE: f32 = 1.25;

/// The first of these that is there writes what names no font; scripts that it lacks come from others.
const PREFERRED: [&str; 4] = ["Inter", "Noto Sans", "DejaVu Sans", "Liberation Sans"];
