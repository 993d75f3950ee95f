"""An authority over HTTP for acceptance/timestamp.sh: `serve.py FOLDER` prints its port and has openssl answer each request."""

import http.server
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(sys.argv[1])


class Authority(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers["content-type"] != "application/timestamp-query":
            return self.send_error(415)
        (FOLDER / "http.tsq").write_bytes(body)
        words = ["openssl", "ts", "-reply", "-config", "conf", "-queryfile", "http.tsq", "-signer", "authority.pem"]
        words += ["-inkey", "authority.key", "-chain", "below.pem", "-sha256", "-out", "http.tsr"]
        subprocess.run(words, cwd=FOLDER, check=True, capture_output=True)
        answer = (FOLDER / "http.tsr").read_bytes()
        self.send_response(200)
        self.send_header("content-type", "application/timestamp-reply")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Authority)
print(server.server_address[1], flush=True)
server.serve_forever()
