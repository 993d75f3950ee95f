"""Is an API of queues with versions: `GET` and `PUT /queues/NAME`, with `ETag`, `If-Match` and `If-None-Match`. No limit is above 1,000,000,000. api.py PORT-FILE KEY"""

import hashlib
import http.server
import json
import pathlib
import sys
import threading

queues, lock = {"/queues/a": b'{"limit": 7}'}, threading.Lock()
port_file, key = pathlib.Path(sys.argv[1]), sys.argv[2]


def version(body):
    return '"' + hashlib.sha256(body).hexdigest()[:16] + '"'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, status, body=b"{}", etag=None):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if etag:
            self.send_header("etag", etag)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.headers.get("authorization") != key:
            return self.say(401)
        with lock:
            body = queues.get(self.path)
        return self.say(200, body, version(body)) if body is not None else self.say(404)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("authorization") != key:
            return self.say(401)
        if json.loads(body).get("limit", 0) > 1_000_000_000:
            return self.say(422)
        with lock:
            known = queues.get(self.path)
            wanted = self.headers.get("if-match")
            if (wanted and (known is None or wanted != version(known))) or (self.headers.get("if-none-match") and known is not None):
                return self.say(412)
            queues[self.path] = json.dumps(json.loads(body)).encode()
            etag = version(queues[self.path])
        return self.say(200, b"{}", etag)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
port_file.write_text(str(server.server_address[1]))
server.serve_forever()
