//! The origin as the studio drives it: started, served, stopped, and moved to another address.

use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::chat::Target;
use crate::hosting::{self, Started};
use crate::settings;
use crate::studio::{Done, OriginPhase, Studio};
use crate::view::{NoticeKind, OriginProblem};

impl Studio {
    pub(crate) fn start_origin(&mut self) {
        if !matches!(self.origin, OriginPhase::Off | OriginPhase::Failed(_)) {
            return;
        }
        self.clear(|kind| matches!(kind, NoticeKind::OriginStopped));
        self.origin = OriginPhase::Starting { again: false };
        let mut settings = self.settings.clone();
        if let Some(bound) = &self.bound {
            if settings.origin.http.port() == 0 {
                settings.origin.http.set_port(bound.http.port());
            }
            if settings.origin.rtmp.port() == 0 {
                settings.origin.rtmp.set_port(bound.rtmp.port());
            }
        }
        let (folder, seal) = (self.folder.clone(), self.keychain.seal.clone());
        self.tasks.spawn(async move {
            Done::OriginStarted(hosting::start(folder, settings, seal).await.map(Box::new))
        });
    }

    /// It serves, or says why not; where it was told to be elsewhere meanwhile, it goes there.
    pub(crate) fn origin_started(&mut self, started: Result<Box<Started>, OriginProblem>) {
        let again = matches!(self.origin, OriginPhase::Starting { again: true });
        match started {
            Ok(started) => self.serve(*started),
            Err(_) if again => self.origin = OriginPhase::Off,
            Err(problem) => self.origin_failed(problem),
        }
        if again {
            self.stop_origin(true);
        }
    }

    /// The listeners are bound and the room is there: from now on people can watch.
    fn serve(&mut self, Started { origin, hosted }: Started) {
        let shutdown = CancellationToken::new();
        self.bound = Some(settings::Listeners {
            http: hosted.http,
            rtmp: hosted.rtmp,
            ..self.settings.origin.clone()
        });
        self.doors.chat_target.send_replace(Some(Target {
            http: hosted.http_here(),
            room: hosted.owner.room.clone(),
            token: hosted.owner.token().to_owned(),
        }));
        self.doors.observed.send_replace(Some(origin.observer()));
        self.room = Some(hosted.clone());
        self.origin = OriginPhase::Running { hosted: Box::new(hosted), shutdown: shutdown.clone() };
        self.tasks.spawn(async move {
            origin.run(shutdown).await;
            Done::OriginStopped
        });
        self.forward();
        // It may take the broadcast at another port than before, or for the first time.
        self.follow_destinations();
    }

    pub(crate) fn stop_origin(&mut self, again: bool) {
        match &self.origin {
            OriginPhase::Running { shutdown, .. } => {
                shutdown.cancel();
                self.origin = OriginPhase::Stopping { again };
                self.forward();
            }
            OriginPhase::Starting { .. } if again => self.origin = OriginPhase::Starting { again },
            OriginPhase::Off | OriginPhase::Failed(_) if again => self.start_origin(),
            _ => {}
        }
    }

    pub(crate) fn origin_stopped(&mut self) {
        self.doors.chat_target.send_replace(None);
        // The network is told no name of a page that is gone.
        self.room.iter_mut().for_each(|room| room.announced = None);
        match std::mem::replace(&mut self.origin, OriginPhase::Off) {
            OriginPhase::Stopping { again } => {
                info!("origin stopped");
                if again {
                    self.start_origin();
                }
            }
            _ => {
                error!("the origin stopped by itself");
                self.forward();
                self.notify(NoticeKind::OriginStopped);
            }
        }
    }

    pub(crate) fn use_port(&mut self, port: u16) {
        self.listen(std::net::SocketAddr::new(self.settings.origin.http.ip(), port));
    }

    /// Remembers where HTTP is to listen, and starts the origin there, or moves it.
    pub(crate) fn listen(&mut self, http: std::net::SocketAddr) {
        self.set(|settings| settings.origin.http = http);
        self.stop_origin(true);
    }
}
