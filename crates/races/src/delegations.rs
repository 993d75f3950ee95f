//! Votes that people put into others' hands, and take back.

use control::delegations::DelegationWish;

use crate::told::Told;
use crate::world::{World, person};

impl World {
    /// Lets somebody vote in a person's place for some time, in milliseconds from now.
    pub async fn give(&self, from: &str, to: &str, ms: i64) {
        let (from, to) = (person(from), person(to));
        let expires = self.control.now().plus(ms);
        let wish = DelegationWish { to: to.clone(), group: None, reason: "on holiday".into(), expires };
        let given = self.control.delegate(&from, wish).await;
        self.notes.told(Told::Gave(from, to, given.map(drop).map_err(|refusal| refusal.code)));
    }

    /// Takes such a delegation back.
    pub async fn take_back(&self, by: &str, from: &str, to: &str) {
        let (from, to) = (person(from), person(to));
        let taken = self.control.take_back(&person(by), &from, &to, "back again").await;
        self.notes.told(Told::TookBack(from, to, taken.map_err(|refusal| refusal.code)));
    }
}
