//! What the application itself asserts: an invariant that is broken is a fault of the run, whatever else is right.

use control::Control;

/// Says which invariant is broken, if one is.
pub fn judge(control: &Control, wrong: &mut Vec<String>) {
    if let Some(broken) = control.health().broken {
        wrong.push(format!("the invariant `{}` is broken: {}", broken.invariant, broken.why));
    }
}
