use oxmcp_proto::methods::{Kind, METHODS, MethodInfo, Sender};
use oxmcp_proto::{Method, ProtocolVersion};

use crate::spec::{SPEC, SpecKind, SpecMethod, SpecSender};

#[test]
fn every_method_of_every_revision_is_in_the_table() {
    assert!(SPEC.methods.len() > 100, "the package tells of {} methods only", SPEC.methods.len());
    let wrong: Vec<_> = SPEC.methods.iter().filter_map(|spec| Some((spec, mistake(spec)?))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What the table has wrong about a method.
fn mistake(spec: &SpecMethod) -> Option<&'static str> {
    let Some(method) = Method::from_name(&spec.method) else { return Some("the table does not know it") };
    let sender = match spec.sender {
        SpecSender::Client => Sender::Client,
        SpecSender::Server => Sender::Server,
    };
    let kind = match spec.kind {
        SpecKind::Request => Kind::Request,
        SpecKind::Notification => Kind::Notification,
        SpecKind::Input => {
            return (!method.is_input_request_in(spec.revision)).then_some("not as an input request");
        }
    };
    if !method.is_in(spec.revision) {
        Some("not in this revision")
    } else if method.info().kind != kind {
        Some("of another kind")
    } else if ![sender, Sender::Both].contains(&method.sender(spec.revision)) {
        Some("from another sender")
    } else {
        None
    }
}

#[test]
fn the_table_has_no_method_that_a_revision_has_not() {
    for info in METHODS {
        for version in
            ProtocolVersion::ALL.into_iter().filter(|version| is_of_the_revision_itself(info, *version))
        {
            for (sender, both) in [(SpecSender::Client, Sender::Client), (SpecSender::Server, Sender::Server)]
            {
                let in_table = [both, Sender::Both].contains(&info.method.sender(version));
                let is_said = |spec: &&SpecMethod| {
                    spec.method == info.name && spec.revision == version && spec.sender == sender
                };
                let in_spec = SPEC.methods.iter().filter(is_said).any(|spec| spec.kind != SpecKind::Input);
                assert_eq!(in_table, in_spec, "{} from {sender:?} in {version}", info.name);
            }
        }
        for version in ProtocolVersion::ALL {
            let asked = SPEC.methods.iter().any(|spec| {
                spec.method == info.name && spec.revision == version && spec.kind == SpecKind::Input
            });
            assert_eq!(info.method.is_input_request_in(version), asked, "{} in {version}", info.name);
        }
    }
}

/// Whether a revision has a method without the help of an extension. The package knows of no extensions.
fn is_of_the_revision_itself(info: &MethodInfo, version: ProtocolVersion) -> bool {
    let by_extension = info.extension.is_some() && version == ProtocolVersion::V2026_07_28;
    info.method.is_in(version) && !by_extension
}

#[test]
fn the_table_knows_which_results_may_be_cached_and_which_may_ask_for_input() {
    let names = |is: fn(&MethodInfo) -> bool| {
        let mut names: Vec<_> = METHODS.iter().filter(|info| is(info)).map(|info| info.name).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(|info| info.cacheable), SPEC.cacheable);
    assert_eq!(names(|info| info.may_require_input), SPEC.may_require_input);
}
