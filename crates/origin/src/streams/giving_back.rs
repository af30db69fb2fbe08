//! What happens when a publisher goes.

use hls::Input;

use super::{HELD, Lease, State, Status};

impl Drop for Lease {
    fn drop(&mut self) {
        // A packager in whose code something panicked is not trusted with more media.
        let sound = !std::thread::panicking();
        if sound && self.started {
            if let Err(error) = self.packaging.as_mut().expect(HELD).packager.handle_input(Input::Finish) {
                tracing::warn!(room = %self.stream.slug, %error, "the last part was not closed");
            }
            self.drain();
            self.packaging.as_mut().expect(HELD).outlets.pause();
        }
        let mut slot = self.stream.slot();
        slot.leased = false;
        slot.parked = self.packaging.take().filter(|_| sound);
        let finished = std::mem::take(&mut slot.finished);
        if let Some(packaging) = slot.parked.as_mut().filter(|_| finished) {
            packaging.outlets.finish();
        }
        slot.leave(self.generation);
        // Nobody waits to go on: one that did may have given up.
        let last = slot.publisher.is_none();
        // Still under the lock: whoever is let in next finds all of this done.
        let status = self.stream.status();
        if last && status.state == State::Live {
            let away = Status { state: State::Interrupted, ..status };
            self.stream.set_status(if finished { Status::default() } else { away });
        }
        self.stream.facts.clear();
        drop(slot);
        self.stream.returned.notify_waiters();
    }
}
