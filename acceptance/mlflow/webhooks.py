"""The part of the scenario that is about webhooks of the registry: made, read, changed, tried and deleted. What is delivered is compared by
`deliveries.py`.

It is played by `exchanges.py`, last, so that nothing happens that any of these would be told of. Addresses are written as numbers: nobody is
asked for a name.
"""
import time

URL = "https://8.8.8.8/in"
WRONG = [5, ["a"], {"a": 1}, True]


def event(entity, action):
    return {"entity": entity, "action": action}


MADE = event("REGISTERED_MODEL", "CREATED")
VERSION = event("MODEL_VERSION", "CREATED")
EVERY = [
    MADE, VERSION, event("MODEL_VERSION_TAG", "SET"), event("MODEL_VERSION_TAG", "DELETED"), event("MODEL_VERSION_ALIAS", "CREATED"),
    event("MODEL_VERSION_ALIAS", "DELETED"), event("PROMPT", "CREATED"), event("PROMPT_VERSION", "CREATED"), event("PROMPT_TAG", "SET"),
    event("PROMPT_TAG", "DELETED"), event("PROMPT_VERSION_TAG", "SET"), event("PROMPT_VERSION_TAG", "DELETED"), event("PROMPT_ALIAS", "CREATED"),
    event("PROMPT_ALIAS", "DELETED"), event("BUDGET_POLICY", "EXCEEDED"),
]


def create(server, learn=None, **wish):
    # The latest come first in a list, by the millisecond.
    time.sleep(0.003)
    wish = {"name": "hook", "url": URL, "events": [MADE], **wish}
    wish = {name: value for name, value in wish.items() if value is not ...}
    return server.post("webhooks", wish, learn=("webhook.webhook_id", learn) if learn else None)


def own(server, name):
    return next(own for own, known in server.names.items() if known == name)


def play(server):
    server.get("webhooks")
    create(server, "<W1>")
    create(server, "<W2>", name="a.b_c-9", description="what it is for", secret="a secret", status="DISABLED", events=EVERY)
    create(server, "<W3>", description="", secret="", events=[event("5", "1"), event(3, 4)], name="x" * 63)
    create(server, "<W4>", name="hook", events=[event("MODEL_VERSION", "CREATED"), event("REGISTERED_MODEL", "CREATED")], status="ACTIVE")
    refused(server)
    read(server)
    changed(server)
    tried(server)
    for id in [own(server, "<W1>"), own(server, "<W1>"), "nobody", own(server, "<W2>"), own(server, "<W3>"), own(server, "<W4>")]:
        server.call("DELETE", f"webhooks/{id}")
    server.get("webhooks")


def refused(server):
    for name in ["", " ", "-a", "a-", "a b", "é", "a/b", "x" * 64, ".", "a\n", None, ..., *WRONG]:
        create(server, name=name)
    for url in [
        "", " ", "a", "http://8.8.8.8/in", "ftp://8.8.8.8/in", "//8.8.8.8/in", "https://", "https:///in", "https:8.8.8.8", "https://:443/in", "HTTP://8.8.8.8",
        "javascript:alert(1)", "https://127.0.0.1/in", "https://127.0.0.1:8443/in", "https://10.1.2.3/", "https://192.168.0.1", "https://172.16.0.1/",
        "https://169.254.169.254/latest/meta-data", "https://0.0.0.0/", "https://[::1]/", "https://[fe80::1]/", "https://[fd00::1]/in", "https://100.64.0.1/",
        "https://255.255.255.255/", "https://[::ffff:127.0.0.1]/in", "https://192.0.2.1/in", "https://198.18.0.1/", "https://240.0.0.1/",
        None, ..., *WRONG,
    ]:
        create(server, url=url)
    for events in [
        [], "REGISTERED_MODEL", 5, {}, [5], ["REGISTERED_MODEL.CREATED"], [{}], [event("REGISTERED_MODEL", "SET")], [event("MODEL_VERSION_TAG", "CREATED")],
        [event("PROMPT_ALIAS", "UPDATED")], [event("BUDGET_POLICY", "CREATED")], [event("NOBODY", "CREATED")], [event("PROMPT", "NOBODY")],
        [event("registered_model", "created")], [{"entity": "PROMPT"}], [{"action": "CREATED"}], [event("ENTITY_UNSPECIFIED", "CREATED")], [MADE, MADE], None, ...,
    ]:
        create(server, events=events)
    for field in ["description", "secret", "status"]:
        for value in WRONG[:3] if field == "status" else WRONG:
            create(server, **{field: value})
    for status in ["active", "OFF", ""]:
        create(server, status=status, name="-")
    server.call("POST", "webhooks", b"{", kind="application/json")


def read(server):
    for id in [own(server, "<W1>"), own(server, "<W2>"), own(server, "<W3>"), own(server, "<W4>"), "nobody", "00000000-0000-4000-8000-000000000000", "test", "%20"]:
        server.call("GET", f"webhooks/{id}")
    for wish in [
        {}, {"max_results": 1}, {"max_results": 2, "page_token": "eyJvZmZzZXQiOiAyfQ=="}, {"max_results": 4}, {"max_results": 1000}, {"max_results": 1001},
        {"max_results": 0}, {"max_results": -1}, {"max_results": "x"}, {"max_results": "1.5"}, {"page_token": "abc"}, {"page_token": "e30="}, {"page_token": ""},
    ]:
        server.get("webhooks", **wish)


def changed(server):
    first = f"webhooks/{own(server, '<W1>')}"
    for wish in [
        {"name": "other"}, {"description": "what it is for"}, {"description": ""}, {"url": "https://8.8.4.4/in"}, {"events": [VERSION, MADE]}, {"status": "DISABLED"},
        {"status": "ACTIVE"}, {"secret": "another"}, {"secret": ""}, {"name": ""}, {"url": ""}, {"events": []}, {}, {"events": EVERY}, {"events": [MADE]},
        {"name": "a b"}, {"name": "x" * 64}, {"name": " "}, {"url": "http://8.8.8.8/in"}, {"url": "https://127.0.0.1/in"}, {"url": " "}, {"events": [event("PROMPT", "SET")]},
        {"events": [event("NOBODY", "SET")]}, {"events": [MADE, MADE]}, {"status": "OFF"}, {"name": 5}, {"url": ["a"]}, {"events": "x"}, {"description": {"a": 1}},
        {"secret": 5}, {"status": 5}, {"name": "fine", "url": "http://8.8.8.8"}, {"webhook_id": "another", "name": "still"},
    ]:
        server.call("PATCH", first, wish)
        if server.said % 5 == 0:
            server.call("GET", first)
    server.call("GET", first)
    for wish in [{"name": "a"}, {"name": "a b"}, {"url": "http://8.8.8.8"}, {}]:
        server.call("PATCH", "webhooks/nobody", wish)


def tried(server):
    for id in ["nobody", "00000000-0000-4000-8000-000000000000", "%20"]:
        server.post(f"webhooks/{id}/test", {})
    first = f"webhooks/{own(server, '<W1>')}/test"
    for of in [event("PROMPT", "SET"), event("MODEL_VERSION_TAG", "CREATED"), event("BUDGET_POLICY", "CREATED")]:
        server.post(first, {"event": of})
