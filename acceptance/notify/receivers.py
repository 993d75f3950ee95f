"""Receives what Countersign sends, with software from elsewhere, and writes down what it makes of it, a JSON line each.

    receivers.py FOLDER

FOLDER holds server.pem, server.key, hook.secret and old.secret. It writes `ports` there once all receivers listen, and `got`.

- a webhook over TLS: standardwebhooks verifies the signature under both secrets, cloudevents reads the event
- mail: aiosmtpd, once with STARTTLS and a password that it demands, once with TLS from the first byte on
"""

import json
import pathlib
import ssl
import sys
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook, WebhookVerificationError

folder = pathlib.Path(sys.argv[1])
lock = threading.Lock()
secrets = [(folder / name).read_text().strip() for name in ("hook.secret", "old.secret")]
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(folder / "server.pem", folder / "server.key")
# How often a path was asked, for those that answer differently the first time.
asked = {}


def note(**said):
    with lock, (folder / "got").open("a") as file:
        file.write(json.dumps(said) + "\n")


def signatures(body, headers):
    """Says which secrets verify, and whether an altered body, id or time still does."""

    def verifies(secret, body, headers):
        try:
            Webhook(secret).verify(body, headers)
            return True
        except WebhookVerificationError:
            return False

    right = [verifies(secret, body, headers) for secret in secrets]
    signed_by = secrets[right.index(True)] if True in right else secrets[0]
    altered = [
        verifies(signed_by, body.replace(b"open", b"shut", 1) + b" ", headers),
        verifies(signed_by, body, {**headers, "webhook-id": headers.get("webhook-id", "") + "x"}),
        verifies(signed_by, body, {**headers, "webhook-timestamp": str(int(headers.get("webhook-timestamp", 0)) - 9)}),
    ]
    return right, any(altered)


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with lock:
            times = asked[self.path] = asked.get(self.path, 0) + 1
        if self.path == "/slack":
            said = json.loads(body)
            note(path="/slack", text=said["text"], blocks=[block["type"] for block in said["blocks"]])
        elif self.path == "/teams":
            card = json.loads(body)["attachments"][0]["content"]
            note(path="/teams", card=card["type"], version=card["version"], url=card["actions"][0]["url"])
        else:
            event = from_http_event(HTTPMessage(headers=headers, body=body))
            right, altered = signatures(body, headers)
            note(path=self.path, time=times, id=headers["webhook-id"], same=event.get_id() == headers["webhook-id"],
                 type=event.get_type(), data=event.get_data(), right=right, altered=altered)
        answers = {"/gone": 410, "/redirect": 307, "/hook": 500 if times == 1 else 204, "/later": 429 if times == 1 else 204}
        self.send_response(answers.get(self.path, 204))
        if self.path == "/redirect":
            self.send_header("location", f"https://localhost:{self.server.server_port}/trap")
        if self.path == "/later":
            self.send_header("retry-after", "4")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Mails:
    def __init__(self, name):
        self.name = name

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        note(path=self.name, tls=session.ssl is not None, user=str(session.auth_data or ""), to=envelope.rcpt_tos,
             headers=sorted(mail.keys()), subject=mail["subject"], kind=mail.get_content_type(), text=mail.get_content())
        return "250 taken"


class ImplicitTls(Controller):
    def factory(self):
        return SMTP(self.handler)


def authenticate(server, session, envelope, mechanism, data):
    right = data.login == b"countersign" and data.password == b"open sesame"
    return AuthResult(success=right, auth_data=data.login.decode() if right else None)


web = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
web.socket = tls.wrap_socket(web.socket, server_side=True)
threading.Thread(target=web.serve_forever, daemon=True).start()
ports = [web.server_port]
for number, (kind, name, options) in enumerate([
    (Controller, "starttls", {"tls_context": tls, "require_starttls": True, "authenticator": authenticate, "auth_required": True}),
    (ImplicitTls, "implicit", {"ssl_context": tls}),
]):
    port = int(sys.argv[2 + number])
    kind(Mails(name), hostname="127.0.0.1", port=port, **options).start()
    ports.append(port)
(folder / "ports").write_text(" ".join(map(str, ports)) + "\n")
threading.Event().wait()
