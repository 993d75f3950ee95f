//! Why a difference says what it says, and what all of them say, in words.

use super::Diagnosis;
use super::cause::{Difference, Evidence, Verdict, Weight};
use super::facts::{Aspect, Unsuccessful};

impl Aspect {
    /// Returns what it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Data => "data",
            Self::Parameter => "parameter",
            Self::Environment => "environment",
            Self::Tag => "tag",
        }
    }
}

impl Weight {
    /// Returns what it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Controlled => "controlled",
            Self::Alone => "alone",
            Self::Outside => "outside",
            Self::Varied => "varied",
            Self::Shared => "shared",
        }
    }
}

fn runs(count: usize) -> String {
    if count == 1 { "1 successful run".to_owned() } else { format!("{count} successful runs") }
}

impl Difference {
    /// Says why it says as much as it does.
    pub fn reason(&self) -> String {
        let Evidence { weight, same, other, unknown, values, controlled_by } = &self.evidence;
        let said = match weight {
            Weight::Controlled => {
                let id = controlled_by.as_deref().unwrap_or_default();
                let shared = if *same == 0 { String::new() } else { format!("; {} had it too", runs(*same)) };
                format!("run {id} differs in this alone, of all that both record, and succeeded{shared}")
            }
            Weight::Alone if *other == 1 => "the only successful run that says has another value".to_owned(),
            Weight::Alone => format!("no successful run had it: {} all have one other value", runs(*other)),
            Weight::Outside => format!("it lies far outside of what {} had, {values} values", runs(*other)),
            Weight::Varied => {
                format!("weak: {} have {values} different values of it and succeeded", runs(*other))
            }
            Weight::Shared => format!("no cause by itself: {} had it too", runs(*same)),
        };
        if *unknown == 0 { said } else { format!("{said}; of {} it is not recorded", runs(*unknown)) }
    }
}

impl Diagnosis {
    /// Says what the differences say together.
    pub fn says(&self) -> String {
        let named = |difference: &Difference| format!("{} `{}`", difference.fact.aspect.name(), difference.fact.name);
        let causes: Vec<String> = self.causes().iter().map(named).collect();
        let said = match self.verdict {
            Verdict::NoSuccess => return "there is no successful run in the experiment to set it beside".to_owned(),
            Verdict::NothingDiffers => "nothing that is recorded differs".to_owned(),
            Verdict::Named => format!("most likely {}: no other difference says as much", causes.concat()),
            Verdict::Several(_) => {
                let causes = causes.join(", ");
                format!("one of {causes}: the records cannot tell them apart; run it again with one of them changed")
            }
            Verdict::OnlyWeak => "none named: successful runs vary in whatever differs, or share it".to_owned(),
        };
        if self.gaps.is_empty() { said } else { format!("{said}; but not all is recorded") }
    }
}

impl Unsuccessful {
    /// Says it in words.
    pub fn says(&self) -> String {
        match self {
            Self::Status(status) => format!("its status is {status}"),
            Self::NoNumber(key) => format!("the latest value of `{key}` is no number"),
            Self::Said => "people say that it failed".to_owned(),
        }
    }
}
