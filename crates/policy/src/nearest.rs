//! What a name was perhaps meant to be, the same in every run.

use cedar_policy::Schema;

const ASKS: &str = "did you mean `";

/// Knows the names of a schema's actions and entity types, sorted.
pub(crate) struct Names {
    actions: Vec<String>,
    types: Vec<String>,
}

impl Names {
    /// Reads the names of a schema.
    pub(crate) fn of(schema: &Schema) -> Self {
        let mut actions: Vec<String> = schema.actions().map(ToString::to_string).collect();
        let mut types: Vec<String> = schema.entity_types().map(ToString::to_string).collect();
        actions.sort();
        types.sort();
        Self { actions, types }
    }

    /// Names in a help the nearest of what is known, of equally near ones the first; any other help stays as it is.
    ///
    /// Cedar takes any of those that are equally near, and another one in the next run.
    pub(crate) fn settle(&self, message: &str, help: String) -> String {
        let Some(named) = help.strip_prefix(ASKS).and_then(|rest| rest.strip_suffix("`?")) else { return help };
        let Some((_, quoted)) = message.split_once("unrecognized ").and_then(|(_, rest)| rest.split_once('`')) else {
            return help;
        };
        let meant = quoted.strip_suffix('`').unwrap_or(quoted);
        let known = [&self.actions, &self.types].into_iter().find(|known| known.iter().any(|name| name == named));
        let nearest = known.and_then(|known| known.iter().min_by_key(|name| distance(meant, name)));
        nearest.map_or(help.clone(), |name| format!("{ASKS}{name}`?"))
    }
}

/// Counts the characters to put in, take out or replace to make one text of another.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, from) in one.chars().enumerate() {
        let mut left = at + 1;
        let mut next = vec![left];
        for (to, above) in other.iter().zip(row.windows(2)) {
            let (diagonal, up) = (above.first().copied().unwrap_or(0), above.last().copied().unwrap_or(0));
            left = (diagonal + usize::from(from != *to)).min(up + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_counts_single_changes() {
        for (one, other, expected) in
            [("", "", 0), ("", "ab", 2), ("abc", "", 3), ("kitten", "sitting", 3), ("é", "e", 1)]
        {
            assert_eq!((distance(one, other), distance(other, one)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn of_equally_near_names_the_first_is_named_and_other_helps_stay() {
        let names =
            Names { actions: ["A::\"ab\"", "A::\"ac\""].map(str::to_owned).into(), types: vec!["T".to_owned()] };
        let settle = |message: &str, help: &str| names.settle(message, help.to_owned());
        let message = "for policy `p`, unrecognized action `A::\"ad\"`";
        for named in ["A::\"ab\"", "A::\"ac\""] {
            assert_eq!(settle(message, &format!("did you mean `{named}`?")), "did you mean `A::\"ab\"`?");
        }
        assert_eq!(settle("unrecognized entity type `U`", "did you mean `T`?"), "did you mean `T`?");
        for help in ["did you mean `risk`?", "say why", ""] {
            assert_eq!((settle(message, help), settle("", help)), (help.to_owned(), help.to_owned()));
        }
    }
}
