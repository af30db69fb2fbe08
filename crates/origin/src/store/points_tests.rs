use ::rooms::frame::Whom;
use ::rooms::{Act, Deed, Entry, EntryBody, Gift, Name};

use super::*;
use crate::store::tests::{Place, account, room};
use crate::store::{Role, StoreError};

/// A room, and one account with so many points.
struct World {
    place: Place,
    room: i64,
    account: i64,
}

impl World {
    async fn new(points: i64) -> World {
        let place = Place::new();
        let room = place.store().create_room(room("demo", None), "k".to_owned(), 1).await.unwrap().id;
        let made = place.store().create_account(account("ada", Role::Viewer), 1).await.unwrap();
        let world = World { place, room, account: made.id };
        world.grant("start", points).await.unwrap();
        world
    }

    async fn grant(&self, key: &str, points: i64) -> Result<i64, StoreError> {
        let grant = Grant { account: self.account, points, key: key.to_owned(), note: String::new() };
        self.place.store().grant(grant, 5).await
    }

    /// Gives a star of 10 points.
    async fn give(&self, seq: u64, id: &str) -> Result<(), StoreError> {
        let gift = Gift {
            id: "star".parse().unwrap(),
            name: "Star".to_owned(),
            name_zh: None,
            emoji: "⭐".to_owned(),
            points: 10,
        };
        let to = Whom { id: "g1".to_owned(), name: "Ben".to_owned() };
        let by =
            Person { id: format!("a{}", self.account), name: Name::guest("ada").unwrap(), roles: Vec::new() };
        let act = Act::Gift(Given { gift, count: 1, to });
        let body = EntryBody::Deed(Deed { id: id.to_owned(), by: Some(by), act });
        self.place.store().append(self.room, Entry { seq, at_ms: 7, body }).await
    }

    /// What the wallet holds, which is the sum of its ledger; and the number of lines in the room's log.
    async fn state(&self) -> (i64, usize) {
        let wallet = self.place.store().wallet(self.account, 1_000).await.unwrap();
        let sum: i64 = wallet.changes.iter().map(|change| change.points).sum();
        assert_eq!(wallet.points, sum, "{wallet:?}");
        let lines = self.place.store().deeds_before(self.room, None, 1_000).await.unwrap();
        (wallet.points, lines.len())
    }
}

#[tokio::test]
async fn a_gift_and_its_price_are_stored_together_or_not_at_all() {
    let mut world = World::new(25).await;
    world.give(1, "c1").await.unwrap();
    world.give(2, "c2").await.unwrap();
    assert!(matches!(world.give(3, "c3").await, Err(StoreError::NotEnough)));
    assert_eq!(world.state().await, (5, 2));
    world.place.reopen();
    assert_eq!(world.state().await, (5, 2));
}

#[tokio::test]
async fn the_same_id_is_paid_once_however_late_it_comes_again() {
    let world = World::new(100).await;
    world.give(1, "c1").await.unwrap();
    assert!(matches!(world.give(2, "c1").await, Err(StoreError::Given { first: 1 })));
    assert_eq!(world.state().await, (90, 1));
}

#[tokio::test]
async fn of_many_gifts_at_once_no_more_pass_than_are_paid() {
    let world = World::new(70).await;
    let gifts = (1..=50_u64).map(|seq| {
        let world = &world;
        async move { world.give(seq, &format!("c{seq}")).await.is_ok() }
    });
    let passed = futures_util::future::join_all(gifts).await.into_iter().filter(|passed| *passed).count();
    assert_eq!((passed, world.state().await), (7, (0, 7)));
}

#[tokio::test]
async fn a_grant_is_booked_once_and_takes_no_more_than_is_there() {
    let world = World::new(10).await;
    assert_eq!(world.grant("k", 5).await.unwrap(), 15);
    assert_eq!(world.grant("k", 5).await.unwrap(), 15);
    assert!(matches!(world.grant("less", -16).await, Err(StoreError::NotEnough)));
    assert_eq!(world.grant("less", -15).await.unwrap(), 0);
    world.state().await;
}

#[tokio::test]
async fn a_minute_earns_once_in_whatever_number_of_rooms() {
    let world = World::new(0).await;
    let store = world.place.store();
    store.set_watch_points(3).await.unwrap();
    let missing = world.account + 1;
    for at_ms in [60_000, 65_000, 119_999, 120_000] {
        store.earn(vec![world.account, missing], at_ms).await.unwrap();
    }
    assert_eq!(world.state().await.0, 6);
    assert_eq!(store.wallet(world.account, 9).await.unwrap().changes.len(), 2, "one line a day");
    store.set_watch_points(0).await.unwrap();
    store.earn(vec![world.account], 180_000).await.unwrap();
    assert_eq!(world.state().await.0, 6);
}
