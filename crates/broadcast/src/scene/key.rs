//! Chroma key: one colour becomes transparent.

use super::ChromaKey;
use super::cutout::{Cutout, Planes};

/// Makes what has the key's colour transparent, and takes the key's light off what stays.
pub(crate) fn keyed(cutout: &Cutout, key: &ChromaKey) -> Cutout {
    let (width, height) = (cutout.size().width as usize, cutout.size().height as usize);
    let half = width / 2;
    let [_, key_u, key_v] = key.colour.yuv();
    let (near, far) = (key.similarity * CHROMA_RANGE, (key.similarity + key.smoothness) * CHROMA_RANGE);
    let mut planes = Planes::new(width, height);
    for (row, to) in planes.y.chunks_mut(width).enumerate() {
        let plane = &cutout.picture.planes[0];
        to.copy_from_slice(&plane.data[row * plane.stride..][..width]);
    }
    let mut seen = vec![0_u8; half * (height / 2)];
    let [_, u_plane, v_plane] = &cutout.picture.planes[..] else { return cutout.clone() };
    for row in 0..height / 2 {
        for column in 0..half {
            let u = f32::from(u_plane.data[row * u_plane.stride + column]);
            let v = f32::from(v_plane.data[row * v_plane.stride + column]);
            let distance = (u - key_u).hypot(v - key_v);
            let share =
                if distance <= near { 0.0 } else { ((distance - near) / (far - near).max(0.01)).min(1.0) };
            let (u, v) = without_spill((u - 128.0, v - 128.0), (key_u - 128.0, key_v - 128.0), share);
            let index = row * half + column;
            seen[index] = (share * 255.0).round() as u8;
            planes.u[index] = (u + 128.0).round().clamp(0.0, 255.0) as u8;
            planes.v[index] = (v + 128.0).round().clamp(0.0, 255.0) as u8;
        }
    }
    let mut alpha = cutout.alpha.clone().unwrap_or_else(|| vec![255; width * height]);
    for (index, alpha) in alpha.iter_mut().enumerate() {
        let seen = u16::from(seen[index / width / 2 * half + index % width / 2]);
        *alpha = ((u16::from(*alpha) * seen + 127) / 255) as u8;
    }
    Cutout { picture: planes.into_frame(), alpha: Some(alpha) }
}

/// Half transparent pixels, at the edge of a person, are half wall: the part of their chroma that points to the key goes.
fn without_spill((u, v): (f32, f32), (key_u, key_v): (f32, f32), share: f32) -> (f32, f32) {
    let length = key_u.hypot(key_v);
    if share >= 1.0 || length < 1.0 {
        return (u, v);
    }
    let towards = ((u * key_u + v * key_v) / length).max(0.0);
    (u - towards * key_u / length, v - towards * key_v / length)
}

/// From one end of a chroma axis to the other.
const CHROMA_RANGE: f32 = 255.0;
