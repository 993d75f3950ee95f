//! The console's pages: served to anybody, allowed to do little, and the same whether compressed or not.

use axum::http::header;

use crate::call::{Api, request};

#[tokio::test]
async fn pages_run_what_this_server_serves_and_nothing_else() {
    let api = Api::new().await;
    for path in [
        "/",
        "/inbox",
        "/inbox/case_x",
        "/actions/act_x",
        "/live",
        "/switches",
        "/log",
        "/overview",
        "/passkey",
        "/models",
        "/models/fraud",
        "/models/fraud%20%2F%20x",
        "/models/fraud/compare",
        "/models/fraud/versions/7",
        "/runs",
        "/runs/0a",
        "/lineage",
    ] {
        let answer = api.send(request("GET", path, None, None)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        for part in ["default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        for (name, value) in
            [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("x-frame-options", "DENY")]
        {
            assert_eq!(answer.headers[name], value, "{path}");
        }
        let text = String::from_utf8(answer.bytes).unwrap();
        assert!(text.contains("/console.js") && !text.contains("<style") && !text.contains("style="), "{text}");
        assert!(text.matches("<script").count() == 1 && text.contains("></script>"), "{text}");
    }
    let data = api.send(request("GET", "/v1/health", None, None)).await;
    assert!(data.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().starts_with("default-src 'none'"));
    assert!(!data.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("script-src"));
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let api = Api::new().await;
    let first = api.send(request("GET", "/console.js", None, None)).await;
    assert_eq!(first.headers[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
    assert!(first.headers.get(header::CONTENT_ENCODING).is_none());
    let mut again = request("GET", "/console.js", None, None);
    again.headers_mut().insert(header::IF_NONE_MATCH, first.headers[header::ETAG].clone());
    let again = api.send(again).await;
    assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
    let mut packed = request("GET", "/console.js", None, None);
    packed.headers_mut().insert(header::ACCEPT_ENCODING, "br, gzip;q=0.8".parse().unwrap());
    let packed = api.send(packed).await;
    assert_eq!(packed.headers[header::CONTENT_ENCODING], "gzip");
    assert!(packed.bytes.starts_with(&[0x1f, 0x8b]) && packed.bytes.len() < first.bytes.len());
    let mut refused = request("GET", "/console.js", None, None);
    refused.headers_mut().insert(header::ACCEPT_ENCODING, "gzip;q=0".parse().unwrap());
    assert!(api.send(refused).await.headers.get(header::CONTENT_ENCODING).is_none());
}
