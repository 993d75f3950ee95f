"""What serves models, each kind as its clients know it, and a receiver of webhooks. What they say stands in files that a test writes.

servers.py FOLDER     writes FOLDER/ports: of the JSON endpoint, of the inference server, of the cluster (TLS), of the receiver

json.json       what the JSON endpoint answers
ready           the versions that the inference server has ready, by blanks
pods            a line for each pod: its version, its digest or -, its image
token           the bearer token that the cluster asks for
got             what the receiver was sent, a line each
"""

import json
import pathlib
import ssl
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder = pathlib.Path(sys.argv[1])
PAGE = 2


def text(name):
    return (folder / name).read_text()


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Document(Quiet):
    def do_GET(self):
        self.answer(200, text("json.json"))


class Inference(Quiet):
    def do_GET(self):
        ready = text("ready").split()
        parts = self.path.strip("/").split("/")
        if parts[:2] != ["v2", "models"]:
            return self.answer(404, {})
        if len(parts) == 3:
            return self.answer(200, {"name": parts[2], "versions": ["1", "2"], "platform": "own", "inputs": [], "outputs": []})
        self.answer(200 if parts[4] in ready else 400, {})


class Cluster(Quiet):
    def do_GET(self):
        if self.headers.get("Authorization") != "Bearer " + text("token").strip():
            return self.answer(401, {"kind": "Status"})
        url = urllib.parse.urlsplit(self.path)
        asked = urllib.parse.parse_qs(url.query)
        if url.path != "/api/v1/namespaces/serving/pods" or asked["labelSelector"] != ["app=fraud"]:
            return self.answer(403, {"kind": "Status"})
        pods = [line.split() for line in text("pods").splitlines()]
        begin = int(asked.get("continue", ["0"])[0])
        end = begin + PAGE
        items = [self.pod(begin + n, *pod) for n, pod in enumerate(pods[begin:end])]
        more = str(end) if end < len(pods) else ""
        self.answer(200, {"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": more}, "items": items})

    def pod(self, n, version, digest, image):
        annotations = {} if digest == "-" else {"countersign/digest": digest}
        return {
            "metadata": {"name": f"fraud-{n}", "labels": {"app": "fraud", "countersign/version": version}, "annotations": annotations},
            "status": {"phase": "Running", "containerStatuses": [{"name": "server", "imageID": f"registry.example/fraud@{image}"}]},
        }


class Receiver(Quiet):
    def do_POST(self):
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(folder / "got", "a") as got:
            got.write(json.dumps(said) + "\n")
        self.answer(204, "")


ports = []
for handler in (Document, Inference, Cluster, Receiver):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if handler is Cluster:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    ports.append(str(server.server_address[1]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
(folder / "ports.writing").write_text(" ".join(ports) + "\n")
(folder / "ports.writing").rename(folder / "ports")
threading.Event().wait()
