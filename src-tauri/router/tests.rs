use std::net::Ipv4Addr;
use std::time::Duration;

use testkit::router::{Log, Manner, Speaks, StandInRouter};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Answer, Wish, keep};

const OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 40);
const LIMIT: Duration = Duration::from_secs(45);

fn manner(speaks: Speaks) -> Manner {
    Manner { speaks, lease_s: 3_600, outside: OUTSIDE, refuses: false }
}

/// A port that is being kept open.
struct Kept {
    answer: watch::Receiver<Answer>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn kept(router: Ipv4Addr) -> Kept {
    let (tell, answer) = watch::channel(Answer::Asking);
    let stop = CancellationToken::new();
    let told = stop.clone();
    let wish = Wish { router: Some(router), port: 18_080 };
    Kept { answer, stop, task: tokio::spawn(async move { keep(wish, &tell, told).await }) }
}

impl Kept {
    async fn says(&mut self, wanted: impl Fn(&Answer) -> bool) -> Answer {
        let said = tokio::time::timeout(LIMIT, self.answer.wait_for(wanted)).await;
        said.expect("an answer in time").expect("somebody asks").clone()
    }

    async fn ends(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

async fn shows(log: &mut watch::Receiver<Log>, wanted: impl Fn(&Log) -> bool) {
    tokio::time::timeout(LIMIT, log.wait_for(|log| wanted(log))).await.expect("in time").expect("it runs");
}

#[tokio::test]
async fn a_router_forwards_until_it_is_told_not_to_whatever_it_speaks() {
    for (last, speaks, name) in
        [(1, Speaks::NatPmp, "NAT-PMP"), (2, Speaks::Pcp, "PCP"), (3, Speaks::Upnp, "UPnP")]
    {
        let router = StandInRouter::start(Ipv4Addr::new(127, 77, 1, last), manner(speaks)).await;
        let mut kept = kept(router.address);
        let Answer::Forwards(forwarded) = kept.says(|answer| *answer != Answer::Asking).await else {
            panic!("{name}: {:?}", kept.answer.borrow());
        };
        assert_eq!(forwarded.outside, (OUTSIDE, 18_080).into());
        assert_eq!(forwarded.protocol, name);
        assert_eq!(router.log().borrow().open, [18_080], "{name}");
        kept.ends().await;
        assert!(router.log().borrow().open.is_empty(), "{name} still forwards");
    }
}

#[tokio::test]
async fn a_lease_is_renewed_before_it_ends() {
    let manner = Manner { lease_s: 2, ..manner(Speaks::NatPmp) };
    let router = StandInRouter::start(Ipv4Addr::new(127, 77, 2, 1), manner).await;
    let mut log = router.log();
    let mut kept = kept(router.address);
    kept.says(|answer| matches!(answer, Answer::Forwards(_))).await;
    shows(&mut log, |log| log.asked >= 3).await;
    assert_eq!(log.borrow().open, [18_080]);
    kept.ends().await;
}

#[tokio::test]
async fn a_router_that_was_restarted_is_asked_anew() {
    let address = Ipv4Addr::new(127, 77, 3, 1);
    let manner = Manner { lease_s: 2, ..manner(Speaks::Pcp) };
    let router = StandInRouter::start(address, manner).await;
    let mut kept = kept(address);
    kept.says(|answer| matches!(answer, Answer::Forwards(_))).await;
    router.stop().await;
    let router = StandInRouter::start(address, manner).await;
    shows(&mut router.log(), |log| log.open == [18_080]).await;
    kept.ends().await;
    assert!(router.log().borrow().open.is_empty());
}

#[tokio::test]
async fn a_refusal_is_told_in_the_routers_words_and_silence_as_silence() {
    for (last, speaks) in [(1, Speaks::NatPmp), (2, Speaks::Pcp), (3, Speaks::Upnp)] {
        let manner = Manner { refuses: true, ..manner(speaks) };
        let router = StandInRouter::start(Ipv4Addr::new(127, 77, 4, last), manner).await;
        let mut kept = kept(router.address);
        let said = kept.says(|answer| *answer != Answer::Asking).await;
        assert!(matches!(&said, Answer::Refuses(reason) if !reason.is_empty()), "{speaks:?}: {said:?}");
        kept.ends().await;
        assert!(router.log().borrow().open.is_empty(), "{speaks:?}");
    }
    let mut kept = kept(Ipv4Addr::new(127, 77, 4, 9));
    assert_eq!(kept.says(|answer| *answer != Answer::Asking).await, Answer::Silent);
    kept.ends().await;
}
