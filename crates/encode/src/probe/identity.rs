//! What a verdict holds for: the versions of this program, of FFmpeg, and of what the encoder runs on.

use std::ffi::CStr;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::Path;

use ffmpeg_next::ffi;

use crate::family::Family;

/// One line that differs whenever a verdict about an encoder of `family` has to be found anew.
pub(super) fn of(family: Family) -> String {
    let mut line = format!("rostrum {}, FFmpeg {}", env!("CARGO_PKG_VERSION"), ffmpeg());
    let mut add = |text: String| {
        // Writing into a String cannot fail.
        let _ = write!(line, ", {text}");
    };
    match family {
        Family::Nvenc => add(first_line(Path::new("/proc/driver/nvidia/version"))),
        Family::Vaapi | Family::Qsv => {
            add(first_line(Path::new(KERNEL)));
            each(
                "/sys/class/drm",
                |name| name.starts_with("renderD"),
                |path| {
                    let device = path.join("device");
                    add(format!(
                        "{}:{}",
                        first_line(&device.join("vendor")),
                        first_line(&device.join("device"))
                    ));
                },
            );
            for folder in DRIVERS {
                each(
                    folder,
                    |name| name.ends_with("_drv_video.so"),
                    |path| {
                        let Ok(file) = fs::metadata(path) else { return };
                        let changed =
                            file.modified().ok().and_then(|at| at.duration_since(super::UNIX_EPOCH).ok());
                        let name = path.file_name().unwrap_or_default().to_string_lossy();
                        add(format!("{name} {} {}", file.len(), changed.map_or(0, |at| at.as_secs())));
                    },
                );
            }
        }
        Family::V4l2Mem2Mem => {
            add(first_line(Path::new(KERNEL)));
            each("/sys/class/video4linux", |_| true, |path| add(first_line(&path.join("name"))));
        }
        _ => {}
    }
    line
}

fn ffmpeg() -> String {
    // SAFETY: FFmpeg's version is a constant text that ends with a zero byte; the other call takes and gives a number.
    let (version, codecs) = unsafe { (CStr::from_ptr(ffi::av_version_info()), ffi::avcodec_version()) };
    format!("{} ({codecs})", version.to_string_lossy())
}

/// Visits the entries of a folder that `wanted` takes, in the order of their names.
fn each(folder: &str, wanted: impl Fn(&str) -> bool, mut visit: impl FnMut(&Path)) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(&wanted))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths.iter().for_each(|path| visit(path));
}

/// Empty where there is no such file.
fn first_line(path: &Path) -> String {
    let mut text = String::new();
    if let Ok(file) = fs::File::open(path) {
        // A file that is no text says as much as one that is not there.
        let _ = file.take(LINE_BYTES).read_to_string(&mut text);
    }
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// The kernel brings the graphics drivers.
const KERNEL: &str = "/proc/sys/kernel/osrelease";

/// Where distributions put the drivers of VA-API.
const DRIVERS: [&str; 3] = ["/usr/lib/x86_64-linux-gnu/dri", "/usr/lib64/dri", "/usr/lib/dri"];

/// Versions are short.
const LINE_BYTES: u64 = 512;
