//! The terms of permissions that agents ask for.

use types::permission::Terms;
use types::text::is_deceptive;
use types::{Arguments, cbor};

/// Terms: what is read is the same once it was written, as JSON and in bytes, and is told without anything that deceives.
pub fn permission(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(arguments) = Arguments::parse(text, usize::MAX) else { return };
    let Ok(terms) = Terms::read(&arguments) else { return };
    let written = Arguments::parse(&serde_json::to_string(&terms).unwrap(), usize::MAX).unwrap();
    assert_eq!(Terms::read(&written).unwrap(), terms);
    assert_eq!(cbor::decode::<Terms>(&cbor::encode(&terms)).unwrap(), terms);
    assert!(!terms.told().chars().any(is_deceptive) && !terms.told().contains('\n'));
    for (name, bound) in &terms.bounds {
        let value = arguments.value().get(name);
        assert!(bound.is_no_wider_than(bound) || !bound.is_sound());
        assert!(value.is_some() || !bound.holds(value) || *bound == types::bound::Bound::Any);
    }
}
