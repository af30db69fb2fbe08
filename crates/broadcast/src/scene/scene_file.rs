//! Scenes from files.

use std::io::Read;
use std::path::Path;

use super::{Scene, SceneError, Source};

impl Scene {
    /// Reads a scene from a JSON file and checks it. Images and clips whose path is not absolute are looked for from the
    /// file's folder.
    ///
    /// # Errors
    /// [`SceneError`], with the line where the file is not a scene.
    pub fn read(file: &Path) -> Result<Scene, SceneError> {
        let named = |source| SceneError::File { file: file.to_owned(), source };
        let mut text = String::new();
        let mut opened = std::fs::File::open(file).map_err(named)?.take(BYTES_MAX + 1);
        opened.read_to_string(&mut text).map_err(named)?;
        if text.len() as u64 > BYTES_MAX {
            let words = "it is longer than 4 MiB, which no scene is";
            return Err(named(std::io::Error::new(std::io::ErrorKind::InvalidData, words)));
        }
        let scene: Result<Scene, _> = serde_json::from_str(&text);
        let mut scene = scene.map_err(|source| SceneError::Json { file: file.to_owned(), source })?;
        let folder = file.parent().unwrap_or(Path::new(""));
        for layer in &mut scene.layers {
            match &mut layer.source {
                Source::Image(image) => image.file = folder.join(&image.file),
                Source::Video(video) => {
                    if let capture::VideoInput::File(path) = &mut video.input {
                        *path = folder.join(&*path);
                    }
                }
                _ => {}
            }
        }
        scene.check()?;
        Ok(scene)
    }
}

/// Far more than 32 layers of words and strokes take.
const BYTES_MAX: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::super::Length;
    use super::*;

    fn read(text: &str) -> Result<Scene, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("scene.json");
        std::fs::write(&file, text).expect("it is written");
        Scene::read(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn paths_are_looked_for_from_the_files_folder() {
        let scene = read(
            r#"{"layers":[{"source":{"type":"image","file":"logo.png"}},
            {"source":{"type":"video","input":"file:clip.mp4"},"place":{"left":"75%","width":20}}]}"#,
        );
        let scene = scene.expect("a sound scene");
        let Source::Image(image) = &scene.layers[0].source else { panic!("an image") };
        assert!(image.file.is_absolute() && image.file.ends_with("logo.png"));
        assert_eq!(scene.layers[1].place.left, Length::Fraction(0.75));
        assert_eq!(scene.layers[1].place.width, Length::Pixels(20.0));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, words) in [
            (
                "{\"layers\":[\n{\"source\":{\"type\":\"flute\"}}]}",
                "unknown variant `flute`, expected one of `video`",
            ),
            (
                "{\"layers\":[\n{\"source\":{\"type\":\"video\",\"input\":\"desk\"}}]}",
                "use test, screen, window:ID",
            ),
            ("{\"layers\":[{\"source\":{\"type\":\"colour\",\"colour\":\"red\"}}]}", "write #rrggbb"),
            (
                "{\"layers\":[{\"source\":{\"type\":\"text\",\"text\":\"a\"},\"sise\":1}]}",
                "unknown field `sise`",
            ),
            (
                "{\"layers\":[{\"source\":{\"type\":\"text\",\"text\":\"a\"},\"place\":{\"left\":\"5\"}}]}",
                "\"25%\"",
            ),
            ("{\"layers\":[]}", "0 layers, expected 1 to 32"),
            ("\n{", "line 2"),
        ] {
            let error = read(text).expect_err(words);
            assert!(error.contains(words), "{error}");
        }
        assert!(Scene::read(Path::new("/nowhere/scene.json")).is_err());
    }
}
