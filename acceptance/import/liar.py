"""A server that claims to be MLflow's, and lies in a way for each first segment of a path: `liar.py PORT_FILE`."""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RUN = {"info": {"run_id": "a" * 32, "experiment_id": "1", "status": "FINISHED", "lifecycle_stage": "active", "artifact_uri": "mlflow-artifacts:/1/a"}, "data": {}}
EXPERIMENT = {"experiment_id": "1", "name": "liar", "lifecycle_stage": "active", "artifact_location": "mlflow-artifacts:/1"}


class Liar(BaseHTTPRequestHandler):
    def do_GET(self):
        _, lie, path = self.path.split("?")[0].split("/", 2)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path == "version":
            return self.say(b"3.17.2" if lie != "other" else b"<html>hello</html>")
        if path.endswith("experiments/search"):
            answer = {"experiments": [EXPERIMENT]}
            if lie == "endless":
                answer["next_page_token"] = str(id(answer))
            if lie == "senseless":
                answer["experiments"] = [{"experiment_id": "one", "name": 3}]
            text = json.dumps(answer).encode()
            if lie == "large":
                return self.endless()
            return self.say(text[:-5] if lie == "cut" else text, promised=len(text))
        if path.endswith("runs/search"):
            return self.say(json.dumps({"runs": [RUN]}).encode())
        if path.endswith("runs/get"):
            return self.say(json.dumps({"run": RUN}).encode())
        if path.endswith("mlflow-artifacts/artifacts"):
            return self.say(json.dumps({"files": [{"path": "../../etc/passwd", "is_dir": False, "file_size": 3}]}).encode())
        self.say(b"{}")

    do_POST = do_GET

    def say(self, body, promised=None):
        self.send_response(200)
        self.send_header("Content-Length", str(promised or len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def endless(self):
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(400):
                self.wfile.write(b" " * (1 << 20))
        except OSError:
            pass
        self.close_connection = True

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
open(sys.argv[1], "w").write(str(server.server_port))
server.serve_forever()
