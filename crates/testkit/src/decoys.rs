//! Bundles with decoys, and a world in which one is shown.

use std::time::Duration;

use control::actions::Wish;
use control::state::{Decoy, kind};
use policy::BundleFiles;
use types::case::Case;
use types::{Arguments, Channel, Claims, Principal, cbor};

use crate::world::World;

/// Is the decoy of [`with_decoys`]: `sre-bot` seems to restart everything, which needs one person of the group `owners`.
pub const DECOY: &str = "[decoys.everything]\nagent = \"sre-bot\"\ntool = \"sre.restart\"\n\
                         arguments = { service = \"each-and-every-one\" }\npurpose = \"tidy up\"\n\
                         why = \"nobody restarts everything at once\"\n";

/// Returns a bundle in which every second case is followed by a decoy.
pub fn with_decoys(files: BundleFiles) -> BundleFiles {
    with_decoy(files, DECOY)
}

/// Returns a bundle in which every second case is followed by one of these decoys.
pub fn with_decoy(mut files: BundleFiles, decoys: &str) -> BundleFiles {
    files.insert("decoys.toml", format!("per_100 = 50\n\n{decoys}"));
    files
}

impl World {
    /// Returns the decoys that are open.
    pub fn decoys(&self) -> Vec<Case> {
        let rows = self.control.history().state(kind::DECOY).unwrap();
        rows.into_iter().map(|(_, bytes)| cbor::decode::<Decoy>(&bytes).unwrap().case).collect()
    }

    /// Has people asked about something as `sre-bot`.
    pub async fn ask_people(&self, service: &str) {
        let wish = Wish {
            principal: Principal::Agent("sre-bot".parse().unwrap()),
            on_behalf_of: None,
            session: None,
            tool: "sre.restart".parse().unwrap(),
            definition: None,
            arguments: Arguments::parse(&format!(r#"{{"service":"{service}"}}"#), 4_096).unwrap(),
            claims: Claims::default(),
            channel: Channel::Http,
        };
        assert!(self.control.decide_once(wish, false).await.unwrap().case.is_some());
    }

    /// Lets the time pass after which a decoy is shown that was drawn, and shows it.
    pub async fn let_decoys_come(&self) {
        self.clock.advance(300_000);
        self.control.tick().await.unwrap();
        // What the server's own tick has taken up is shown in a moment.
        for _ in 0..5 {
            if self.decoys().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Has people asked until a decoy follows, and returns it once it is shown.
    pub async fn decoy(&self) -> Case {
        for _ in 0..64 {
            self.ask_people(&format!("in-earnest-{}", self.clock.passed())).await;
            self.let_decoys_come().await;
            if let Some(decoy) = self.decoys().pop() {
                return decoy;
            }
        }
        panic!("no decoy was shown")
    }
}
